import { z } from 'zod';
import { moneyView, timestamp } from '../access/fields.ts';
import type { AccountName } from '../ledger/account.ts';

/** What a transfer means to the lease it belongs to. */
export const ENTRY_KINDS = [
  'deposit',
  'converted',
  'cost.premium',
  'cost.fee',
  'cost.swap',
  'cost.network',
  'credit',
  'accrual',
  'payout',
  'unspent',
  'refund',
  'refund.fee',
  'refund.network',
  'refund.sent',
  'reorg',
  'restored',
  'unwound',
  'other',
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** `from kind→to kind`, or with a name where it decides. */
const KINDS: Readonly<Record<string, EntryKind>> = {
  'external→suspense': 'deposit',
  'suspense→desk': 'converted',
  'desk→revenue:premium': 'cost.premium',
  'desk→revenue:fee': 'cost.fee',
  'desk→recovery:swap': 'cost.swap',
  'desk→recovery:network': 'cost.network',
  'desk→escrow': 'credit',
  'escrow→payable': 'accrual',
  'payable→payout': 'payout',
  'escrow→desk': 'unspent',
  'escrow→refund': 'unspent',
  'desk→refund': 'refund',
  'suspense→refund': 'refund',
  'revenue:fee→refund': 'refund.fee',
  'refund→recovery:network': 'refund.network',
  'refund→external': 'refund.sent',
  'reorg→external': 'reorg',
  'external→reorg': 'restored',
  'suspense→reorg': 'unwound',
  'desk→reorg': 'unwound',
  'loss→reorg': 'unwound',
};

/** Own accounts whose name matters are told apart by it. */
const side = (account: AccountName): string =>
  /^(revenue|recovery):/.test(account) ? account : account.slice(0, account.indexOf(':'));

export const entryKind = (from: AccountName, to: AccountName): EntryKind =>
  KINDS[`${side(from)}→${side(to)}`] ?? 'other';

export const entryView = z.strictObject({
  at: timestamp,
  kind: z.enum(ENTRY_KINDS),
  asset: z.string(),
  amount: moneyView.shape.amount,
  lineId: z.string().nullable(),
  reference: z.string().meta({ description: 'Id of the deposit, payout, refund or lease it belongs to' }),
  txId: z.string().nullable(),
});

export const statementView = z
  .strictObject({
    leaseId: z.string(),
    reference: z.string(),
    at: timestamp,
    locks: z.array(
      z.strictObject({
        lockId: z.string(),
        quoteId: z.string(),
        lockedAt: timestamp,
        size: moneyView,
        paid: moneyView,
      }),
    ),
    entries: z.array(entryView).meta({
      description: 'Every booked movement of the lease’s money, oldest first; accrual as far as it is settled',
    }),
    totals: z
      .array(z.strictObject({ kind: z.enum(ENTRY_KINDS), total: moneyView }))
      .meta({ description: 'Sum of the entries of each kind' }),
    balances: z
      .array(z.strictObject({ kind: z.enum(['suspense', 'escrow', 'payable', 'refund']), balance: moneyView }))
      .meta({ description: 'What the ledger holds for the lease now, by what it waits for' }),
  })
  .meta({ id: 'LeaseStatement' });
export type LeaseStatement = z.output<typeof statementView>;

export const STATEMENT_COLUMNS = ['at', 'kind', 'asset', 'amount', 'lineId', 'reference', 'txId'] as const;
