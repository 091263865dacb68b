import type { LegQuote } from '../adapters/venue.ts';
import type { AssetId } from '../money/asset.ts';
import { divide } from '../money/rate.ts';
import { type Book, rate, type TradeReason } from './flatten.ts';

/** What surpluses are sold for, and what routes of two legs go through. */
export const HUB: AssetId = 'USDC.ethereum';
/** The venue that fills from the own float: it moves books, never a position. */
export const FLOAT_VENUE = 'inventory';

/** One leg a venue offers. */
export interface Step {
  readonly venue: string;
  readonly from: AssetId;
  readonly to: AssetId;
}

/** A route that was not taken. */
export interface LostRoute {
  readonly route: string;
  readonly why: string;
}

/** What a route brings, and what it costs against the mid prices. */
export interface Outcome {
  /** Output less network fees, in units of the output asset. */
  readonly netUnits: bigint;
  /** Basis points, rounded up; negative when it brings more. */
  readonly lossBps: bigint;
}

const BPS = 10_000n;

/**
 * The routes from one asset to another: each direct step, and two steps through the hub. The float takes part only for
 * what the desk is short, and where a market deals in an asset against the hub the float deals in the hub: a surplus that
 * can be sold must not end up in the float, where it would stay a risk.
 */
export function routesBetween(offered: readonly Step[], from: AssetId, to: AssetId, reason: TradeReason): Step[][] {
  const marketed = (sold: AssetId, bought: AssetId) =>
    offered.some((step) => step.venue !== FLOAT_VENUE && step.from === sold && step.to === bought);
  const usable = offered.filter(
    (step) =>
      step.venue !== FLOAT_VENUE ||
      (reason === 'short' && !marketed(step.from, HUB) && !marketed(HUB, step.to) && step.from !== step.to),
  );
  const steps = (sold: AssetId, bought: AssetId) => usable.filter((step) => step.from === sold && step.to === bought);
  const direct = steps(from, to).map((step) => [step]);
  if (from === HUB || to === HUB) return direct;
  return [...direct, ...steps(from, HUB).flatMap((first) => steps(HUB, to).map((second) => [first, second]))];
}

export const nameOf = (route: readonly Step[]): string =>
  [route[0]?.from ?? '', ...route.map(({ venue, to }) => `${venue} ${to}`)].join(' > ');

/** What quotes in a row come to. @throws Error for an asset without a price. */
export function outcomeOf(quotes: readonly LegQuote[], books: ReadonlyMap<AssetId, Book>): Outcome {
  const [first, last] = [quotes[0], quotes.at(-1)];
  if (first === undefined || last === undefined) throw new Error('a route has at least one leg');
  const book = (asset: AssetId) => books.get(asset) ?? unpriced(asset);
  const target = book(last.output.asset);
  const inTarget = (asset: AssetId, units: bigint, rounding: 'floor' | 'ceil') => {
    const { num, den } = rate(book(asset), target);
    return divide(units * num, den, rounding);
  };
  const network = quotes.flatMap(({ fees }) => fees.filter(({ kind }) => kind === 'network'));
  const fees = network.reduce((sum, { amount }) => sum + inTarget(amount.asset, amount.units, 'ceil'), 0n);
  const fair = inTarget(first.input.asset, first.input.units, 'floor');
  const netUnits = last.output.units - fees;
  const lost = (fair - netUnits) * BPS;
  return { netUnits, lossBps: fair === 0n ? BPS : lost > 0n ? divide(lost, fair, 'ceil') : lost / fair };
}

/** The least a leg may bring: what was expected less the slippage allowed, and never zero. */
export function minimumOf(expectedUnits: bigint, slippageBps: number): bigint {
  const least = divide(expectedUnits * (BPS - BigInt(slippageBps)), BPS, 'floor');
  return least > 0n ? least : 1n;
}

function unpriced(asset: AssetId): never {
  throw new Error(`${asset} has no price`);
}
