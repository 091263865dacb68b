import { Injectable } from '@nestjs/common';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import type { AssetId } from '../money/asset.ts';
import { Clock } from '../platform/clock.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { Refusal } from '../platform/refusal.ts';
import { Exposure } from '../risk/exposure.service.ts';
import { costsOf, detailSchema, midOf, type QuoteDetail, rightOf, windowLines } from './quote-detail.ts';
import type { Lock } from './lock.ts';
import { costsJson, LOCK_COLUMNS, type LockRow, linesJson, lockOf } from './lock-rows.ts';
import { offeredRate, priceMoved } from './quote.ts';

export interface TakeQuote {
  readonly quoteId: string;
  readonly tenantId: string;
  /** Lease the lock belongs to; a quote asked for one lease is taken for no other. */
  readonly leaseId: string;
  /** Ids of the lines opened for the quote's lines, in the quote's order. */
  readonly lineIds: readonly string[];
}

interface TakenRow {
  readonly pay_asset: string;
  readonly pay_units: string;
  readonly lease_id: string | null;
  readonly detail: unknown;
}

/** 95 of 100 payments are traded within this time; until then their exposure is held as `unhedged`. */
const HEDGE_MS = 900_000;
/** Locks closed in one pass; more wait for the next. */
const BATCH = 200;

/** Whole seconds later; a right lasts at most a day, so the number is small. */
const after = (at: Date, seconds: bigint): Date => new Date(at.getTime() + parseInt(seconds.toString(), 10) * 1000);

type NewLock = Pick<Lock, 'kind' | 'quotedUnits' | 'capacityUnits' | 'fundBy' | 'costs' | 'lines'>;

/** Rate locks: taking a quote, which lock money belongs to, what was paid into it, and its end. */
@Injectable()
export class Locks {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly outbox: Outbox,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
    private readonly exposure: Exposure,
  ) {}

  /**
   * Takes an open quote: at most one caller ever succeeds. Checks the price again, reserves the exposure, writes
   * `lock.opened`. Returns the window's lock; a bought right is opened beside it and starts empty.
   * @throws Refusal not_found (also for another tenant's quote), quote_taken, quote_expired, price_moved, exposure_cap,
   * no_price, asset_not_available, conflict (a quote for another lease).
   */
  async take(tx: Tx, wanted: TakeQuote): Promise<Lock> {
    const now = await this.clock.now(tx);
    const row = await this.takeRow(tx, wanted, now);
    if (row.lease_id !== null && row.lease_id !== wanted.leaseId) {
      throw new Refusal('conflict', { field: 'quoteId', expected: `a quote for this lease, not for ${row.lease_id}` });
    }
    const detail = detailSchema.parse(row.detail);
    this.checkPrices(row.pay_asset, detail, now);
    const payUnits = BigInt(row.pay_units);
    const fundBy = new Date(now.getTime() + detail.fundByMs);
    const window: NewLock = {
      kind: 'window',
      quotedUnits: payUnits,
      capacityUnits: payUnits,
      fundBy,
      costs: costsOf(detail),
      lines: windowLines(detail, wanted.lineIds),
    };
    const lock = await this.open(tx, wanted, row.pay_asset, detail, window, now);
    await this.openRight(tx, wanted, row.pay_asset, detail, payUnits, now);
    const data = { leaseId: lock.leaseId, quoteId: lock.quoteId, asset: lock.payAsset, units: payUnits.toString() };
    await this.outbox.write(tx, [{ type: 'lock.opened', subject: lock.id, tenantId: lock.tenantId, data }]);
    return lock;
  }

  /**
   * The lock that money of `asset` first seen at `seenAt` belongs to: of the newest quote taken by then, its window or,
   * once that is full or over, its right; null if none was open. Its row is locked for this transaction. Whether the
   * money is in time is `inTime`'s; ask again for what `creditOf` calls excess, as a right may take it.
   */
  async openFor(tx: Tx, leaseId: string, asset: AssetId, seenAt: Date): Promise<Lock | null> {
    const [row] = await tx.$queryRaw<LockRow[]>`
      SELECT ${LOCK_COLUMNS} FROM locks
      WHERE lease_id = ${leaseId} AND pay_asset = ${asset} AND locked_at <= ${seenAt} AND fund_by >= ${seenAt}
        AND (closed_at IS NULL OR closed_at >= ${seenAt})
        AND quote_id = (
          SELECT quote_id FROM locks
          WHERE lease_id = ${leaseId} AND pay_asset = ${asset} AND locked_at <= ${seenAt} AND fund_by >= ${seenAt}
            AND (closed_at IS NULL OR closed_at >= ${seenAt})
          ORDER BY seq DESC LIMIT 1)
      ORDER BY (paid_units < capacity_units) DESC, kind DESC LIMIT 1 FOR UPDATE`;
    return row === undefined ? null : lockOf(row);
  }

  /** Locks of a lease, oldest first; a window before its right. */
  async ofLease(tx: Tx, leaseId: string): Promise<readonly Lock[]> {
    const rows = await tx.$queryRaw<LockRow[]>`
      SELECT ${LOCK_COLUMNS} FROM locks WHERE lease_id = ${leaseId} ORDER BY seq`;
    return rows.map(lockOf);
  }

  /**
   * Adds what was credited at the lock's rate (never its excess); negative units take a payment back. Its exposure
   * moves between `window` or `right` and `unhedged`; a right grows by the part whose price is now paid.
   */
  async recordPaid(tx: Tx, lockId: string, units: bigint): Promise<Lock> {
    const [row] = await tx.$queryRaw<LockRow[]>`
      UPDATE locks SET paid_units = paid_units + ${units.toString()}::numeric,
        size_units = CASE state WHEN 'closed' THEN paid_units + ${units.toString()}::numeric ELSE size_units END
      WHERE id = ${lockId} RETURNING ${LOCK_COLUMNS}`;
    if (row === undefined) throw new Error(`no lock ${lockId}`);
    const lock = lockOf(row);
    if (lock.state === 'open') await this.moveExposure(tx, lock, units);
    if (lock.kind === 'window') {
      await tx.$executeRaw`
        UPDATE locks r SET
          capacity_units = greatest(r.paid_units, div(r.quoted_units * w.paid_units, w.quoted_units)),
          size_units = CASE r.state WHEN 'open'
            THEN greatest(r.paid_units, div(r.quoted_units * w.paid_units, w.quoted_units)) ELSE r.size_units END
        FROM locks w WHERE w.id = ${lockId} AND r.quote_id = w.quote_id AND r.kind = 'right'`;
    }
    return lock;
  }

  /** Closes a lease's open locks at once, when the lease closes: nothing more is credited at their rates. */
  async closeOf(tx: Tx, leaseId: string): Promise<void> {
    const now = await this.clock.now(tx);
    for (const lock of await this.ofLease(tx, leaseId)) if (lock.state === 'open') await this.close(tx, lock.id, now);
  }

  /**
   * Closes locks whose `confirmBy` has passed: size becomes what was credited, the rest of the exposure is released,
   * `lock.closed` is written. Releases exposure that ran out. For the job; returns how many locks it closed.
   */
  async closeDue(now: Date): Promise<number> {
    const due = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM locks WHERE state = 'open' AND confirm_by <= ${now} ORDER BY confirm_by LIMIT ${BATCH}`;
    let closed = 0;
    for (const { id } of due) {
      closed += (await this.database.transaction((tx) => this.close(tx, id, now))) ? 1 : 0;
    }
    await this.database.transaction(async (tx) => {
      for (const lockId of await this.exposure.expired(tx, 'unhedged', now, BATCH)) {
        await this.exposure.release(tx, lockId, 'unhedged');
      }
    });
    return closed;
  }

  private async takeRow(tx: Tx, { quoteId, tenantId }: TakeQuote, now: Date): Promise<TakenRow> {
    const [taken] = await tx.$queryRaw<TakenRow[]>`
      UPDATE quotes SET state = 'taken'
      WHERE id = ${quoteId} AND tenant_id = ${tenantId} AND state = 'open' AND expires_at > ${now}
      RETURNING pay_asset, pay_units::text AS pay_units, lease_id, detail`;
    if (taken !== undefined) return taken;
    const [row] = await tx.$queryRaw<{ state: string }[]>`
      SELECT state FROM quotes WHERE id = ${quoteId} AND tenant_id = ${tenantId}`;
    if (row === undefined) throw new Refusal('not_found', { field: 'quoteId' });
    throw new Refusal(row.state === 'taken' ? 'quote_taken' : 'quote_expired', { field: 'quoteId' });
  }

  /** @throws Refusal price_moved where the market moved against the desk by more than the quote's uncertainty. */
  private checkPrices(payAsset: AssetId, detail: QuoteDetail, now: Date): void {
    this.markets.requireQuotable(payAsset);
    const pay = this.catalog.require(payAsset);
    for (const line of detail.lines) {
      this.markets.requireQuotable(line.asset);
      if (line.asset === payAsset) continue;
      const to = this.catalog.require(line.asset);
      const current = offeredRate(pay, to, this.markets.price(pay.id, now), this.markets.price(to.id, now), 0n);
      if (!priceMoved(midOf(line), current.mid, BigInt(line.uncertaintyBps))) continue;
      throw new Refusal('price_moved', { field: 'quoteId', facts: { payAsset, asset: line.asset } });
    }
  }

  private async openRight(
    tx: Tx,
    wanted: TakeQuote,
    asset: AssetId,
    detail: QuoteDetail,
    payUnits: bigint,
    now: Date,
  ): Promise<void> {
    if (detail.right === null) return;
    const quotedUnits = BigInt(detail.right.units);
    const fundBy = after(now, BigInt(detail.right.seconds));
    const bought = rightOf(detail, payUnits, quotedUnits, windowLines(detail, wanted.lineIds));
    if (bought === null) throw new Error(`quote ${wanted.quoteId} sold a right that buys nothing`);
    const right: NewLock = { kind: 'right', quotedUnits, capacityUnits: 0n, fundBy, ...bought };
    await this.open(tx, wanted, asset, detail, right, now);
  }

  private async open(
    tx: Tx,
    { quoteId, tenantId, leaseId }: TakeQuote,
    payAsset: AssetId,
    detail: QuoteDetail,
    { kind, quotedUnits, capacityUnits, fundBy, costs, lines }: NewLock,
    now: Date,
  ): Promise<Lock> {
    const confirmBy = new Date(fundBy.getTime() + detail.confirmAfterMs);
    const id = newId('lock');
    const [row] = await tx.$queryRaw<LockRow[]>`
      INSERT INTO locks (id, quote_id, kind, tenant_id, lease_id, pay_asset, quoted_units, capacity_units, size_units,
                         state, locked_at, fund_by, confirm_by, costs, lines, terms)
      VALUES (${id}, ${quoteId}, ${kind}, ${tenantId}, ${leaseId}, ${payAsset}, ${quotedUnits.toString()}::numeric,
              ${capacityUnits.toString()}::numeric, ${capacityUnits.toString()}::numeric, 'open', ${now}, ${fundBy},
              ${confirmBy}, ${costsJson(costs)}::jsonb, ${linesJson(lines)}::jsonb, ${JSON.stringify(detail.terms)}::jsonb)
      RETURNING ${LOCK_COLUMNS}`;
    if (row === undefined) throw new Error(`lock ${id} was not written`);
    const ofRight = kind === 'right';
    await this.exposure.reserve(tx, id, kind, {
      asset: payAsset,
      tenantId,
      notionalUsdMicros: BigInt(ofRight ? detail.rightNotionalUsdMicros : detail.notionalUsdMicros),
      stressUsdMicros: BigInt(ofRight ? detail.rightStressUsdMicros : detail.stressUsdMicros),
      until: null,
    });
    return lockOf(row);
  }

  private async moveExposure(tx: Tx, lock: Lock, units: bigint): Promise<void> {
    if (units >= 0n) {
      const part = { num: units, den: lock.quotedUnits - lock.paidUnits + units };
      const now = await this.clock.now(tx);
      await this.exposure.move(tx, lock.id, lock.kind, 'unhedged', part, new Date(now.getTime() + HEDGE_MS));
    } else {
      await this.exposure.move(tx, lock.id, 'unhedged', lock.kind, { num: -units, den: lock.paidUnits - units });
    }
  }

  private async close(tx: Tx, lockId: string, now: Date): Promise<boolean> {
    const [row] = await tx.$queryRaw<LockRow[]>`
      UPDATE locks SET state = 'closed', closed_at = ${now}, size_units = paid_units
      WHERE id = ${lockId} AND state = 'open' RETURNING ${LOCK_COLUMNS}`;
    if (row === undefined) return false;
    const lock = lockOf(row);
    await this.exposure.release(tx, lock.id, lock.kind);
    const data = {
      leaseId: lock.leaseId,
      asset: lock.payAsset,
      quotedUnits: lock.quotedUnits.toString(),
      paidUnits: lock.paidUnits.toString(),
    };
    await this.outbox.write(tx, [{ type: 'lock.closed', subject: lock.id, tenantId: lock.tenantId, data }]);
    return true;
  }
}
