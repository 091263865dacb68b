import { Injectable } from '@nestjs/common';
import type { AssetId } from '../money/asset.ts';
import { Clock } from '../platform/clock.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { Exposure } from '../risk/exposure.service.ts';
import type { Lock } from './lock.ts';

export interface TakeQuote {
  readonly quoteId: string;
  readonly tenantId: string;
  /** Lease the lock belongs to; a quote asked for one lease is taken for no other. */
  readonly leaseId: string;
  /** Ids of the lines opened for the quote's lines, in the quote's order. */
  readonly lineIds: readonly string[];
}

/** Rate locks: taking a quote, which lock money belongs to, what was paid into it, and its end. */
@Injectable()
export class Locks {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly outbox: Outbox,
    private readonly exposure: Exposure,
  ) {}

  /**
   * Takes an open quote: at most one caller ever succeeds. Reserves its exposure, writes `lock.opened`.
   * @throws Refusal not_found (also for another tenant's quote), quote_taken, quote_expired, price_moved, exposure_cap,
   * no_price, asset_not_available, conflict (a quote for another lease).
   */
  async take(tx: Tx, wanted: TakeQuote): Promise<Lock> {
    throw new Error(`${wanted.quoteId} ${tx}`);
  }

  /**
   * The lock that money of `asset` first seen at `seenAt` belongs to: of the newest quote taken by then, its window or,
   * once that is full or over, its right; null if none was open. Its row is locked for this transaction. Whether the
   * money is in time is `inTime`'s; ask again for what `creditOf` calls excess, as a right may take it.
   */
  async openFor(tx: Tx, leaseId: string, asset: AssetId, seenAt: Date): Promise<Lock | null> {
    throw new Error(`${leaseId} ${asset} ${seenAt} ${tx}`);
  }

  /** Locks of a lease, oldest first; a window before its right. */
  async ofLease(tx: Tx, leaseId: string): Promise<readonly Lock[]> {
    throw new Error(`${leaseId} ${tx}`);
  }

  /**
   * Adds what was credited at the lock's rate (never its excess); negative units take a payment back. Its exposure
   * moves from `window` or `right` to `unhedged`; a right grows by the part whose price is now paid.
   */
  async recordPaid(tx: Tx, lockId: string, units: bigint): Promise<Lock> {
    throw new Error(`${lockId} ${units} ${tx}`);
  }

  /** Closes a lease's open locks at once, when the lease closes: nothing more is credited at their rates. */
  async closeOf(tx: Tx, leaseId: string): Promise<void> {
    throw new Error(`${leaseId} ${tx}`);
  }

  /**
   * Closes locks whose `confirmBy` has passed: size becomes what was credited, the rest of the exposure is released,
   * `lock.closed` is written. Releases exposure that ran out. For the job; returns how many locks it closed.
   */
  async closeDue(now: Date): Promise<number> {
    throw new Error(`${now} ${this.database} ${this.clock} ${this.outbox} ${this.exposure}`);
  }
}
