import type { AssetId } from '../money/asset.ts';
import type { Ratio } from '../money/rate.ts';

/** One observation of a market by one source. Exact: built from the source's own decimal text. */
export interface PriceReading {
  /** The source's name, unique among configured sources: `kraken`, `coinbase`, ... */
  readonly source: string;
  readonly asset: AssetId;
  /** What bid and ask are stated in: `USD`, or an asset that has a USD price of its own (a stablecoin). */
  readonly quote: AssetId | 'USD';
  /** `quote` for one whole unit of the asset. Bid may lie above ask: the price rule judges that. */
  readonly bid: Ratio;
  readonly ask: Ratio;
  /** When the source says it observed the price; the time it sent its answer where it gives none. Never checked here. */
  readonly observedAt: Date;
}

/** What came of asking a source for one asset. A source that cannot be believed is an outcome, not an exception. */
export type PriceOutcome =
  | { readonly kind: 'read'; readonly reading: PriceReading }
  | { readonly kind: 'unavailable'; readonly source: string; readonly asset: AssetId; readonly reason: string };

/** A market data vendor. One driver file each under `prices/`. */
export abstract class PriceSource {
  abstract readonly name: string;
  /** Assets this source quotes. */
  abstract readonly assets: readonly AssetId[];
  /** Asks once for each of its own assets named, within the configured time limit. Never throws for what the vendor did. */
  abstract read(assets: readonly AssetId[]): Promise<readonly PriceOutcome[]>;
}
