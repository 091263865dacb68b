import { z } from 'zod';
import { moneyView, timestamp, viewMoney, viewTime, viewTimeOrNull } from '../access/fields.ts';
import type { Asset } from '../money/asset.ts';
import { allocate } from '../money/rate.ts';

/** A line's part of a payout. */
export interface PayoutItem {
  readonly lineId: string;
  readonly leaseId: string;
  readonly tenantId: string;
  readonly units: bigint;
  /** Its share of the network fee. */
  readonly feeUnits: bigint;
}

export interface PayoutRecord {
  readonly id: string;
  readonly payeeId: string;
  readonly chain: string;
  readonly asset: string;
  readonly address: string;
  readonly state: 'planned' | 'sent' | 'confirmed';
  readonly feeUnits: bigint;
  readonly txId: string | null;
  readonly createdAt: Date;
  readonly confirmedAt: Date | null;
  readonly items: readonly PayoutItem[];
}

export const payoutView = z
  .strictObject({
    id: z.string(),
    payeeId: z.string(),
    chain: z.string(),
    address: z.string(),
    state: z.enum(['planned', 'sent', 'confirmed']),
    amount: moneyView.meta({ description: 'What was owed; a tenant sees what concerns its own leases' }),
    fee: moneyView.meta({ description: "The recipient's share of the network fee" }),
    net: moneyView.meta({ description: 'What arrives' }),
    txId: z.string().nullable(),
    createdAt: timestamp,
    confirmedAt: timestamp.nullable(),
    lines: z.array(z.strictObject({ leaseId: z.string(), lineId: z.string(), amount: moneyView, fee: moneyView })),
  })
  .meta({ id: 'Payout' });

/** Shares a payout's fee among its items by their size: the shares add up to the fee. */
export function withFees(items: readonly Omit<PayoutItem, 'feeUnits'>[], feeUnits: bigint): readonly PayoutItem[] {
  const shares = allocate(
    feeUnits,
    items.map(({ lineId, units }) => ({ id: lineId, weight: units })),
  );
  return items.map((item) => ({ ...item, feeUnits: shares.get(item.lineId) ?? 0n }));
}

/** A payout with the items the caller may see. */
export function viewPayout(row: PayoutRecord, asset: Pick<Asset, 'id' | 'decimals'>): z.output<typeof payoutView> {
  const units = row.items.reduce((sum, item) => sum + item.units, 0n);
  const fee = row.items.reduce((sum, item) => sum + item.feeUnits, 0n);
  const { id, payeeId, chain, address, state, txId } = row;
  return {
    ...{ id, payeeId, chain, address, state, txId },
    amount: viewMoney(asset, units),
    fee: viewMoney(asset, fee),
    net: viewMoney(asset, units - fee),
    createdAt: viewTime(row.createdAt),
    confirmedAt: viewTimeOrNull(row.confirmedAt),
    lines: row.items.map((item) => ({
      leaseId: item.leaseId,
      lineId: item.lineId,
      amount: viewMoney(asset, item.units),
      fee: viewMoney(asset, item.feeUnits),
    })),
  };
}
