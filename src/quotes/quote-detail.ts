import { z } from 'zod';
import type { Ratio } from '../money/rate.ts';
import { allocate, divide } from '../money/rate.ts';
import { COST_KINDS, type Costs, type LockLine, mapCosts, sumOf } from './lock.ts';
import { PRICE_SCALE } from './quote.ts';
import { termsSchema } from './terms.ts';

/** What a price is per; a month is a twelfth of 365.25 days. */
export const PER = ['block', 'second', 'hour', 'month', 'once'] as const;

const units = z.string().regex(/^(0|[1-9]\d*)$/);

/** A line as stored with its quote: base units and exact terms, as strings of digits. */
const lineSchema = z.strictObject({
  /** Place in the lease, from 0. */
  n: z.int(),
  payee: z.strictObject({ chain: z.string(), address: z.string() }),
  asset: z.string(),
  /** The price as it was stated. */
  price: z.strictObject({ amount: z.string(), unit: z.string(), per: z.enum(PER) }),
  clock: z.enum(['akash-height', 'utc', 'once']),
  priceNumerator: units,
  ticks: units,
  units,
  share: units,
  spot: units,
  num: units,
  den: units,
  midNum: units,
  midDen: units,
  /** Uncertainty of both prices of the rate together. */
  uncertaintyBps: z.int(),
});

/** The whole priced offer as stored: written once with the quote, never changed. */
export const detailSchema = z.strictObject({
  fix: z.enum(['duration', 'pay']),
  payAsset: z.string(),
  /** Measured time of one Akash block, microseconds. */
  blockTimeUs: units,
  /** What it lasts at full payment; the shortest of its lines. */
  seconds: units,
  lines: z.array(lineSchema),
  costs: z.record(z.enum(COST_KINDS), units),
  /** A right to top up: so many pay units, within so many seconds of the lock. */
  right: z.strictObject({ units, seconds: units }).nullable(),
  /** Evidence of the prices it was made of. */
  evidence: z.array(z.string()),
  terms: termsSchema,
  depositMinimum: z.string(),
  fundByMs: z.int(),
  confirmAfterMs: z.int(),
  notionalUsdMicros: units,
  stressUsdMicros: units,
  rightNotionalUsdMicros: units,
  rightStressUsdMicros: units,
});

export type QuoteDetail = z.output<typeof detailSchema>;
export type QuoteLine = QuoteDetail['lines'][number];

export const costsOf = (detail: Pick<QuoteDetail, 'costs'>): Costs => mapCosts((kind) => BigInt(detail.costs[kind]));

export const midOf = (line: QuoteLine): Ratio => ({ num: BigInt(line.midNum), den: BigInt(line.midDen) });

/** The lines of the lock a quote becomes, in the lease's order. `lineIds` are those of the lease's lines. */
export const windowLines = (detail: QuoteDetail, lineIds: readonly string[]): LockLine[] =>
  detail.lines.map((line, index) => {
    const lineId = lineIds[index];
    if (lineId === undefined) throw new Error(`line ${line.n} of the quote has no id`);
    return {
      n: line.n,
      lineId,
      asset: line.asset,
      clock: line.clock,
      priceNumerator: BigInt(line.priceNumerator),
      ticks: BigInt(line.ticks),
      units: BigInt(line.units),
      shareUnits: BigInt(line.share),
      rateNum: BigInt(line.num),
      rateDen: BigInt(line.den),
    };
  });

/** What a right to top up costs and buys when it is used in full; its lines are the window's, `once` lines with nothing. */
export interface Right {
  readonly costs: Costs;
  readonly lines: LockLine[];
}

/**
 * What a right to top up by `rightUnits` is: the same rates; the service fee and the swap in proportion; the network fee
 * of one more deposit; no premium, as its price was paid up front. Null if costs take it all or no line streams.
 */
export function rightOf(
  detail: Pick<QuoteDetail, 'costs'>,
  payUnits: bigint,
  rightUnits: bigint,
  window: readonly LockLine[],
): Right | null {
  const whole = costsOf(detail);
  const part = (units: bigint) => divide(units * rightUnits, payUnits, 'ceil');
  const costs = { premium: 0n, fee: part(whole.fee), swap: part(whole.swap), network: whole.network, right: 0n };
  const weights = window.map(({ n, clock, shareUnits }) => ({
    id: String(n).padStart(4, '0'),
    weight: clock === 'once' ? 0n : shareUnits,
  }));
  const net = rightUnits - sumOf(costs);
  if (net <= 0n || weights.every(({ weight }) => weight === 0n)) return null;
  const shares = allocate(net, weights);
  const lines = window.map((line) => {
    const shareUnits = shares.get(String(line.n).padStart(4, '0')) ?? 0n;
    const units = divide(shareUnits * line.rateNum, line.rateDen, 'floor');
    const ticks = line.clock === 'once' ? 0n : (units * PRICE_SCALE) / line.priceNumerator;
    return { ...line, shareUnits: line.clock === 'once' ? 0n : shareUnits, units, ticks };
  });
  return { costs, lines };
}
