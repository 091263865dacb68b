import type { AssetId } from '../money/asset.ts';
import type { Tx } from '../platform/database.ts';

/** A leg that cannot be placed within this time of being ready is given up. */
export const PLACE_WITHIN_MS = 30 * 60_000;
/** A placed order executes within this time, or the venue refuses it. */
export const EXECUTE_WITHIN_MS = 10 * 60_000;

/** One transaction at a time changes what is open in an asset, so that two never act on the same position. */
export async function lockAssets(tx: Tx, assets: readonly AssetId[]): Promise<void> {
  for (const asset of [...new Set(assets)].sort()) {
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('desk ' || ${asset}, 0))`;
  }
}
