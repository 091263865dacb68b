import { z } from 'zod';
import { moneyView, timestamp } from '../access/fields.ts';

const amount = moneyView.shape.amount;

export const payeeStatementView = z
  .strictObject({
    payeeId: z.string(),
    from: timestamp,
    to: timestamp,
    lines: z.array(
      z.strictObject({
        lineId: z.string(),
        leaseId: z.string(),
        accrued: moneyView.meta({ description: 'In the period, as far as it is settled' }),
        paid: moneyView.meta({ description: 'Put into payouts in the period, network fees included' }),
        fees: moneyView,
        payable: moneyView.meta({ description: 'Owed and in no payout, now' }),
      }),
    ),
    entries: z.array(
      z.strictObject({
        at: timestamp,
        kind: z.enum(['accrued', 'paid']),
        leaseId: z.string(),
        lineId: z.string(),
        asset: z.string(),
        amount,
        fee: amount,
        net: amount,
        payoutId: z.string().nullable(),
        state: z.enum(['planned', 'sent', 'confirmed']).nullable(),
        txId: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'PayeeStatement' });
export type PayeeStatement = z.output<typeof payeeStatementView>;

export const PAYEE_COLUMNS = [
  'at',
  'kind',
  'leaseId',
  'lineId',
  'asset',
  'amount',
  'fee',
  'net',
  'payoutId',
  'state',
  'txId',
] as const;
