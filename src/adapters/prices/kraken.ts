import { z } from 'zod';
import type { VendorApi } from './exchange.ts';

/** `a` and `b` are `[price, whole lot volume, lot volume]`. */
const answerSchema = z.object({
  error: z.array(z.string()),
  result: z
    .record(z.string(), z.object({ a: z.tuple([z.string()], z.unknown()), b: z.tuple([z.string()], z.unknown()) }))
    .optional(),
});

/**
 * Kraken's `GET /0/public/Ticker`. Errors come with status 200 in `error`; the answer carries no time of its own. Pairs are
 * asked by Kraken's own long names (`XXBTZUSD`), which the answer repeats.
 * https://docs.kraken.com/api-reference/market-data/get-ticker-information
 */
export const kraken: VendorApi = {
  name: 'kraken',
  path: (pair) => `/0/public/Ticker?pair=${pair}`,
  ticker(pair, body) {
    const { error, result } = answerSchema.parse(body);
    if (error.length > 0) throw new Error(error.join(', '));
    const ticker = result?.[pair];
    if (ticker === undefined) throw new Error(`the answer has no ${pair}`);
    return { bid: ticker.b[0], ask: ticker.a[0], observedAt: null };
  },
};
