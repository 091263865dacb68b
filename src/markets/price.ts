import type { PriceOutcome } from '../adapters/price-source.ts';
import type { AssetId } from '../money/asset.ts';
import type { Ratio } from '../money/rate.ts';
import {
  type Drop,
  type PriceLimits,
  priceOf,
  type RulePrice,
  type RuleRefusal,
  throughPrice,
  type UsdReading,
} from './price-rule.ts';

/** What one source said of an asset at one refresh. */
export interface PriceInput {
  readonly source: string;
  /** USD, after conversion where the source quotes in another asset; null where it said nothing that can be used. */
  readonly reading: UsdReading | null;
  /** The asset the source quotes in, where it is not USD. */
  readonly through: AssetId | null;
  /** Why there is no reading. */
  readonly reason: string | null;
}

/** A price the rule accepted, in USD for one whole unit. */
export interface AcceptedPrice {
  readonly asset: AssetId;
  readonly mid: Ratio;
  /** `mid` less the uncertainty: what the desk buys at. */
  readonly bid: Ratio;
  /** `mid` plus the uncertainty: what the desk sells at. */
  readonly ask: Ratio;
  /** Basis points, rounded up. */
  readonly uncertaintyBps: number;
  readonly oldestObservedAt: Date;
  /** When it was accepted. */
  readonly at: Date;
  /** Id its evidence has once recorded. */
  readonly evidenceId: string;
  readonly inputs: readonly PriceInput[];
  readonly used: readonly string[];
  readonly dropped: readonly Drop[];
}

/** Why an asset has no price. */
export interface MissingPrice {
  readonly asset: AssetId;
  readonly reason: RuleRefusal['reason'] | 'not_read_yet' | 'stale';
  readonly at: Date;
  readonly inputs: readonly PriceInput[];
  readonly dropped: readonly Drop[];
}

/** What the rule made of the inputs of one asset. */
export interface Judged {
  readonly asset: AssetId;
  readonly inputs: readonly PriceInput[];
  readonly result: RulePrice | RuleRefusal;
}

/**
 * Judges all outcomes of one refresh. An asset that others are quoted in is priced first, from sources that quote it in
 * USD; a source that quotes in an asset without a price says nothing.
 */
export function judge(
  outcomes: readonly PriceOutcome[],
  now: Date,
  limitsOf: (asset: AssetId) => PriceLimits,
): ReadonlyMap<AssetId, Judged> {
  const byAsset = Map.groupBy(outcomes, assetOf);
  const quotes = new Set(outcomes.flatMap((one) => (one.kind === 'read' ? [one.reading.quote] : [])));
  const judged = new Map<AssetId, Judged>();
  for (const asset of [...byAsset.keys()].sort((a, b) => Number(quotes.has(b)) - Number(quotes.has(a)))) {
    const inputs = (byAsset.get(asset) ?? []).map((outcome) => inputOf(outcome, judged));
    const readings = inputs.flatMap(({ reading }) => (reading === null ? [] : [reading]));
    judged.set(asset, { asset, inputs, result: priceOf(readings, now, limitsOf(asset)) });
  }
  return judged;
}

const assetOf = (outcome: PriceOutcome): AssetId => (outcome.kind === 'read' ? outcome.reading.asset : outcome.asset);

function inputOf(outcome: PriceOutcome, judged: ReadonlyMap<AssetId, Judged>): PriceInput {
  if (outcome.kind === 'unavailable') {
    return { source: outcome.source, reading: null, through: null, reason: outcome.reason };
  }
  const { source, quote } = outcome.reading;
  if (quote === 'USD') return { source, reading: outcome.reading, through: null, reason: null };
  const price = judged.get(quote)?.result;
  if (price?.kind !== 'accepted') return { source, reading: null, through: quote, reason: `no price of ${quote}` };
  return { source, reading: throughPrice(outcome.reading, price), through: quote, reason: null };
}
