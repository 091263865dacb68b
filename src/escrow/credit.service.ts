import { Injectable } from '@nestjs/common';
import { type DepositState, next } from '../deposits/deposit.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import type { Transfer } from '../ledger/transfer.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { policyOf } from '../markets/policy.ts';
import { parseUnits } from '../money/codec.ts';
import { allocate } from '../money/rate.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox, type OutboxEvent } from '../platform/outbox.ts';
import { CurrentRate } from '../quotes/current-rate.service.ts';
import { COST_KINDS, type Costs, type CostKind, creditOf, inTime, type Lock, sumOf } from '../quotes/lock.ts';
import { Locks } from '../quotes/locks.service.ts';
import { Accrual } from './accrual.service.ts';
import { type LeaseRow, type LineRow, type LotRow, linesOf, lockLease, lotsOf, ticksNow } from './rows.ts';

interface DepositRow {
  readonly id: string;
  readonly leaseId: string;
  readonly tenantId: string;
  readonly asset: string;
  readonly units: bigint;
  readonly reversals: number;
  readonly seenAt: Date;
  readonly blockTime: Date;
}

/** What one lock, or today's rate, makes of a part of a deposit. */
interface Part {
  readonly lock: Lock | null;
  /** Of the deposit, costs included. */
  readonly paidUnits: bigint;
  readonly costs: Costs;
  /** Credited to each line, in the lines' order. */
  readonly perLine: readonly bigint[];
}

/** What becomes of a whole deposit: parts that are credited, and what is left over. */
interface Outcome {
  readonly parts: readonly Part[];
  readonly returnUnits: bigint;
  readonly heldUnits: bigint;
  readonly unclaimed: string | null;
}

const COST_ACCOUNTS: Readonly<Record<CostKind, string>> = {
  premium: 'revenue:premium',
  right: 'revenue:premium',
  fee: 'revenue:fee',
  swap: 'recovery:swap',
  network: 'recovery:network',
};

/** Turns confirmed deposits into escrow at the locked rate, by the quote's rules. */
@Injectable()
export class Credit {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly catalog: AssetCatalog,
    private readonly ledger: Ledger,
    private readonly locks: Locks,
    private readonly currentRate: CurrentRate,
    private readonly accrual: Accrual,
    private readonly outbox: Outbox,
  ) {}

  /** Deposits that wait to be decided, oldest first. */
  async confirmedDeposits(): Promise<string[]> {
    const rows = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM deposits WHERE state = 'confirmed' AND lease_id IS NOT NULL ORDER BY confirmed_at, id LIMIT 200`;
    return rows.map(({ id }) => id);
  }

  /** Marks lots of released deposits released: what accrued from them may leave. */
  async releaseLots(): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.$executeRaw`
        UPDATE lots SET released_at = d.released_at FROM deposits d
        WHERE d.id = lots.deposit_id AND lots.released_at IS NULL AND d.released_at IS NOT NULL AND d.state = 'credited'`;
    });
  }

  /**
   * Decides one deposit. Does nothing unless it is confirmed and belongs to a lease.
   * @throws Refusal `no_price` for late money while there is no price: it waits in suspense
   */
  async credit(depositId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const leaseId = await leaseOf(tx, depositId);
      const locked = leaseId === undefined ? undefined : await lockLease(tx, leaseId);
      const deposit = await lockDeposit(tx, depositId);
      if (deposit === undefined || locked === undefined) return;
      const lease = await this.accrual.settle(tx, locked);
      const lines = await linesOf(tx, [lease.id]);
      const outcome = await this.decide(tx, deposit, lease, lines);
      await this.book(tx, deposit, lease, lines, outcome);
      crashpoint('deposit.credited');
    });
  }

  /**
   * Pays a lock that was just taken with credit that earlier deposits of its asset left. The lease is locked and settled.
   * A lease that ran dry and does not resume keeps its credit until it ends.
   */
  async applyHeld(tx: Tx, lease: LeaseRow, taken: Lock): Promise<void> {
    if (lease.state === 'depleted' && lease.afterDepletion === 'return') return;
    const lines = await linesOf(tx, [lease.id]);
    let lock = taken;
    for (const { heldUnits, ...deposit } of await heldDeposits(tx, lease.id, lock.payAsset)) {
      const before = await creditedAt(tx, lock.id, lines);
      const { costs, perLine, excess } = creditOf(lock, lock.paidUnits, heldUnits, before);
      if (excess === heldUnits) return;
      lock = await this.locks.recordPaid(tx, lock.id, heldUnits - excess);
      await tx.$executeRaw`
        UPDATE deposits SET held_units = ${excess.toString()}::numeric WHERE id = ${deposit.id}`;
      const part: Part = { lock, paidUnits: heldUnits - excess, costs, perLine };
      const key = `deposit.credited:${deposit.id}:${deposit.reversals}:${lock.id}`;
      await this.creditParts(tx, deposit, lease, lines, [part], { key, now: await this.clock.now(tx) });
    }
  }

  private async decide(tx: Tx, deposit: DepositRow, lease: LeaseRow, lines: readonly LineRow[]): Promise<Outcome> {
    const { units, asset } = deposit;
    const whole = (over: Partial<Outcome>): Outcome => ({
      parts: [],
      returnUnits: 0n,
      heldUnits: 0n,
      unclaimed: null,
      ...over,
    });
    const minimum = parseUnits(policyOf(this.config, asset).depositMinimum, this.catalog.require(asset).decimals);
    if (typeof minimum !== 'bigint') throw new Error(`settings: POLICY ${asset} depositMinimum has too many decimals`);
    const locks = (await this.locks.ofLease(tx, lease.id)).filter(({ payAsset }) => payAsset === asset);
    const [terms] = locks.map((lock) => lock.terms);
    if (terms === undefined) return whole({ unclaimed: 'wrong-asset' });
    if (units < minimum) return whole({ unclaimed: 'below-minimum' });
    if (lease.state === 'closed' || lease.state === 'expired') return whole({ returnUnits: units });
    if (lease.state === 'depleted' && lease.afterDepletion === 'return') return whole({ returnUnits: units });

    const { parts, left, wasInTime } = await this.atLocks(tx, deposit, lines);
    if (left === 0n) return whole({ parts });
    if (wasInTime) return whole({ parts, ...(terms.over === 'credit' ? { heldUnits: left } : { returnUnits: left }) });
    const lots = await lotsOf(
      tx,
      lines.map(({ id }) => id),
    );
    const funded = lines.map((line) => ({ ...line, creditedUnits: standing(lots, line.id) }));
    const credit = this.currentRate.creditFor(asset, left, funded);
    return whole({ parts: [...parts, { lock: null, paidUnits: left, costs: credit.costs, perLine: credit.perLine }] });
  }

  /** As much as the lease's open locks take. A right is asked after its window. */
  private async atLocks(tx: Tx, deposit: DepositRow, lines: readonly LineRow[]) {
    const parts: Part[] = [];
    let left = deposit.units;
    let wasInTime = false;
    const used = new Set<string>();
    while (left > 0n) {
      const lock = await this.locks.openFor(tx, deposit.leaseId, deposit.asset, deposit.seenAt);
      if (lock === null || used.has(lock.id)) break;
      used.add(lock.id);
      if (!inTime(lock, { seenAt: deposit.seenAt, feeRate: null, feeRateNeeded: null, blockAt: deposit.blockTime }))
        break;
      wasInTime = true;
      const before = await creditedAt(tx, lock.id, lines);
      const { costs, perLine, excess } = creditOf(lock, lock.paidUnits, left, before);
      if (excess === left) break;
      await this.locks.recordPaid(tx, lock.id, left - excess);
      parts.push({ lock, paidUnits: left - excess, costs, perLine });
      left = excess;
    }
    return { parts, left, wasInTime };
  }

  private async book(
    tx: Tx,
    deposit: DepositRow,
    lease: LeaseRow,
    lines: readonly LineRow[],
    outcome: Outcome,
  ): Promise<void> {
    const now = await this.clock.now(tx);
    await this.creditParts(tx, deposit, lease, lines, outcome.parts, {
      key: `deposit.credited:${deposit.id}:${deposit.reversals}`,
      now,
    });
    const state = stateOf(outcome);
    await tx.$executeRaw`
      UPDATE deposits SET state = ${state}, reason = ${outcome.unclaimed}, credited_at = ${now},
        return_units = ${outcome.returnUnits.toString()}::numeric, held_units = ${outcome.heldUnits.toString()}::numeric
      WHERE id = ${deposit.id}`;
    await this.outbox.write(tx, this.events(deposit, lease, outcome, state));
  }

  /** Books parts of a deposit as one journal, opens their lots and lets the lease run. */
  private async creditParts(
    tx: Tx,
    deposit: DepositRow,
    lease: LeaseRow,
    lines: readonly LineRow[],
    parts: readonly Part[],
    { key, now }: { key: string; now: Date },
  ): Promise<void> {
    if (parts.length === 0) return;
    const transfers = parts.flatMap((part) => creditTransfers(deposit, lines, part));
    const journal = { key, kind: 'deposit.credited', cause: deposit.id, effectiveAt: now, tenantId: lease.tenantId };
    await this.ledger.post(tx, [{ ...journal, transfers }]);
    for (const part of parts) await this.openLots(tx, deposit, lines, part, now);
    const credited = parts.some(({ perLine }) => perLine.some((units) => units > 0n));
    if (credited) await this.resume(tx, lease, now);
  }

  private async openLots(tx: Tx, deposit: DepositRow, lines: readonly LineRow[], part: Part, now: Date): Promise<void> {
    const weights = weightsOf(lines, part);
    if (weights.every(({ weight }) => weight === 0n)) return;
    const paid = allocate(part.paidUnits, weights);
    const fees = allocate(part.costs.fee, weights);
    for (const [index, line] of lines.entries()) {
      const units = part.perLine[index] ?? 0n;
      if (units === 0n) continue;
      await tx.$executeRaw`
        INSERT INTO lots (id, line_id, deposit_id, lock_id, paid_asset, paid_units, fee_units, credited_units, created_at)
        VALUES (${newId('lot')}, ${line.id}, ${deposit.id}, ${part.lock?.id ?? null}, ${deposit.asset},
          ${(paid.get(line.id) ?? 0n).toString()}::numeric, ${(fees.get(line.id) ?? 0n).toString()}::numeric,
          ${units.toString()}::numeric, ${now})`;
      await tx.$executeRaw`
        UPDATE lines SET balance_units = balance_units + ${units.toString()}::numeric WHERE id = ${line.id}`;
    }
  }

  /** Starts a lease that waited or had run dry; the time in between is not charged. */
  private async resume(tx: Tx, lease: LeaseRow, now: Date): Promise<void> {
    if (lease.state !== 'active') {
      await tx.$executeRaw`
        UPDATE leases SET state = 'active', active_at = coalesce(active_at, ${now}), depleted_at = NULL WHERE id = ${lease.id}`;
      await this.accrual.start(tx, lease.id);
    }
    await this.accrual.reschedule(tx, lease.id);
    await this.accrual.settleLines(tx, lease, await linesOf(tx, [lease.id]), await ticksNow(tx));
  }

  private events(deposit: DepositRow, lease: LeaseRow, outcome: Outcome, state: string): OutboxEvent[] {
    const event = (type: string, extra: Record<string, unknown>): OutboxEvent => ({
      type,
      subject: deposit.id,
      tenantId: lease.tenantId,
      data: { depositId: deposit.id, leaseId: lease.id, asset: deposit.asset, ...extra },
    });
    const events: OutboxEvent[] = [];
    if (outcome.unclaimed !== null) events.push(event('deposit.unclaimed', { reason: outcome.unclaimed }));
    if (state === 'credited') events.push(event('deposit.credited', {}));
    if (outcome.returnUnits > 0n) events.push(event('deposit.return-due', {}));
    if (state === 'credited' && lease.state !== 'active') {
      events.push({
        type: 'lease.active',
        subject: lease.id,
        tenantId: lease.tenantId,
        data: { leaseId: lease.id, reference: lease.reference },
      });
    }
    return events;
  }
}

/** What a deposit becomes by what was decided of it. */
function stateOf({ parts, heldUnits, unclaimed }: Outcome): DepositState {
  if (unclaimed !== null) return next('confirmed', 'set-aside');
  return next('confirmed', parts.length > 0 || heldUnits > 0n ? 'credit' : 'return');
}

/** Pay units each line stands for, to share what was paid among its lots. */
function weightsOf(lines: readonly LineRow[], { lock, perLine }: Part) {
  return lines.map((line, index) => {
    const locked = lock?.lines.find(({ n }) => n === line.n);
    const units = perLine[index] ?? 0n;
    return {
      id: line.id,
      weight:
        locked === undefined ? units : (units * locked.rateDen * 1_000_000n) / locked.rateNum + (units > 0n ? 1n : 0n),
    };
  });
}

function creditTransfers(deposit: DepositRow, lines: readonly LineRow[], part: Part): Transfer[] {
  const costs = COST_KINDS.filter((kind) => part.costs[kind] > 0n).map((kind) => ({
    from: 'desk:main',
    to: COST_ACCOUNTS[kind],
    asset: deposit.asset,
    units: part.costs[kind],
  }));
  if (sumOf(part.costs) > part.paidUnits) throw new Error(`costs of deposit ${deposit.id} exceed what was paid`);
  const escrow = lines.flatMap((line, index) => {
    const units = part.perLine[index] ?? 0n;
    return units === 0n ? [] : [{ from: 'desk:main', to: `escrow:${line.id}`, asset: line.asset, units }];
  });
  return [
    { from: `suspense:${deposit.id}`, to: 'desk:main', asset: deposit.asset, units: part.paidUnits },
    ...costs,
    ...escrow,
  ];
}

/** What a lock has credited to each line and still stands. */
async function creditedAt(tx: Tx, lockId: string, lines: readonly LineRow[]): Promise<bigint[]> {
  const lots = (
    await lotsOf(
      tx,
      lines.map(({ id }) => id),
    )
  ).filter((lot) => lot.lockId === lockId);
  return lines.map((line) => standing(lots, line.id));
}

const standing = (lots: readonly LotRow[], lineId: string): bigint =>
  lots.filter((lot) => lot.lineId === lineId).reduce((sum, lot) => sum + lot.creditedUnits - lot.withdrawnUnits, 0n);

async function leaseOf(tx: Tx, depositId: string): Promise<string | undefined> {
  const [row] = await tx.$queryRaw<
    { lease_id: string | null }[]
  >`SELECT lease_id FROM deposits WHERE id = ${depositId}`;
  return row?.lease_id ?? undefined;
}

async function lockDeposit(tx: Tx, depositId: string): Promise<DepositRow | undefined> {
  const [row] = await tx.$queryRaw<(Omit<DepositRow, 'units'> & { units: string })[]>`
    SELECT id, lease_id AS "leaseId", tenant_id AS "tenantId", asset, units::text AS units, reversals, seen_at AS "seenAt",
           block_time AS "blockTime"
    FROM deposits WHERE id = ${depositId} AND state = 'confirmed' AND lease_id IS NOT NULL FOR UPDATE`;
  return row && { ...row, units: BigInt(row.units) };
}

/** Deposits of an asset that left credit with a lease, oldest first. */
async function heldDeposits(tx: Tx, leaseId: string, asset: string): Promise<(DepositRow & { heldUnits: bigint })[]> {
  const rows = await tx.$queryRaw<(Omit<DepositRow, 'units'> & { units: string; heldUnits: string })[]>`
    SELECT id, lease_id AS "leaseId", tenant_id AS "tenantId", asset, units::text AS units, reversals, seen_at AS "seenAt",
           block_time AS "blockTime", held_units::text AS "heldUnits"
    FROM deposits WHERE lease_id = ${leaseId} AND asset = ${asset} AND held_units > 0 AND state = 'credited'
    ORDER BY credited_at, id FOR UPDATE`;
  return rows.map((row) => ({ ...row, units: BigInt(row.units), heldUnits: BigInt(row.heldUnits) }));
}
