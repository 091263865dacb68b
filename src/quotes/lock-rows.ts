import { z } from 'zod';
import { Prisma } from '../platform/prisma/client.ts';
import { COST_KINDS, type Costs, type Lock, type LockLine, mapCosts } from './lock.ts';
import { termsSchema } from './terms.ts';

const units = z.string().transform(BigInt);

const lineSchema = z.strictObject({
  n: z.int(),
  lineId: z.string(),
  asset: z.string(),
  clock: z.enum(['akash-height', 'utc', 'once']),
  priceNumerator: units,
  ticks: units,
  units,
  shareUnits: units,
  rateNum: units,
  rateDen: units,
});

const costsSchema = z.record(z.enum(COST_KINDS), units);

/** A row of `locks` as `LOCK_COLUMNS` reads it. */
export interface LockRow {
  readonly id: string;
  readonly quote_id: string;
  readonly kind: Lock['kind'];
  readonly tenant_id: string;
  readonly lease_id: string;
  readonly pay_asset: string;
  readonly quoted_units: string;
  readonly capacity_units: string;
  readonly size_units: string;
  readonly paid_units: string;
  readonly state: Lock['state'];
  readonly locked_at: Date;
  readonly fund_by: Date;
  readonly confirm_by: Date;
  readonly closed_at: Date | null;
  readonly costs: unknown;
  readonly lines: unknown;
  readonly terms: unknown;
}

export const LOCK_COLUMNS = Prisma.raw(`
  id, quote_id, kind, tenant_id, lease_id, pay_asset, quoted_units::text AS quoted_units,
  capacity_units::text AS capacity_units, size_units::text AS size_units, paid_units::text AS paid_units, state,
  locked_at, fund_by, confirm_by, closed_at, costs, lines, terms`);

export const lockOf = (row: LockRow): Lock => ({
  id: row.id,
  quoteId: row.quote_id,
  kind: row.kind,
  tenantId: row.tenant_id,
  leaseId: row.lease_id,
  payAsset: row.pay_asset,
  quotedUnits: BigInt(row.quoted_units),
  capacityUnits: BigInt(row.capacity_units),
  sizeUnits: BigInt(row.size_units),
  paidUnits: BigInt(row.paid_units),
  state: row.state,
  lockedAt: row.locked_at,
  fundBy: row.fund_by,
  confirmBy: row.confirm_by,
  closedAt: row.closed_at,
  costs: costsSchema.parse(row.costs),
  lines: z.array(lineSchema).parse(row.lines),
  terms: termsSchema.parse(row.terms),
});

export const costsJson = (costs: Costs): string =>
  JSON.stringify(
    Object.fromEntries(Object.entries(mapCosts((kind) => costs[kind])).map(([k, v]) => [k, v.toString()])),
  );

export const linesJson = (lines: readonly LockLine[]): string =>
  JSON.stringify(lines, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
