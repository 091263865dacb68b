import { z } from 'zod';
import { moneyView, timestamp, viewMoney, viewTime, viewTimeOrNull } from '../access/fields.ts';
import type { AssetCatalog } from '../markets/catalog.ts';

export const refundView = z
  .strictObject({
    id: z.string(),
    leaseId: z.string(),
    depositId: z.string(),
    lotId: z.string().nullable(),
    reason: z
      .enum(['unspent', 'fee', 'return'])
      .meta({ description: 'Unspent escrow, its part of the service fee, or money that did not fit' }),
    mode: z.enum(['market', 'inKind']),
    from: moneyView.meta({ description: 'What it was before it was sold; the same as `amount` in kind' }),
    chain: z.string(),
    address: z.string(),
    state: z
      .enum(['held', 'planned', 'sent', 'confirmed'])
      .meta({ description: '`held`: costs more than it brings; sent when fees fall' }),
    amount: moneyView,
    fee: moneyView.meta({ description: 'Network fee; while it is held not taken' }),
    net: moneyView,
    txId: z.string().nullable(),
    createdAt: timestamp,
    confirmedAt: timestamp.nullable(),
  })
  .meta({ id: 'Refund' });

export interface RefundRecord {
  readonly id: string;
  readonly leaseId: string;
  readonly depositId: string;
  readonly lotId: string | null;
  readonly reason: 'unspent' | 'fee' | 'return';
  readonly mode: 'market' | 'inKind';
  readonly fromAsset: string;
  readonly fromUnits: string;
  readonly chain: string;
  readonly asset: string;
  readonly address: string;
  readonly state: 'held' | 'planned' | 'sent' | 'confirmed';
  readonly units: string;
  readonly feeUnits: string;
  readonly netUnits: string;
  readonly txId: string | null;
  readonly createdAt: Date;
  readonly confirmedAt: Date | null;
}

export function viewRefund(row: RefundRecord, catalog: AssetCatalog): z.output<typeof refundView> {
  const asset = catalog.require(row.asset);
  const { id, leaseId, depositId, lotId, reason, mode, chain, address, state, txId } = row;
  return {
    ...{ id, leaseId, depositId, lotId, reason, mode, chain, address, state, txId },
    from: viewMoney(catalog.require(row.fromAsset), BigInt(row.fromUnits)),
    amount: viewMoney(asset, BigInt(row.units)),
    fee: viewMoney(asset, BigInt(row.feeUnits)),
    net: viewMoney(asset, BigInt(row.netUnits)),
    createdAt: viewTime(row.createdAt),
    confirmedAt: viewTimeOrNull(row.confirmedAt),
  };
}
