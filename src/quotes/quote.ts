import type { Asset, AssetId } from '../money/asset.ts';
import { minUnits } from '../money/money.ts';
import { allocate, divide, type Ratio, ratio } from '../money/rate.ts';
import type { Costs, LineClock } from './lock.ts';

/** A price per tick is kept in base units × 10^18. */
export const PRICE_SCALE = 10n ** 18n;
const MYRIAD = 10_000n;
/** Significant digits a locked rate keeps; the rest is cut in the desk's favour. */
const RATE_DIGITS = 18;

/** USD for one whole unit, as accepted by the price rule; bid and ask are the mid less and plus its uncertainty. */
export interface UsdPrice {
  readonly mid: Ratio;
  readonly bid: Ratio;
  readonly ask: Ratio;
}

/** What one pay base unit is in base units of a line's asset: at the mid, and as offered. */
export interface OfferedRate {
  readonly mid: Ratio;
  readonly offered: Ratio;
}

/** A line to price: how much of its asset it takes each tick. */
export interface LineRequest {
  readonly asset: AssetId;
  readonly clock: LineClock;
  /** Base units per tick × 10^18; for `once`, the whole price. */
  readonly priceNumerator: bigint;
  readonly rate: OfferedRate;
}

export interface QuoteRequest {
  readonly lines: readonly LineRequest[];
  /** Measured time of one Akash block, microseconds. */
  readonly blockTimeUs: bigint;
  readonly premiumBps: bigint;
  readonly feeBps: bigint;
  /** Cost of spending the deposit, in the pay asset. */
  readonly networkUnits: bigint;
  /** Price of a right to top up, in the pay asset; 0 without one. */
  readonly rightUnits: bigint;
  /** Cost of turning so many pay units into a line's asset, rounded up; grows with the size. */
  readonly swapCost: (shareUnits: bigint, asset: AssetId) => bigint;
}

/** How long it is to last: whole seconds, or Akash blocks. */
export type Term = { readonly seconds: bigint } | { readonly blocks: bigint };

export interface PricedLine {
  readonly ticks: bigint;
  /** What the line's escrow gets at full payment. */
  readonly units: bigint;
  /** What of the payment buys it, in the pay asset; at the offered rate and at the mid. */
  readonly shareUnits: bigint;
  readonly spotUnits: bigint;
}

export interface PricedQuote {
  /** Exactly the sum of the lines' shares and of the costs. */
  readonly payUnits: bigint;
  readonly lines: readonly PricedLine[];
  readonly costs: Costs;
}

/** Costs and `once` lines take it all; a line gets not even one tick; no line lasts any time. */
export type Unpriceable = 'nothing_left' | 'less_than_a_tick' | 'no_runway';

/** The rate of a pay asset into a line's asset: sold at the bid, bought at the ask, less the spread on each side. */
export function offeredRate(pay: Asset, to: Asset, payUsd: UsdPrice, toUsd: UsdPrice, spreadBps: bigint): OfferedRate {
  if (pay.id === to.id) return { mid: { num: 1n, den: 1n }, offered: { num: 1n, den: 1n } };
  const [up, down] = [10n ** BigInt(to.decimals), 10n ** BigInt(pay.decimals)];
  const mid = cut(payUsd.mid.num * toUsd.mid.den * up, payUsd.mid.den * toUsd.mid.num * down);
  const num = payUsd.bid.num * toUsd.ask.den * up * (MYRIAD - spreadBps);
  const den = payUsd.bid.den * toUsd.ask.num * down * (MYRIAD + spreadBps);
  return { mid, offered: cut(num, den) };
}

/** The largest ratio of `RATE_DIGITS` significant digits that is no more than num / den. */
function cut(num: bigint, den: bigint): Ratio {
  const places = RATE_DIGITS - (num.toString().length - den.toString().length);
  return places >= 0
    ? ratio((num * 10n ** BigInt(places)) / den, 10n ** BigInt(places))
    : ratio((num / (den * 10n ** BigInt(-places))) * 10n ** BigInt(-places), 1n);
}

/** What the tenant pays so that every line lasts the whole term. What is owed rounds up at each step. */
export function quoteForTerm(request: QuoteRequest, term: Term): PricedQuote {
  const lines = request.lines.map((line) => {
    const ticks = ticksOf(line.clock, term, request.blockTimeUs);
    const units = divide(line.priceNumerator * ticks, PRICE_SCALE, 'ceil');
    return { ticks, units, ...sharesOf(line, units) };
  });
  const swap = swapOf(
    request,
    lines.map(({ shareUnits }) => shareUnits),
  );
  const covered = sum(lines.map(({ shareUnits }) => shareUnits)) + swap + request.networkUnits + request.rightUnits;
  const payUnits = divide(covered * MYRIAD, MYRIAD - request.premiumBps - request.feeBps, 'ceil');
  const premium = (payUnits * request.premiumBps) / MYRIAD;
  const fee = payUnits - covered - premium;
  return { payUnits, lines, costs: { premium, fee, swap, network: request.networkUnits, right: request.rightUnits } };
}

/**
 * How long every line lasts for what the tenant pays: `once` lines first, then equal runway. What is left of a tick is
 * still credited, so the shares and the costs sum to the payment exactly.
 */
export function quoteForPayment(request: QuoteRequest, payUnits: bigint): PricedQuote | Unpriceable {
  if (request.lines.every(({ clock }) => clock === 'once')) return 'no_runway';
  const premium = (payUnits * request.premiumBps) / MYRIAD;
  const fee = divide(payUnits * request.feeBps, MYRIAD, 'ceil');
  const left = payUnits - premium - fee - request.networkUnits - request.rightUnits;
  if (left <= 0n) return 'nothing_left';
  const swap = swapWithin(request, left);
  const shares = swap === null ? null : distribute(request, left - swap);
  if (swap === null || shares === null) return 'nothing_left';
  const lines = request.lines.map((line, n) => lineForShare(line, shares[n] ?? 0n));
  if (lines.some(({ ticks }) => ticks === 0n)) return 'less_than_a_tick';
  return { payUnits, lines, costs: { premium, fee, swap, network: request.networkUnits, right: request.rightUnits } };
}

/**
 * The least cost that covers the swap of what it leaves; null if nothing is left. The dearest it can be is the cost of
 * everything; what is too dear leaves too little for the `once` lines.
 */
function swapWithin(request: QuoteRequest, left: bigint): bigint | null {
  const covers = (swap: bigint): boolean => {
    const shares = left > swap ? distribute(request, left - swap) : null;
    return shares === null || swapOf(request, shares) <= swap;
  };
  const all = distribute(request, left);
  if (all === null) return null;
  let [low, high] = [0n, swapOf(request, all)];
  while (low < high) {
    const middle = (low + high) / 2n;
    if (covers(middle)) high = middle;
    else low = middle + 1n;
  }
  return left > low ? low : null;
}

function lineForShare(line: LineRequest, shareUnits: bigint): PricedLine {
  const bought = divide(shareUnits * line.rate.offered.num, line.rate.offered.den, 'floor');
  const once = line.clock === 'once';
  const units = once ? divide(line.priceNumerator, PRICE_SCALE, 'ceil') : bought;
  const ticks = once ? 1n : (units * PRICE_SCALE) / line.priceNumerator;
  return { ticks, units, shareUnits, spotUnits: spotOf(line, units, shareUnits) };
}

/** Shares of a net payment by line, summing to it exactly; null if it does not even fill the `once` lines. */
function distribute(request: QuoteRequest, net: bigint): bigint[] | null {
  const once = request.lines.map((line) =>
    line.clock === 'once' ? sharesOf(line, divide(line.priceNumerator, PRICE_SCALE, 'ceil')).shareUnits : 0n,
  );
  const rest = net - sum(once);
  const streaming = request.lines.flatMap((line, n) => (line.clock === 'once' ? [] : [{ line, n }]));
  if (rest < 0n) return null;
  const parts = allocate(
    rest,
    streaming.map(({ line, n }) => ({ id: String(n).padStart(4, '0'), weight: runwayWeight(request, line) })),
  );
  return once.map((share, n) => parts.get(String(n).padStart(4, '0')) ?? share);
}

/** Cost of a line for a fixed stretch of time, in the pay asset, scaled so that rounding does not show. */
function runwayWeight(request: QuoteRequest, { clock, priceNumerator, rate }: LineRequest): bigint {
  const tickUs = clock === 'utc' ? 1_000_000n : request.blockTimeUs;
  return (priceNumerator * rate.offered.den * 10n ** 60n) / (rate.offered.num * tickUs) + 1n;
}

function sharesOf(line: LineRequest, units: bigint): { shareUnits: bigint; spotUnits: bigint } {
  const shareUnits = divide(units * line.rate.offered.den, line.rate.offered.num, 'ceil');
  return { shareUnits, spotUnits: spotOf(line, units, shareUnits) };
}

const spotOf = (line: LineRequest, units: bigint, shareUnits: bigint): bigint =>
  minUnits(divide(units * line.rate.mid.den, line.rate.mid.num, 'ceil'), shareUnits);

const swapOf = (request: QuoteRequest, shares: readonly bigint[]): bigint => {
  const byAsset = new Map<AssetId, bigint>();
  for (const [n, { asset }] of request.lines.entries())
    byAsset.set(asset, (byAsset.get(asset) ?? 0n) + (shares[n] ?? 0n));
  return sum([...byAsset].map(([asset, units]) => request.swapCost(units, asset)));
};

/** Ticks of a line's clock in a term, rounded up: it lasts at least that long. */
export function ticksOf(clock: LineClock, term: Term, blockTimeUs: bigint): bigint {
  switch (clock) {
    case 'once':
      return 1n;
    case 'akash-height':
      return 'blocks' in term ? term.blocks : divide(term.seconds * 1_000_000n, blockTimeUs, 'ceil');
    case 'utc':
      return 'seconds' in term ? term.seconds : divide(term.blocks * blockTimeUs, 1_000_000n, 'ceil');
  }
}

/** Whole seconds a number of ticks of a clock takes. */
export const secondsOf = (clock: LineClock, ticks: bigint, blockTimeUs: bigint): bigint =>
  clock === 'utc' ? ticks : clock === 'once' ? 0n : (ticks * blockTimeUs) / 1_000_000n;

/**
 * Whether the market moved against the desk by more than was stated: the pay asset is worth less, in a line's asset,
 * than at the quote less its uncertainty.
 */
export const priceMoved = (quoted: Ratio, now: Ratio, uncertaintyBps: bigint): boolean =>
  now.num * quoted.den * MYRIAD < quoted.num * now.den * (MYRIAD - uncertaintyBps);

const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n);
