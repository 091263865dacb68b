import type { Ratio } from '../../src/money/rate.ts';
import { type Answer, type Dialect, scaledText, type Ticker } from './vendors.ts';

/** Ways a vendor misbehaves. `silent` accepts the request and never answers; `down` cuts the connection. */
export const FAULTS = [
  'down',
  'silent',
  'server-error',
  'rate-limit',
  'html',
  'truncated',
  'empty',
  'oversize',
  'redirect',
  'stale',
  'future',
  'high',
  'low',
  'tenfold',
  'inverted',
  'crossed',
  'zero',
  'negative',
  'nan',
  'infinity',
  'exponent',
  'comma',
  'number',
] as const;
export type Fault = (typeof FAULTS)[number];

const SHIFT_MS = 2 * 60 * 60 * 1000;
const HTML =
  '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>';

/** Price text a vendor should never send, by fault. */
const TEXTS: Partial<Record<Fault, string>> = {
  zero: '0.00000000',
  negative: '-1.00',
  nan: 'NaN',
  infinity: 'Infinity',
  exponent: '1e400',
  comma: '1,5',
};

/** How far a faulty price is off, in parts of ten thousand. */
const FACTORS: Partial<Record<Fault, bigint>> = { high: 13_000n, low: 7_000n, tenfold: 100_000n };

/** Time the vendor claims under a fault. */
export function claimedTime(now: Date, fault: Fault | undefined): Date {
  if (fault === 'stale') return new Date(now.getTime() - SHIFT_MS);
  return fault === 'future' ? new Date(now.getTime() + SHIFT_MS) : now;
}

/** What the vendor quotes at a true price: its own small skew and spread around it, then the fault. */
export function quoted(
  price: Ratio,
  skewBps: bigint,
  halfSpreadBps: bigint,
  fault: Fault | undefined,
  time: Date,
): Ticker {
  const text = fault === undefined ? undefined : TEXTS[fault];
  if (text !== undefined) return { bid: text, ask: text, last: text, time };
  const seen = fault === 'inverted' ? { num: price.den, den: price.num } : price;
  const factor = fault === undefined ? 10_000n : (FACTORS[fault] ?? 10_000n);
  const at = (bps: bigint) => scaledText({ num: seen.num * factor, den: seen.den * 10_000n }, 10_000n + bps);
  const [bid, ask] = [at(skewBps - halfSpreadBps), at(skewBps + halfSpreadBps)];
  return fault === 'crossed' ? { bid: ask, ask: bid, last: ask, time } : { bid, ask, last: at(skewBps), time };
}

/** The answer a fault puts in place of, or makes of, a good one. */
export function spoiled(good: Answer, fault: Fault | undefined, dialect: Dialect): Answer {
  switch (fault) {
    case 'server-error':
      return { status: 503, body: 'upstream connect error or disconnect/reset before headers' };
    case 'rate-limit':
      return dialect.rateLimited();
    case 'html':
      return { status: 200, body: HTML };
    case 'truncated':
      return { status: 200, body: good.body.slice(0, good.body.length / 2) };
    case 'empty':
      return { status: 200, body: '' };
    case 'oversize':
      return { status: 200, body: good.body + ' '.repeat(4 << 20) };
    case 'number':
      return { status: 200, body: good.body.replaceAll(/"(\d+\.\d+)"/g, '$1') };
    default:
      return good;
  }
}
