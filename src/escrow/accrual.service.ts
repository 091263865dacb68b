import { Injectable } from '@nestjs/common';
import { Ledger } from '../ledger/ledger.service.ts';
import type { Journal } from '../ledger/transfer.ts';
import { Clock } from '../platform/clock.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { depletionTick, dueUnits, takeFromLots } from './accrual.ts';
import {
  type LeaseRow,
  type LineRow,
  leftUnits,
  linesOf,
  lockLease,
  lotsOf,
  runOf,
  type Ticks,
  ticksNow,
} from './rows.ts';

/** Leases one pass of the depletion job settles. */
const BATCH = 200;

/** Moves escrow to payables by the clock. Lazy: at payout, credit, close and depletion, never on a tick. */
@Injectable()
export class Accrual {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ledger: Ledger,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Settles a lease whose row the caller has locked, up to now. A lease whose first line has run dry is settled to that
   * line's last funded tick and becomes `depleted`; the state after it is returned.
   */
  async settle(tx: Tx, lease: LeaseRow): Promise<LeaseRow> {
    if (lease.state !== 'active') return lease;
    const ticks = await ticksNow(tx);
    const lines = await linesOf(tx, [lease.id]);
    const dryAt = firstDepletion(lines, ticks);
    await this.settleLines(tx, lease, lines, dryAt ?? ticks);
    if (dryAt === undefined) return lease;
    return this.deplete(tx, lease);
  }

  /** Books what a line owes at given ticks, consuming its lots first in, first out. */
  async settleLines(tx: Tx, lease: LeaseRow, lines: readonly LineRow[], ticks: Ticks): Promise<void> {
    const due = lines.map((line) => ({ line, units: dueOf(line, ticks) })).filter(({ units }) => units > 0n);
    if (due.length === 0) return;
    await this.ledger.post(tx, [accrualJournal(lease, due, await this.clock.now(tx))]);
    const lots = await lotsOf(
      tx,
      due.map(({ line }) => line.id),
    );
    for (const { line, units } of due) {
      const open = lots
        .filter(({ lineId }) => lineId === line.id)
        .map((lot) => ({ id: lot.id, leftUnits: leftUnits(lot) }));
      for (const take of takeFromLots(open, units)) {
        await tx.$executeRaw`
          UPDATE lots SET consumed_units = consumed_units + ${take.units.toString()}::numeric WHERE id = ${take.lotId}`;
      }
      await tx.$executeRaw`
        UPDATE lines SET settled_units = settled_units + ${units.toString()}::numeric,
          balance_units = balance_units - ${units.toString()}::numeric,
          accrued_units = accrued_units + ${units.toString()}::numeric
        WHERE id = ${line.id}`;
    }
  }

  /** Starts the streaming lines of a lease at the present tick. */
  async start(tx: Tx, leaseId: string): Promise<void> {
    const ticks = await ticksNow(tx);
    for (const line of await linesOf(tx, [leaseId])) {
      if (line.clock === 'once') continue;
      await tx.$executeRaw`
        UPDATE lines SET state = 'running', started_tick = ${ticks[line.clock].toString()}::numeric, settled_units = 0
        WHERE id = ${line.id}`;
    }
    await this.reschedule(tx, leaseId);
  }

  /** Stores when each running line will have run dry. To be called after its balance changed. */
  async reschedule(tx: Tx, leaseId: string): Promise<void> {
    for (const line of await linesOf(tx, [leaseId])) {
      const run = runOf(line);
      if (run === undefined) continue;
      await tx.$executeRaw`
        UPDATE lines SET depletes_tick = ${depletionTick(run).toString()}::numeric WHERE id = ${line.id}`;
    }
  }

  /** Stops a lease's lines where they stand. */
  async stop(tx: Tx, leaseId: string): Promise<void> {
    await tx.$executeRaw`
      UPDATE lines SET state = 'stopped', depletes_tick = NULL WHERE lease_id = ${leaseId} AND state = 'running'`;
  }

  /** Settles leases that have run dry; returns how many. Its work grows with those alone, not with open leases. */
  async depleteDue(): Promise<number> {
    return this.database.transaction(async (tx) => {
      // Before the first block is read there is no tick, and nothing can be due.
      const due = await tx.$queryRaw<{ lease_id: string }[]>`
        (SELECT lease_id FROM lines WHERE state = 'running' AND clock = 'akash-height'
           AND depletes_tick < (SELECT height FROM chain_cursors WHERE chain = 'akash') ORDER BY depletes_tick LIMIT ${BATCH})
        UNION
        (SELECT lease_id FROM lines WHERE state = 'running' AND clock = 'utc'
           AND depletes_tick < (SELECT floor(extract(epoch FROM block_time)) FROM chain_cursors WHERE chain = 'akash')
         ORDER BY depletes_tick LIMIT ${BATCH})`;
      // One lock order for all workers.
      for (const leaseId of due.map(({ lease_id }) => lease_id).sort()) {
        const lease = await lockLease(tx, leaseId);
        if (lease !== undefined) await this.settle(tx, lease);
      }
      return due.length;
    });
  }

  private async deplete(tx: Tx, lease: LeaseRow): Promise<LeaseRow> {
    const now = await this.clock.now(tx);
    await this.stop(tx, lease.id);
    await tx.$executeRaw`UPDATE leases SET state = 'depleted', depleted_at = ${now} WHERE id = ${lease.id}`;
    await this.outbox.write(tx, [
      {
        type: 'lease.depleted',
        subject: lease.id,
        tenantId: lease.tenantId,
        data: { leaseId: lease.id, reference: lease.reference },
      },
    ]);
    return { ...lease, state: 'depleted', depletedAt: now };
  }
}

/** Money for a line that is due at once is owed as soon as it is there; other lines owe by their clock. */
function dueOf(line: LineRow, ticks: Ticks): bigint {
  if (line.clock === 'once') return line.balanceUnits;
  const run = runOf(line);
  return run === undefined ? 0n : dueUnits(run, ticks[line.clock]);
}

/**
 * The ticks at which the first line runs dry, if it has: lines have equal runway, so all stop together. A line on the
 * other clock stops at its own depletion or where it stands now, whichever is earlier.
 */
function firstDepletion(lines: readonly LineRow[], now: Ticks): Ticks | undefined {
  const dry = lines.filter(
    (line) => line.clock !== 'once' && line.depletesTick !== null && line.depletesTick < now[line.clock],
  );
  if (dry.length === 0) return undefined;
  const stops: { 'akash-height': bigint; utc: bigint } = { ...now };
  for (const { clock, depletesTick } of dry) {
    if (clock !== 'once' && depletesTick !== null && depletesTick < stops[clock]) stops[clock] = depletesTick;
  }
  return stops;
}

function accrualJournal(lease: LeaseRow, due: readonly { line: LineRow; units: bigint }[], now: Date): Journal {
  const marks = due.map(({ line, units }) => `${line.n}=${line.accruedUnits + units}`);
  return {
    // The total accrued names the settlement: the same one cannot be booked twice.
    key: `escrow.accrued:${lease.id}:${marks.join(',')}`,
    kind: 'escrow.accrued',
    cause: lease.id,
    effectiveAt: now,
    tenantId: lease.tenantId,
    transfers: due.map(({ line, units }) => ({
      from: `escrow:${line.id}`,
      to: `payable:${line.id}`,
      asset: line.asset,
      units,
    })),
  };
}
