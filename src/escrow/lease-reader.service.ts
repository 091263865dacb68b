import { Injectable } from '@nestjs/common';
import { readCursor } from '../access/page.ts';
import { viewMoney, viewTime, viewTimeOrNull } from '../access/fields.ts';
import { Chains } from '../adapters/chains/index.ts';
import { Deposits } from '../deposits/deposits.service.ts';
import { viewDeposit } from '../deposits/view.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { formatUnits } from '../money/codec.ts';
import { maxUnits } from '../money/money.ts';
import { Clock } from '../platform/clock.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Prisma } from '../platform/prisma/client.ts';
import { Refusal } from '../platform/refusal.ts';
import type { Lock } from '../quotes/lock.ts';
import { Locks } from '../quotes/locks.service.ts';
import { PRICE_SCALE } from '../quotes/quote.ts';
import { dueUnits } from './accrual.ts';
import type { LeaseView, LineView, LockView, LotView } from './lease-views.ts';
import { fundedUntil, type Pace, paceOf, soonest } from './pace.ts';
import { type LeaseRow, type LineRow, type LotRow, linesOf, lotsOf, runOf } from './rows.ts';

const DEPOSITS_SHOWN = 100;

/** Reads leases as their tenant sees them: accrued up to now, though nothing was settled for it. */
@Injectable()
export class LeaseReader {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly chains: Chains,
    private readonly locks: Locks,
    private readonly deposits: Deposits,
  ) {}

  /** @throws Refusal not_found, also for another tenant's lease */
  async view(tx: Tx, id: string, tenantId: string | undefined): Promise<LeaseView> {
    const [lease] = await this.select(tx, Prisma.sql`id = ${id} AND ${ownedBy(tenantId)}`, 1);
    if (lease === undefined) throw new Refusal('not_found', { field: 'id' });
    return this.compose(tx, lease);
  }

  /** Newest first, `limit + 1` leases after the cursor. */
  async list(tenantId: string | undefined, limit: number, cursor?: string): Promise<LeaseView[]> {
    const position = readCursor('leases', cursor, /^\d{1,15} lea_[\w-]{22}$/);
    const [ms = '', id = ''] = position?.split(' ') ?? [];
    const after =
      position === undefined
        ? Prisma.sql`true`
        : Prisma.sql`(created_at, id) < (to_timestamp(${ms}::numeric / 1000), ${id})`;
    return this.database.transaction(async (tx) => {
      const rows = await this.select(tx, Prisma.sql`${ownedBy(tenantId)} AND ${after}`, limit + 1);
      const views: LeaseView[] = [];
      for (const row of rows) views.push(await this.compose(tx, row));
      return views;
    });
  }

  private async compose(tx: Tx, lease: LeaseRow): Promise<LeaseView> {
    const lines = await linesOf(tx, [lease.id]);
    const lots = await lotsOf(
      tx,
      lines.map(({ id }) => id),
    );
    const addresses = await payeeAddresses(tx, lines);
    const pace = await paceOf(tx);
    const deposits = await this.deposits.list({ leaseId: lease.id }, DEPOSITS_SHOWN, undefined, tx);
    const lineViews = lines.map((line) => this.viewLine(line, lots, addresses.get(line.payeeId) ?? '', pace));
    return {
      id: lease.id,
      reference: lease.reference,
      state: lease.state,
      createdAt: viewTime(lease.createdAt),
      activeAt: viewTimeOrNull(lease.activeAt),
      depletedAt: viewTimeOrNull(lease.depletedAt),
      closedAt: viewTimeOrNull(lease.closedAt),
      payoutsFrozen: lease.payoutsFrozen,
      refund: { mode: lease.refundMode, addresses: { ...lease.refundAddresses } },
      afterDepletion: lease.afterDepletion,
      fundedUntil: soonest(lineViews.map((line) => line.fundedUntil)),
      lines: lineViews,
      locks: await this.viewLocks(tx, lease),
      lots: lots.map((lot) => this.viewLot(lot, lines)),
      deposits: deposits.map((row) => viewDeposit(row, this.catalog.all())),
    };
  }

  private viewLine(line: LineRow, lots: readonly LotRow[], payeeAddress: string, pace: Pace): LineView {
    const asset = this.catalog.require(line.asset);
    const run = runOf(line);
    const unsettled = run === undefined || line.clock === 'once' ? 0n : dueUnits(run, pace.ticks[line.clock]);
    const credited = lots.filter(({ lineId }) => lineId === line.id).reduce((sum, lot) => sum + lot.creditedUnits, 0n);
    const perTick = formatUnits(line.priceNumerator, asset.decimals + PRICE_DECIMALS)
      .replace(/0+$/, '')
      .replace(/\.$/, '');
    return {
      id: line.id,
      n: line.n,
      payeeId: line.payeeId,
      payeeAddress,
      clock: line.clock,
      pricePerTick: { asset: asset.id, amount: perTick },
      state: line.state,
      credited: viewMoney(asset, credited),
      accrued: viewMoney(asset, line.accruedUnits + unsettled),
      paidOut: viewMoney(asset, line.paidOutUnits),
      unspent: viewMoney(asset, line.balanceUnits - unsettled),
      fundedUntil: fundedUntil(line, pace),
    };
  }

  private viewLot(lot: LotRow, lines: readonly LineRow[]): LotView {
    const asset = this.catalog.require(lines.find(({ id }) => id === lot.lineId)?.asset ?? '');
    return {
      id: lot.id,
      lineId: lot.lineId,
      depositId: lot.depositId,
      lockId: lot.lockId,
      paid: viewMoney(this.catalog.require(lot.paidAsset), lot.paidUnits),
      credited: viewMoney(asset, lot.creditedUnits),
      consumed: viewMoney(asset, lot.consumedUnits),
      withdrawn: viewMoney(asset, lot.withdrawnUnits),
      releasedAt: viewTimeOrNull(lot.releasedAt),
    };
  }

  private async viewLocks(tx: Tx, lease: LeaseRow): Promise<LockView[]> {
    const now = await this.clock.now(tx);
    const rows = await tx.$queryRaw<{ chain: string; address: string }[]>`
      SELECT chain, address FROM addresses WHERE lease_id = ${lease.id}`;
    const addresses = new Map(rows.map(({ chain, address }) => [chain, address]));
    return (await this.locks.ofLease(tx, lease.id)).map((lock) => this.viewLock(lock, lease, addresses, now));
  }

  private viewLock(lock: Lock, lease: LeaseRow, addresses: ReadonlyMap<string, string>, now: Date): LockView {
    const asset = this.catalog.require(lock.payAsset);
    const address = addresses.get(asset.chain) ?? '';
    const open = lock.state === 'open' && now <= lock.fundBy;
    const due = open ? maxUnits(lock.capacityUnits - lock.paidUnits, 0n) : 0n;
    const uri = this.chains.get(asset.chain).paymentUri(address, { asset: asset.id, units: due }, lease.reference);
    return {
      id: lock.id,
      quoteId: lock.quoteId,
      kind: lock.kind,
      state: lock.state,
      size: viewMoney(asset, lock.sizeUnits),
      paid: viewMoney(asset, lock.paidUnits),
      due: viewMoney(asset, due),
      lockedAt: viewTime(lock.lockedAt),
      fundBy: viewTime(lock.fundBy),
      confirmBy: viewTime(lock.confirmBy),
      address,
      paymentUri: due > 0n ? uri : null,
    };
  }

  private select(tx: Tx, where: Prisma.Sql, limit: number): Promise<LeaseRow[]> {
    return tx.$queryRaw<LeaseRow[]>`
      SELECT id, tenant_id AS "tenantId", reference, state, refund_mode AS "refundMode", after_depletion AS "afterDepletion",
             refund_addresses AS "refundAddresses", payouts_frozen AS "payoutsFrozen", created_at AS "createdAt",
             active_at AS "activeAt", depleted_at AS "depletedAt", closed_at AS "closedAt"
      FROM leases WHERE ${where} ORDER BY created_at DESC, id DESC LIMIT ${limit}`;
  }
}

const PRICE_DECIMALS = PRICE_SCALE.toString().length - 1;

const ownedBy = (tenantId: string | undefined) =>
  tenantId === undefined ? Prisma.sql`true` : Prisma.sql`tenant_id = ${tenantId}`;

async function payeeAddresses(tx: Tx, lines: readonly LineRow[]): Promise<Map<string, string>> {
  const ids = lines.map(({ payeeId }) => payeeId);
  const rows = await tx.$queryRaw<
    { id: string; address: string }[]
  >`SELECT id, address FROM payees WHERE id = ANY(${ids})`;
  return new Map(rows.map(({ id, address }) => [id, address]));
}
