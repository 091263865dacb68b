import { z } from 'zod';
import { timestamp, viewTime, viewTimeOrNull } from '../access/fields.ts';
import type { IncomingTransfer } from '../adapters/chain.ts';
import type { Asset } from '../money/asset.ts';
import { formatUnits } from '../money/codec.ts';

/** What an event says of a transfer: amounts as decimal strings, or base units for a token that is not known. */
export function transferData(assets: readonly Asset[], transfer: IncomingTransfer): Record<string, unknown> {
  const asset = assets.find(({ id }) => id === transfer.asset);
  return {
    txId: transfer.txId,
    place: transfer.place,
    asset: transfer.asset,
    reference: transfer.reference,
    amount: asset === undefined ? transfer.units.toString() : formatUnits(transfer.units, asset.decimals),
  };
}

export const depositView = z
  .strictObject({
    id: z.string(),
    chain: z.string(),
    txId: z.string(),
    place: z.string(),
    address: z.string(),
    leaseId: z.string().nullable(),
    asset: z.string().nullable(),
    reference: z.string().nullable().meta({ description: 'Contract or denom of an asset that is not known' }),
    amount: z.string().meta({ description: 'Whole units; base units of an unknown token' }),
    state: z.enum(['seen', 'dropped', 'confirmed', 'credited', 'returned', 'unclaimed', 'float', 'reorged', 'unwound']),
    reason: z.string().nullable(),
    seenAt: timestamp,
    height: z.int().nullable(),
    confirmations: z.int(),
    creditedAt: timestamp.nullable(),
    releasedAt: timestamp.nullable(),
  })
  .meta({ id: 'Deposit' });

/** A deposit as it is read for a view. */
export interface DepositRecord {
  readonly id: string;
  readonly chain: string;
  readonly tx_id: string;
  readonly place: string;
  readonly address: string;
  readonly lease_id: string | null;
  readonly asset: string | null;
  readonly reference: string | null;
  readonly units: string;
  readonly state: z.output<typeof depositView>['state'];
  readonly reason: string | null;
  readonly seen_at: Date;
  readonly height: number | null;
  readonly confirmations: number;
  readonly credited_at: Date | null;
  readonly released_at: Date | null;
}

export const viewDeposit = (row: DepositRecord, assets: readonly Asset[]): z.output<typeof depositView> => {
  const asset = assets.find(({ id }) => id === row.asset);
  return {
    id: row.id,
    chain: row.chain,
    txId: row.tx_id,
    place: row.place,
    address: row.address,
    leaseId: row.lease_id,
    asset: row.asset,
    reference: row.reference,
    amount: asset === undefined ? row.units : formatUnits(BigInt(row.units), asset.decimals),
    state: row.state,
    reason: row.reason,
    seenAt: viewTime(row.seen_at),
    height: row.height,
    confirmations: row.confirmations,
    creditedAt: viewTimeOrNull(row.credited_at),
    releasedAt: viewTimeOrNull(row.released_at),
  };
};
