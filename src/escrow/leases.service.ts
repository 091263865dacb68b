import { Injectable } from '@nestjs/common';
import { Addresses } from '../deposits/addresses.service.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Clock } from '../platform/clock.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { Refusal } from '../platform/refusal.ts';
import { Payees } from '../payees/payees.service.ts';
import type { QuoteDetail } from '../quotes/quote-detail.ts';
import { Locks } from '../quotes/locks.service.ts';
import { Quotes } from '../quotes/quotes.service.ts';
import { Wallets } from '../wallets/wallets.service.ts';
import { Accrual } from './accrual.service.ts';
import { Credit } from './credit.service.ts';
import { type LeaseRow, linesOf, lockLease } from './rows.ts';

export interface CreateLease {
  readonly quoteId: string;
  /** The partner's own id of the lease. */
  readonly reference: string;
  /** Where money goes back in the asset paid. */
  readonly refundAddress: string;
  /** Where unspent escrow goes in the line's asset; needed for quotes that refund in kind. */
  readonly lineRefundAddress: string | null;
}

/** Leases: taking a quote opens one, a further quote adds a lock to it, closing it ends its accrual. */
@Injectable()
export class Leases {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly wallets: Wallets,
    private readonly payees: Payees,
    private readonly quotes: Quotes,
    private readonly locks: Locks,
    private readonly addresses: Addresses,
    private readonly accrual: Accrual,
    private readonly credit: Credit,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Opens a lease with its lines and the lock of its quote, and makes its deposit address.
   * @throws Refusal not_found, quote_taken, quote_expired, price_moved, exposure_cap, duplicate (reference),
   * invalid_address, own_address
   */
  async create(tx: Tx, tenantId: string, wanted: CreateLease): Promise<string> {
    const quote = await this.quotes.require(tx, tenantId, wanted.quoteId);
    if (quote.leaseId !== null)
      throw new Refusal('conflict', { field: 'quoteId', expected: 'a quote that names no lease' });
    const refundAddresses = await this.refundAddresses(tx, quote.detail.payAsset, quote.detail, wanted);
    const id = newId('lease');
    const inserted = await tx.$executeRaw`
      INSERT INTO leases (id, tenant_id, reference, state, refund_mode, after_depletion, refund_addresses, created_at)
      VALUES (${id}, ${tenantId}, ${wanted.reference}, 'awaiting', ${quote.detail.terms.refund},
              ${quote.detail.terms.afterDepletion}, ${JSON.stringify(refundAddresses)}::jsonb, ${await this.clock.now(tx)})
      ON CONFLICT (tenant_id, reference) DO NOTHING`;
    if (inserted === 0)
      throw new Refusal('duplicate', { field: 'lease.reference', expected: 'a reference of no other lease' });
    const lineIds = await this.openLines(tx, tenantId, id, quote.detail);
    await this.locks.take(tx, { quoteId: quote.id, tenantId, leaseId: id, lineIds });
    await this.addresses.open(tx, this.catalog.require(quote.detail.payAsset).chain, { id, tenantId });
    await this.outbox.write(tx, [
      {
        type: 'lease.created',
        subject: id,
        tenantId,
        data: { leaseId: id, reference: wanted.reference, quoteId: quote.id },
      },
    ]);
    crashpoint('lease.created');
    return id;
  }

  /**
   * Adds the lock of a further quote to a lease: a top-up, or another pay asset.
   * @throws Refusal not_found, lease_state, conflict (a quote for another lease), and those of taking a quote
   */
  async addLock(
    tx: Tx,
    tenantId: string,
    leaseId: string,
    quoteId: string,
    refundAddress: string | null,
  ): Promise<void> {
    const lease = await this.lockOwn(tx, tenantId, leaseId);
    requireOpen(lease);
    const quote = await this.quotes.require(tx, tenantId, quoteId);
    if (quote.leaseId !== leaseId)
      throw new Refusal('conflict', { field: 'quoteId', expected: 'a quote asked for this lease' });
    const { chain } = this.catalog.require(quote.detail.payAsset);
    if (lease.refundAddresses[chain] === undefined) {
      if (refundAddress === null) {
        throw new Refusal('invalid_address', {
          field: 'refundAddress',
          expected: `an address on ${chain}: the lease has none yet`,
        });
      }
      const canonical = await this.payees.checkDestination(quote.detail.payAsset, refundAddress, 'refundAddress', tx);
      await this.wallets.allow(tx, { chain, address: canonical, why: 'refund', activeFrom: await this.clock.now(tx) });
      await tx.$executeRaw`
        UPDATE leases SET refund_addresses = refund_addresses || ${JSON.stringify({ [chain]: canonical })}::jsonb WHERE id = ${leaseId}`;
    }
    const lines = await linesOf(tx, [leaseId]);
    const settled = await this.accrual.settle(tx, lease);
    const lock = await this.locks.take(tx, { quoteId, tenantId, leaseId, lineIds: lines.map(({ id }) => id) });
    await this.addresses.open(tx, chain, { id: leaseId, tenantId });
    await this.credit.applyHeld(tx, settled, lock);
  }

  /** Ends a lease now: settles it, closes its locks, and leaves what is unspent to be refunded. Also cancels an unfunded one. */
  async close(tx: Tx, tenantId: string, leaseId: string): Promise<void> {
    const lease = await this.lockOwn(tx, tenantId, leaseId);
    requireOpen(lease);
    await this.accrual.settle(tx, lease);
    await this.accrual.stop(tx, leaseId);
    await this.locks.closeOf(tx, leaseId);
    await this.end(tx, lease, 'closed');
    crashpoint('lease.closed');
  }

  /** Expires a lease that waited for money until its locks closed. Does nothing while a deposit of it is still pending. */
  async expire(tx: Tx, leaseId: string): Promise<void> {
    const lease = await lockLease(tx, leaseId);
    if (lease?.state !== 'awaiting') return;
    const locks = await this.locks.ofLease(tx, leaseId);
    if (locks.some(({ state }) => state === 'open')) return;
    const [pending] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM deposits WHERE lease_id = ${leaseId} AND state IN ('seen', 'confirmed', 'reorged') LIMIT 1`;
    if (pending === undefined) await this.end(tx, lease, 'expired');
  }

  /** Leases that may be expired: awaiting, with no lock open any more. */
  async unfunded(): Promise<string[]> {
    const rows = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM leases l WHERE state = 'awaiting'
        AND NOT EXISTS (SELECT 1 FROM locks k WHERE k.lease_id = l.id AND k.state = 'open')
        AND NOT EXISTS (SELECT 1 FROM deposits d WHERE d.lease_id = l.id AND d.state IN ('seen', 'confirmed', 'reorged'))
      ORDER BY created_at LIMIT 200`;
    return rows.map(({ id }) => id);
  }

  async expireOne(leaseId: string): Promise<void> {
    await this.database.transaction((tx) => this.expire(tx, leaseId));
  }

  private async end(tx: Tx, lease: LeaseRow, state: 'closed' | 'expired'): Promise<void> {
    await tx.$executeRaw`UPDATE leases SET state = ${state}, closed_at = ${await this.clock.now(tx)} WHERE id = ${lease.id}`;
    await tx.$executeRaw`
      UPDATE deposits SET return_units = return_units + held_units, held_units = 0 WHERE lease_id = ${lease.id} AND held_units > 0`;
    await this.outbox.write(tx, [
      {
        type: `lease.${state}`,
        subject: lease.id,
        tenantId: lease.tenantId,
        data: { leaseId: lease.id, reference: lease.reference },
      },
    ]);
  }

  private async openLines(tx: Tx, tenantId: string, leaseId: string, detail: QuoteDetail): Promise<string[]> {
    const ids: string[] = [];
    for (const [n, line] of detail.lines.entries()) {
      const { payeeId, destination } = await this.payees.ensure(tx, { tenantId, asset: line.asset, payee: line.payee });
      const id = newId('line');
      await tx.$executeRaw`
        INSERT INTO lines (id, lease_id, n, payee_id, destination, asset, clock, price_numerator, state)
        VALUES (${id}, ${leaseId}, ${n}, ${payeeId}, ${destination}, ${line.asset}, ${line.clock},
                ${line.priceNumerator}::numeric, 'idle')`;
      ids.push(id);
    }
    return ids;
  }

  /** Refund addresses by chain, checked; the signer is told that they may be paid. */
  private async refundAddresses(
    tx: Tx,
    payAsset: string,
    detail: QuoteDetail,
    wanted: CreateLease,
  ): Promise<Record<string, string>> {
    const pay = this.catalog.require(payAsset);
    const addresses: Record<string, string> = {
      [pay.chain]: await this.payees.checkDestination(pay.id, wanted.refundAddress, 'refundAddress', tx),
    };
    if (detail.terms.refund === 'inKind') {
      for (const { asset } of detail.lines) {
        const { chain } = this.catalog.require(asset);
        if (addresses[chain] !== undefined) continue;
        if (wanted.lineRefundAddress === null) {
          throw new Refusal('invalid_address', {
            field: 'lineRefundAddress',
            expected: `an address on ${chain}, for refunds in kind`,
          });
        }
        addresses[chain] = await this.payees.checkDestination(asset, wanted.lineRefundAddress, 'lineRefundAddress', tx);
      }
    }
    const activeFrom = await this.clock.now(tx);
    for (const [chain, address] of Object.entries(addresses)) {
      await this.wallets.allow(tx, { chain, address, why: 'refund', activeFrom });
    }
    return addresses;
  }

  private async lockOwn(tx: Tx, tenantId: string, leaseId: string): Promise<LeaseRow> {
    const lease = await lockLease(tx, leaseId);
    if (lease === undefined || lease.tenantId !== tenantId) throw new Refusal('not_found', { field: 'id' });
    return lease;
  }
}

function requireOpen({ state }: LeaseRow): void {
  if (state === 'closed' || state === 'expired') {
    throw new Refusal('lease_state', { expected: 'a lease that is awaiting, active or depleted', facts: { state } });
  }
}
