import type { AssetId } from '../money/asset.ts';
import { ACCOUNT_KINDS, type AccountName, parseAccount } from './account.ts';
import { checkJournal, type Journal } from './transfer.ts';

/** The call of the posting function; its parameters are the arrays `postingParameters` gives. */
export const POST_SQL = `SELECT journal_ids::text[] AS ids, posted FROM ledger_post(
  $1::text[], $2::text[], $3::text[], $4::smallint[],
  $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[],
  $12::integer[], $13::integer[], $14::integer[], $15::numeric[], $16::bigint[], $17::text[])`;

/**
 * Journals as the parallel arrays of `ledger_post`, each in PostgreSQL's text form. `spread` picks the shard of busy
 * accounts: any whole number. @throws Error for a journal that is wrong in itself.
 */
export function postingParameters(journals: readonly Journal[], spread: number): string[] {
  const accounts = new Accounts(spread);
  const moves = journals.flatMap((journal, n) => {
    checkJournal(journal);
    return journal.transfers.map((transfer) => ({
      journal: n + 1,
      source: accounts.numberOf(transfer.from, transfer.asset),
      target: accounts.numberOf(transfer.to, transfer.asset),
      ...transfer,
    }));
  });
  return [
    ...accounts.columns(),
    arrayText(journals.map(({ key }) => key)),
    arrayText(journals.map(({ kind }) => kind)),
    arrayText(journals.map(({ cause }) => cause)),
    arrayText(journals.map(({ priceEvidenceId }) => priceEvidenceId)),
    arrayText(journals.map(({ ruleVersion }) => ruleVersion)),
    arrayText(journals.map(({ tenantId }) => tenantId)),
    arrayText(journals.map(({ effectiveAt }) => effectiveAt.toISOString())),
    arrayText(moves.map(({ journal }) => journal)),
    arrayText(moves.map(({ source }) => source)),
    arrayText(moves.map(({ target }) => target)),
    arrayText(moves.map(({ units }) => units)),
    arrayText(moves.map(({ place }) => place?.height)),
    arrayText(moves.map(({ place }) => place?.txId)),
  ];
}

/** The distinct accounts of a batch, numbered from 1 in the order they are met. */
class Accounts {
  private readonly numbers = new Map<string, number>();
  private readonly rows: { kind: string; ref: string; asset: AssetId; shard: number }[] = [];

  constructor(private readonly spread: number) {}

  numberOf(name: AccountName, asset: AssetId): number {
    const key = `${asset} ${name}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const { kind, ref } = parseAccount(name);
    const { shards } = ACCOUNT_KINDS[kind];
    const number = this.rows.push({ kind, ref, asset, shard: this.spread % shards });
    this.numbers.set(key, number);
    return number;
  }

  columns(): string[] {
    const { rows } = this;
    return [
      arrayText(rows.map(({ kind }) => kind)),
      arrayText(rows.map(({ ref }) => ref)),
      arrayText(rows.map(({ asset }) => asset)),
      arrayText(rows.map(({ shard }) => shard)),
    ];
  }
}

/** https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function arrayText(values: readonly (string | number | bigint | null | undefined)[]): string {
  const items = values.map((value) => {
    if (value === null || value === undefined) return 'NULL';
    return typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : value.toString();
  });
  return `{${items.join(',')}}`;
}
