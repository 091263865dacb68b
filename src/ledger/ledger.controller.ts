import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Answers, Needs } from '../access/decorators.ts';
import { assetField, viewTime } from '../access/fields.ts';
import { page, pageOf, pageQuery, readCursor } from '../access/page.ts';
import { isAccountKind, parseAccount } from './account.ts';
import { type AccountRow, Books, type JournalRow, type TransferRow } from './books.service.ts';
import { Ledger } from './ledger.service.ts';
import { accountView, headView, journalView, transferView } from './view.ts';

const kindField = z.string().refine(isAccountKind, { error: 'a kind of account' });
const accountField = z.string().refine(isAccountName, { error: 'an account, kind:ref' });

const accountsQuery = pageQuery.extend({ kind: kindField.optional() });
const historyQuery = pageQuery.extend({ account: accountField, asset: assetField });

/** The books. All but their head is the operator's; amounts are base units, since the ledger knows no decimals. */
@Controller('v1/ledger')
export class LedgerController {
  constructor(
    private readonly ledger: Ledger,
    private readonly books: Books,
  ) {}

  @Get('head')
  @Needs('assets:read')
  @Answers(200, headView, 'The newest seal of the hash chain over all journals')
  async readHead() {
    const { seq, hash, sealedAt } = await this.ledger.head();
    return { seq: seq.toString(), hash, sealedAt: sealedAt === null ? null : viewTime(sealedAt) };
  }

  @Get('accounts')
  @Needs('ledger:read')
  @Answers(200, pageOf(accountView), 'Accounts with their balances, by name')
  async listAccounts(@Query({ schema: accountsQuery }) { kind, limit, cursor }: z.output<typeof accountsQuery>) {
    const list = `accounts.${kind ?? 'all'}`;
    const position = readCursor(list, cursor, /^[a-z]+ \S+ \S+$/);
    const [afterKind = '', afterRef = '', afterAsset = ''] = position?.split(' ') ?? [];
    const after = position === undefined ? null : ([afterKind, afterRef, afterAsset] as const);
    const rows = await this.books.accounts(after, kind ?? null, limit + 1);
    const positionOf = ({ account, asset }: AccountRow) => `${account.replace(':', ' ')} ${asset}`;
    return page(list, rows, limit, positionOf, (row) => row);
  }

  @Get('journals')
  @Needs('ledger:read')
  @Answers(200, pageOf(journalView), 'Sealed journals with their transfers, oldest first')
  async listJournals(@Query({ schema: pageQuery }) { limit, cursor }: z.output<typeof pageQuery>) {
    const after = BigInt(readCursor('journals', cursor, /^\d{1,18}$/) ?? '0');
    const rows = await this.books.journals(after, limit + 1);
    return page('journals', rows, limit, ({ seq }) => seq, viewJournal);
  }

  @Get('transfers')
  @Needs('ledger:read')
  @Answers(200, pageOf(transferView), 'Transfers of one account, newest first')
  async listTransfers(@Query({ schema: historyQuery }) query: z.output<typeof historyQuery>) {
    const { account, asset, limit, cursor } = query;
    const list = `transfers.${account}.${asset}`;
    const position = readCursor(list, cursor, /^\d{1,18} \d{1,5}$/);
    const [journalId = '', n = ''] = position?.split(' ') ?? [];
    const before = position === undefined ? null : { journalId, n };
    const rows = await this.books.history(parseAccount(account), asset, before, limit + 1);
    return page(list, rows, limit, (row) => `${row.journalId} ${row.n}`, viewTransfer);
  }
}

function isAccountName(text: string): boolean {
  const [kind = ''] = text.split(':');
  return isAccountKind(kind) && text.length <= 200 && /^\w+:\S+$/.test(text);
}

const viewTransfer = ({ placeHeight, placeTx, ...transfer }: TransferRow) => ({
  ...transfer,
  place: placeHeight === null || placeTx === null ? null : { height: placeHeight, txId: placeTx },
});

const viewJournal = ({ effectiveAt, postedAt, transfers, ...journal }: JournalRow) => ({
  ...journal,
  effectiveAt: viewTime(effectiveAt),
  postedAt: viewTime(postedAt),
  transfers: transfers.map(viewTransfer),
});
