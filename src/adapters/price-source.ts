import type { AssetId } from '../money/asset.ts';
import type { Ratio } from '../money/rate.ts';

/** One observation of a market by one source. Exact: built from the source's own decimal text. */
export interface PriceReading {
  /** The source's name, unique among configured sources: `kraken`, `coinbase`, ... */
  readonly source: string;
  readonly asset: AssetId;
  /** USD for one whole unit of the asset. */
  readonly bid: Ratio;
  readonly ask: Ratio;
  /** When the source says it observed the price; the time the answer arrived where it gives none. */
  readonly observedAt: Date;
}

/** What came of asking a source. A source that cannot be believed is an outcome, not an exception. */
export type PriceOutcome =
  | { readonly kind: 'read'; readonly readings: readonly PriceReading[] }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** A market data vendor. One driver file each under `prices/`. */
export abstract class PriceSource {
  abstract readonly name: string;
  /** Assets this source quotes in USD (directly or by one pair it quotes itself). */
  abstract readonly assets: readonly AssetId[];
  /** Asks once, within the configured time limit. Never throws for what the vendor did. */
  abstract read(assets: readonly AssetId[]): Promise<PriceOutcome>;
}
