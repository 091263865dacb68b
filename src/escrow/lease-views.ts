import { z } from 'zod';
import { moneyView, timestamp } from '../access/fields.ts';
import { depositView } from '../deposits/view.ts';

const tickView = z
  .strictObject({
    clock: z.enum(['akash-height', 'utc']),
    tick: z.string().meta({ description: 'Akash block height, or Unix seconds: the last one that is paid for' }),
    estimatedAt: timestamp.meta({ description: 'The time of that tick; for heights estimated from recent blocks' }),
  })
  .meta({ id: 'FundedUntil' });

const lineView = z
  .strictObject({
    id: z.string(),
    n: z.int(),
    payeeId: z.string(),
    payeeAddress: z.string(),
    clock: z.enum(['akash-height', 'utc', 'once']),
    pricePerTick: moneyView.meta({ description: 'For one block, one second, or the whole line, by its clock' }),
    state: z.enum(['idle', 'running', 'stopped']),
    credited: moneyView,
    accrued: moneyView.meta({ description: 'Owed to the payee up to now, all of its payouts included' }),
    paidOut: moneyView,
    unspent: moneyView,
    fundedUntil: tickView.nullable(),
  })
  .meta({ id: 'Line' });

const lotView = z
  .strictObject({
    id: z.string(),
    lineId: z.string(),
    depositId: z.string(),
    lockId: z.string().nullable().meta({ description: 'Null for money credited at the rate of its day' }),
    paid: moneyView,
    credited: moneyView,
    consumed: moneyView,
    withdrawn: moneyView.meta({ description: 'Refunded at close, or taken back with a reorganised deposit' }),
    releasedAt: timestamp.nullable(),
  })
  .meta({ id: 'Lot' });

const lockView = z
  .strictObject({
    id: z.string(),
    quoteId: z.string(),
    kind: z.enum(['window', 'right']),
    state: z.enum(['open', 'closed']),
    size: moneyView,
    paid: moneyView,
    due: moneyView.meta({ description: 'What may still be paid at the locked rate' }),
    lockedAt: timestamp,
    fundBy: timestamp,
    confirmBy: timestamp,
    address: z.string(),
    paymentUri: z
      .string()
      .nullable()
      .meta({ description: 'For what is due; null when nothing is or the time is over' }),
  })
  .meta({ id: 'Lock' });

export const leaseView = z
  .strictObject({
    id: z.string(),
    reference: z.string(),
    state: z.enum(['awaiting', 'active', 'depleted', 'closed', 'expired']),
    createdAt: timestamp,
    activeAt: timestamp.nullable(),
    depletedAt: timestamp.nullable(),
    closedAt: timestamp.nullable(),
    payoutsFrozen: z
      .boolean()
      .meta({ description: 'A deposit is out of the chain at the moment; payouts wait for it' }),
    refund: z.strictObject({ mode: z.enum(['market', 'inKind']), addresses: z.record(z.string(), z.string()) }),
    afterDepletion: z.enum(['resume', 'return']),
    fundedUntil: tickView.nullable(),
    lines: z.array(lineView),
    locks: z.array(lockView),
    lots: z.array(lotView),
    deposits: z.array(depositView),
  })
  .meta({ id: 'Lease' });

export type LeaseView = z.output<typeof leaseView>;
export type LineView = z.output<typeof lineView>;
export type LotView = z.output<typeof lotView>;
export type LockView = z.output<typeof lockView>;
export type FundedUntil = z.output<typeof tickView>;
