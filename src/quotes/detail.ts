import { z } from 'zod';
import type { Ratio } from '../money/rate.ts';
import { allocate, divide, ratio } from '../money/rate.ts';
import { COST_KINDS, type Costs, type LockLine, mapCosts, sumOf } from './lock.ts';
import { PRICE_SCALE } from './quote.ts';
import { termsSchema } from './terms.ts';

const units = z.string().regex(/^(0|[1-9]\d*)$/);

/** How a line's payee is named: an address of a chain, or the id of a payee of the tenant's own. */
const payeeSchema = z.union([
  z.strictObject({ chain: z.string(), address: z.string() }),
  z.strictObject({ id: z.string() }),
]);

/** A line as stored with its quote: base units and exact terms, as strings of digits. */
const lineSchema = z.strictObject({
  payee: payeeSchema,
  asset: z.string(),
  /** The price as it was stated. */
  price: z.strictObject({ amount: z.string(), unit: z.string(), per: z.enum(['block', 'hour', 'month', 'once']) }),
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

/** A price as it was used: USD texts, and what each source said. */
export const usedPriceSchema = z.strictObject({
  asset: z.string(),
  mid: z.string(),
  bid: z.string(),
  ask: z.string(),
  uncertaintyBps: z.int(),
  evidenceId: z.string(),
  observedAt: z.string(),
  sources: z.array(
    z.strictObject({ source: z.string(), bid: z.string(), ask: z.string(), observedAt: z.string(), used: z.boolean() }),
  ),
});

export type UsedPrice = z.output<typeof usedPriceSchema>;

/** The whole priced offer as stored: written once with the quote, never changed. */
export const detailSchema = z.strictObject({
  fix: z.enum(['duration', 'pay']),
  blockTimeUs: units,
  /** What it lasts at full payment; the shortest of its lines. */
  seconds: units,
  lines: z.array(lineSchema),
  costs: z.record(z.enum(COST_KINDS), units),
  /** A right to top up: so many pay units, within so many seconds of the lock. */
  right: z.strictObject({ units, seconds: z.int() }).nullable(),
  prices: z.array(usedPriceSchema),
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

/** The lines of the lock a quote becomes. */
export const windowLines = (detail: QuoteDetail, lineIds: readonly string[]): LockLine[] =>
  detail.lines.map((line, n) => ({
    n,
    lineId: lineIds[n] ?? '',
    asset: line.asset,
    clock: line.clock,
    priceNumerator: BigInt(line.priceNumerator),
    ticks: BigInt(line.ticks),
    units: BigInt(line.units),
    shareUnits: BigInt(line.share),
    rateNum: BigInt(line.num),
    rateDen: BigInt(line.den),
  }));

/**
 * What a right to top up by `rightUnits` is: the same rates; the service fee and the swap in proportion; the network fee
 * of one more deposit; no premium, as its price was paid up front. Only streaming lines, in proportion to their shares.
 */
export function rightOf(
  detail: QuoteDetail,
  payUnits: bigint,
  rightUnits: bigint,
  lineIds: readonly string[],
): { costs: Costs; lines: LockLine[] } {
  const whole = costsOf(detail);
  const part = (units: bigint) => divide(units * rightUnits, payUnits, 'ceil');
  const costs = { premium: 0n, fee: part(whole.fee), swap: part(whole.swap), network: whole.network, right: 0n };
  const streaming = windowLines(detail, lineIds).filter(({ clock }) => clock !== 'once');
  const net = rightUnits - sumOf(costs);
  if (net <= 0n || streaming.length === 0) throw new Error(`a right to ${rightUnits} units buys nothing`);
  const shares = allocate(
    net,
    streaming.map(({ n, shareUnits }) => ({ id: String(n).padStart(4, '0'), weight: shareUnits })),
  );
  const lines = streaming.map((line) => {
    const shareUnits = shares.get(String(line.n).padStart(4, '0')) ?? 0n;
    const rate = ratio(line.rateNum, line.rateDen);
    const units = divide(shareUnits * rate.num, rate.den, 'floor');
    return { ...line, shareUnits, units, ticks: (units * PRICE_SCALE) / line.priceNumerator };
  });
  return { costs, lines };
}
