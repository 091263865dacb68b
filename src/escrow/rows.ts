import type { Tx } from '../platform/database.ts';
import type { LineClock } from '../quotes/lock.ts';
import type { Run } from './accrual.ts';

/**
 * A lease is `awaiting` its first credit, `active` while its escrow accrues, `depleted` when a line ran dry, `closed` by
 * its tenant, or `expired` because nothing was credited while its lock was open. `depleted` goes back to `active` with
 * the next credit; `closed` and `expired` are ends.
 */
export type LeaseState = 'awaiting' | 'active' | 'depleted' | 'closed' | 'expired';

export interface LeaseRow {
  readonly id: string;
  readonly tenantId: string;
  readonly reference: string;
  readonly state: LeaseState;
  readonly refundMode: 'market' | 'inKind';
  readonly afterDepletion: 'resume' | 'return';
  readonly refundAddresses: Readonly<Record<string, string>>;
  readonly payoutsFrozen: boolean;
  readonly createdAt: Date;
  readonly activeAt: Date | null;
  readonly depletedAt: Date | null;
  readonly closedAt: Date | null;
}

export interface LineRow {
  readonly id: string;
  readonly leaseId: string;
  readonly n: number;
  readonly payeeId: string;
  readonly asset: string;
  readonly clock: LineClock;
  readonly priceNumerator: bigint;
  readonly state: 'idle' | 'running' | 'stopped';
  readonly startedTick: bigint | null;
  readonly settledUnits: bigint;
  readonly balanceUnits: bigint;
  readonly depletesTick: bigint | null;
  readonly accruedUnits: bigint;
  readonly paidOutUnits: bigint;
}

export interface LotRow {
  readonly id: string;
  readonly lineId: string;
  readonly depositId: string;
  readonly lockId: string | null;
  readonly paidAsset: string;
  readonly paidUnits: bigint;
  readonly feeUnits: bigint;
  readonly creditedUnits: bigint;
  readonly consumedUnits: bigint;
  readonly withdrawnUnits: bigint;
  readonly createdAt: Date;
  readonly releasedAt: Date | null;
}

/** A row whose numerics came as text, with the named ones as bigint. */
function withUnits<T>(row: Record<string, unknown>, names: readonly string[]): T {
  const copy: Record<string, unknown> = { ...row };
  for (const name of names) {
    const value = copy[name];
    copy[name] = typeof value === 'string' ? BigInt(value) : null;
  }
  return copy as T;
}

/** Locks a lease's row until the transaction ends: everything that moves its escrow does this first. */
export async function lockLease(tx: Tx, leaseId: string): Promise<LeaseRow | undefined> {
  const [row] = await tx.$queryRaw<LeaseRow[]>`
    SELECT id, tenant_id AS "tenantId", reference, state, refund_mode AS "refundMode", after_depletion AS "afterDepletion",
           refund_addresses AS "refundAddresses", payouts_frozen AS "payoutsFrozen", created_at AS "createdAt",
           active_at AS "activeAt", depleted_at AS "depletedAt", closed_at AS "closedAt"
    FROM leases WHERE id = ${leaseId} FOR UPDATE`;
  return row;
}

export async function linesOf(tx: Tx, leaseIds: readonly string[]): Promise<LineRow[]> {
  const rows = await tx.$queryRaw<Record<string, unknown>[]>`
    SELECT id, lease_id AS "leaseId", n, payee_id AS "payeeId", asset, clock, price_numerator::text AS "priceNumerator", state,
           started_tick::text AS "startedTick", settled_units::text AS "settledUnits", balance_units::text AS "balanceUnits",
           depletes_tick::text AS "depletesTick", accrued_units::text AS "accruedUnits", paid_out_units::text AS "paidOutUnits"
    FROM lines WHERE lease_id = ANY(${[...leaseIds]}) ORDER BY lease_id, n`;
  const units = [
    'priceNumerator',
    'startedTick',
    'settledUnits',
    'balanceUnits',
    'depletesTick',
    'accruedUnits',
    'paidOutUnits',
  ];
  return rows.map((row) => withUnits<LineRow>(row, units));
}

/** Lots of lines, first in first out. */
export async function lotsOf(tx: Tx, lineIds: readonly string[]): Promise<LotRow[]> {
  const rows = await tx.$queryRaw<Record<string, unknown>[]>`
    SELECT id, line_id AS "lineId", deposit_id AS "depositId", lock_id AS "lockId", paid_asset AS "paidAsset",
           paid_units::text AS "paidUnits", fee_units::text AS "feeUnits", credited_units::text AS "creditedUnits",
           consumed_units::text AS "consumedUnits", withdrawn_units::text AS "withdrawnUnits", created_at AS "createdAt",
           released_at AS "releasedAt"
    FROM lots WHERE line_id = ANY(${[...lineIds]}) ORDER BY line_id, n`;
  const units = ['paidUnits', 'feeUnits', 'creditedUnits', 'consumedUnits', 'withdrawnUnits'];
  return rows.map((row) => withUnits<LotRow>(row, units));
}

export const leftUnits = (lot: LotRow): bigint => lot.creditedUnits - lot.consumedUnits - lot.withdrawnUnits;

/** The line as a run, while it is one. */
export function runOf(line: LineRow): Run | undefined {
  if (line.state !== 'running' || line.startedTick === null) return undefined;
  const { priceNumerator, startedTick, settledUnits, balanceUnits } = line;
  return { priceNumerator, startedTick, settledUnits, balanceUnits };
}

/** Where each clock stands: as far as the Akash chain was read. */
export interface Ticks {
  readonly 'akash-height': bigint;
  readonly utc: bigint;
}

/** The present tick of each clock. @throws Error before the first block was read. */
export async function ticksNow(tx: Tx): Promise<Ticks> {
  const [row] = await tx.$queryRaw<{ height: bigint; seconds: bigint }[]>`
    SELECT height, floor(extract(epoch FROM block_time))::bigint AS seconds FROM chain_cursors WHERE chain = 'akash'`;
  if (row === undefined) throw new Error('no block of the Akash chain was read yet');
  return { 'akash-height': row.height, utc: row.seconds };
}
