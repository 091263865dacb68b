import type { AssetId } from '../money/asset.ts';
import type { LineClock } from './lock.ts';

/** A line of a lease as a further quote needs it. */
export interface LeaseLine {
  /** Chain and address the payee is known by. */
  readonly payee: { readonly chain: string; readonly address: string };
  readonly asset: AssetId;
  readonly clock: LineClock;
  /** Base units per tick × 10^18; of a `once` line, what is still missing of its price. */
  readonly priceNumerator: bigint;
}

/** What quotes ask of leases; the room that keeps them answers. */
export abstract class LeaseLines {
  /**
   * All lines of a tenant's lease, in their order.
   * @throws Refusal not_found (field `leaseId`), lease_state for a lease that takes no more money
   */
  abstract linesOf(tenantId: string, leaseId: string): Promise<readonly LeaseLine[]>;
}
