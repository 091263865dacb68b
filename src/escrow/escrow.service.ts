import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../platform/database.ts';
import { type LeaseRow, leftUnits, type LineRow, linesOf, type LotRow, lockLease, lotsOf } from './rows.ts';

/** Unspent escrow of a lot of a lease that has ended. */
export interface UnspentLot {
  readonly lot: LotRow;
  readonly line: LineRow;
  readonly units: bigint;
}

/** A deposit, or the part of one, that goes back the way it came. */
export interface ReturnDue {
  readonly depositId: string;
  readonly leaseId: string;
  readonly asset: string;
  readonly units: bigint;
  readonly reversals: number;
}

/** What a line owes its payee and may leave now. */
export interface Payable {
  readonly lineId: string;
  readonly asset: string;
  /** Where the payee was paid when the line was opened. */
  readonly destination: string;
  readonly units: bigint;
}

/** What payouts and refunds take out of escrow. The caller books it. */
@Injectable()
export class Escrow {
  constructor(private readonly database: Database) {}

  /** Locks a lease that exists. */
  async lock(tx: Tx, leaseId: string): Promise<LeaseRow> {
    const lease = await lockLease(tx, leaseId);
    if (lease === undefined) throw new Error(`lease ${leaseId} is gone`);
    return lease;
  }

  /** Leases with lines of a payee that are running or not fully paid out, in the order all workers lock them. */
  async leasesOfPayee(tx: Tx, payeeId: string): Promise<string[]> {
    const rows = await tx.$queryRaw<{ id: string }[]>`
      SELECT DISTINCT lease_id AS id FROM lines
      WHERE payee_id = ${payeeId} AND (state = 'running' OR paid_out_units < accrued_units) ORDER BY lease_id`;
    return rows.map(({ id }) => id);
  }

  /** What of a payee's payables may leave now: accrued from released lots, of leases that are not frozen, not paid out. */
  async takePayable(tx: Tx, payeeId: string): Promise<Payable[]> {
    const rows = await tx.$queryRaw<(Omit<Payable, 'units'> & { units: string })[]>`
      SELECT l.id AS "lineId", l.asset, l.destination,
        (sum(t.consumed_units) FILTER (WHERE t.released_at IS NOT NULL) - l.paid_out_units)::text AS units
      FROM lines l JOIN leases e ON e.id = l.lease_id JOIN lots t ON t.line_id = l.id
      WHERE l.payee_id = ${payeeId} AND l.paid_out_units < l.accrued_units AND NOT e.payouts_frozen
      GROUP BY l.id, l.asset, l.destination, l.paid_out_units
      HAVING sum(t.consumed_units) FILTER (WHERE t.released_at IS NOT NULL) > l.paid_out_units
      ORDER BY l.id`;
    return rows.map((row) => ({ ...row, units: BigInt(row.units) }));
  }

  async markPaidOut(tx: Tx, paid: readonly { readonly lineId: string; readonly units: bigint }[]): Promise<void> {
    for (const { lineId, units } of paid) {
      await tx.$executeRaw`
        UPDATE lines SET paid_out_units = paid_out_units + ${units.toString()}::numeric WHERE id = ${lineId}`;
    }
  }

  /** Ended leases that still hold released escrow. */
  async leasesToRefund(): Promise<string[]> {
    const rows = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT DISTINCT e.id FROM leases e JOIN lines l ON l.lease_id = e.id JOIN lots t ON t.line_id = l.id
      WHERE e.state IN ('closed', 'expired') AND NOT e.payouts_frozen AND l.balance_units > 0
        AND t.released_at IS NOT NULL AND t.consumed_units + t.withdrawn_units < t.credited_units
      ORDER BY e.id LIMIT 200`;
    return rows.map(({ id }) => id);
  }

  /** Released lots of an ended lease that hold unspent escrow; nothing for a lease that goes on or is frozen. */
  async unspent(tx: Tx, lease: LeaseRow): Promise<UnspentLot[]> {
    if ((lease.state !== 'closed' && lease.state !== 'expired') || lease.payoutsFrozen) return [];
    const lines = await linesOf(tx, [lease.id]);
    const lots = await lotsOf(
      tx,
      lines.map(({ id }) => id),
    );
    return lots.flatMap((lot) => {
      const line = lines.find(({ id }) => id === lot.lineId);
      const units = leftUnits(lot);
      return line === undefined || units === 0n || lot.releasedAt === null ? [] : [{ lot, line, units }];
    });
  }

  /** Marks escrow of a lot as taken out for a refund. */
  async withdraw(tx: Tx, { lot, units }: Pick<UnspentLot, 'lot' | 'units'>): Promise<void> {
    await tx.$executeRaw`UPDATE lots SET withdrawn_units = withdrawn_units + ${units.toString()}::numeric WHERE id = ${lot.id}`;
    await tx.$executeRaw`UPDATE lines SET balance_units = balance_units - ${units.toString()}::numeric WHERE id = ${lot.lineId}`;
  }

  /** Released deposits, or parts of them, that go back. */
  async returnsDue(): Promise<string[]> {
    const rows = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM deposits WHERE return_units > 0 AND released_at IS NOT NULL AND state IN ('credited', 'returned')
      ORDER BY credited_at, id LIMIT 200`;
    return rows.map(({ id }) => id);
  }

  /** Takes what is to be returned of a deposit; undefined if nothing is. Its money stays in suspense for the caller. */
  async takeReturn(tx: Tx, depositId: string): Promise<ReturnDue | undefined> {
    const [row] = await tx.$queryRaw<(Omit<ReturnDue, 'units'> & { units: string })[]>`
      SELECT id AS "depositId", lease_id AS "leaseId", asset, return_units::text AS units, reversals
      FROM deposits WHERE id = ${depositId} AND return_units > 0 AND released_at IS NOT NULL
        AND state IN ('credited', 'returned') FOR UPDATE`;
    if (row === undefined) return undefined;
    await tx.$executeRaw`UPDATE deposits SET return_units = 0 WHERE id = ${depositId}`;
    return { ...row, units: BigInt(row.units) };
  }
}
