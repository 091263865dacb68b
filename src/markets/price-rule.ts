import { maxUnits } from '../money/money.ts';
import { divide, type Ratio, ratio } from '../money/rate.ts';

/** Named in every piece of evidence; changes whenever the same readings could give another price. */
export const PRICE_RULE_VERSION = 'median-mad/1';

/** One source's quote of an asset in USD. */
export interface UsdReading {
  readonly source: string;
  readonly bid: Ratio;
  readonly ask: Ratio;
  readonly observedAt: Date;
}

export type DropReason = 'stale' | 'future' | 'crossed' | 'wide' | 'outlier';

export interface PriceLimits {
  /** Fresh agreeing sources needed. */
  readonly sourcesMin: number;
  readonly ageMaxMs: number;
  /** How far ahead of our clock a source's may run. */
  readonly aheadMaxMs: number;
  /** Largest uncertainty accepted; also the widest half spread of one source. */
  readonly uncertaintyMaxBps: bigint;
  /** Price of about five minutes ago and how far from it a price may lie; null when none is known. */
  readonly jump: { readonly from: Ratio; readonly boundBps: bigint } | null;
}

export interface RulePrice {
  readonly kind: 'accepted';
  readonly mid: Ratio;
  /** `mid` less and plus the uncertainty. */
  readonly bid: Ratio;
  readonly ask: Ratio;
  /** Rounded up. */
  readonly uncertaintyBps: bigint;
  readonly used: readonly string[];
  readonly dropped: readonly Drop[];
  readonly oldestObservedAt: Date;
}

export interface RuleRefusal {
  readonly kind: 'refused';
  readonly reason: 'too_few_sources' | 'too_many_dropped' | 'uncertain' | 'jump';
  readonly dropped: readonly Drop[];
  /** What the sources agree on where only the jump bound stands against it; null otherwise. */
  readonly mid: Ratio | null;
}

export interface Drop {
  readonly source: string;
  readonly reason: DropReason;
}

interface Quote extends UsdReading {
  readonly mid: Ratio;
}

const MYRIAD = 10_000n;
/** 1.4826 scales a median absolute deviation to a standard deviation of normal errors. */
const MAD_SCALE: Ratio = { num: 14_826n, den: MYRIAD };
const OUTLIER_DEVIATIONS = 3n;
const OUTLIER_FLOOR_BPS = 50n;

/**
 * The price several sources agree on, or why there is none.
 *
 * Readings that are stale, from the future, crossed or wider than the uncertainty allowed are dropped. Of the rest, those
 * farther from the median than the larger of three scaled median absolute deviations and 0.5 % are dropped as outliers. Half
 * of all readings dropped, for whatever reason, is no price. The price is the median of those left; its uncertainty the
 * larger of their scaled deviation and half their median spread. All arithmetic is exact; the order of readings makes no
 * difference.
 *
 * @throws Error if a source is named twice: it would count twice.
 */
export function priceOf(readings: readonly UsdReading[], now: Date, limits: PriceLimits): RulePrice | RuleRefusal {
  if (new Set(readings.map(({ source }) => source)).size < readings.length) throw new Error('a source is named twice');
  const dropped: Drop[] = [];
  const sound: Quote[] = [];
  for (const reading of [...readings].sort(bySource)) {
    const quote = { ...reading, mid: half(sum(reading.bid, reading.ask)) };
    const reason = unsound(quote, now, limits);
    if (reason === null) sound.push(quote);
    else dropped.push({ source: reading.source, reason });
  }
  const refused = (reason: RuleRefusal['reason'], mid: Ratio | null = null): RuleRefusal => ({
    kind: 'refused',
    reason,
    dropped,
    mid,
  });
  if (sound.length < limits.sourcesMin) return refused('too_few_sources');
  const used = agreeing(sound);
  for (const { source } of sound) {
    if (!used.some((quote) => quote.source === source)) dropped.push({ source, reason: 'outlier' });
  }
  if (used.length < limits.sourcesMin) return refused('too_few_sources');
  if (dropped.length * 2 >= readings.length) return refused('too_many_dropped');
  const { num, den } = median(used.map((quote) => quote.mid));
  const mid = ratio(num, den);
  const uncertaintyBps = uncertaintyOf(used, mid);
  if (uncertaintyBps > limits.uncertaintyMaxBps) return refused('uncertain');
  if (limits.jump !== null && deviationBps(mid, limits.jump.from) > limits.jump.boundBps) {
    return refused('jump', mid);
  }
  return {
    kind: 'accepted',
    mid,
    bid: ratio(mid.num * (MYRIAD - uncertaintyBps), mid.den * MYRIAD),
    ask: ratio(mid.num * (MYRIAD + uncertaintyBps), mid.den * MYRIAD),
    uncertaintyBps,
    used: used.map(({ source }) => source),
    dropped,
    oldestObservedAt: oldest(used.map(({ observedAt }) => observedAt)),
  };
}

/** A reading in another asset's price, itself in USD: never fresher than the older of both. */
export function throughPrice(
  reading: UsdReading,
  quote: Pick<RulePrice, 'bid' | 'ask' | 'oldestObservedAt'>,
): UsdReading {
  return {
    source: reading.source,
    bid: product(reading.bid, quote.bid),
    ask: product(reading.ask, quote.ask),
    observedAt: oldest([quote.oldestObservedAt, reading.observedAt]),
  };
}

/** |a − b| / b in basis points, rounded up. */
export const deviationBps = (a: Ratio, b: Ratio): bigint => bpsOf(distance(a, b), b);

function unsound(quote: Quote, now: Date, limits: PriceLimits): DropReason | null {
  const ageMs = now.getTime() - quote.observedAt.getTime();
  if (!(ageMs <= limits.ageMaxMs)) return 'stale';
  if (ageMs < -limits.aheadMaxMs) return 'future';
  if (isLess(quote.ask, quote.bid)) return 'crossed';
  return bpsOf(half(distance(quote.ask, quote.bid)), quote.mid) > limits.uncertaintyMaxBps ? 'wide' : null;
}

function agreeing(quotes: readonly Quote[]): readonly Quote[] {
  const center = median(quotes.map(({ mid }) => mid));
  const spread = times(product(MAD_SCALE, medianDeviation(quotes, center)), OUTLIER_DEVIATIONS);
  const floor: Ratio = { num: center.num * OUTLIER_FLOOR_BPS, den: center.den * MYRIAD };
  const bound = isLess(spread, floor) ? floor : spread;
  return quotes.filter(({ mid }) => !isLess(bound, distance(mid, center)));
}

function uncertaintyOf(quotes: readonly Quote[], mid: Ratio): bigint {
  const deviation = bpsOf(product(MAD_SCALE, medianDeviation(quotes, mid)), mid);
  const halfSpread = bpsOf(half(median(quotes.map(({ bid, ask }) => distance(ask, bid)))), mid);
  return maxUnits(deviation, halfSpread);
}

const medianDeviation = (quotes: readonly Quote[], center: Ratio): Ratio =>
  median(quotes.map(({ mid }) => distance(mid, center)));

/** The middle of a sorted list, or the mean of its two middles. */
function median(values: readonly Ratio[]): Ratio {
  const sorted = [...values].sort((a, b) => (isLess(a, b) ? -1 : isLess(b, a) ? 1 : 0));
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error('a median needs a value');
  return half(sum(lower, upper));
}

const oldest = (times: readonly Date[]): Date => new Date(Math.min(...times.map((time) => time.getTime())));

function bySource(a: UsdReading, b: UsdReading): number {
  return a.source < b.source ? -1 : 1;
}

// Terms here may be zero, which `ratio` refuses; none is reduced before it is a price.
const isLess = (a: Ratio, b: Ratio): boolean => a.num * b.den < b.num * a.den;
const sum = (a: Ratio, b: Ratio): Ratio => ({ num: a.num * b.den + b.num * a.den, den: a.den * b.den });
const product = (a: Ratio, b: Ratio): Ratio => ({ num: a.num * b.num, den: a.den * b.den });
const times = (a: Ratio, factor: bigint): Ratio => ({ num: a.num * factor, den: a.den });
const half = (a: Ratio): Ratio => ({ num: a.num, den: a.den * 2n });
const bpsOf = (part: Ratio, whole: Ratio): bigint =>
  divide(part.num * whole.den * MYRIAD, part.den * whole.num, 'ceil');

function distance(a: Ratio, b: Ratio): Ratio {
  const num = a.num * b.den - b.num * a.den;
  return { num: num < 0n ? -num : num, den: a.den * b.den };
}
