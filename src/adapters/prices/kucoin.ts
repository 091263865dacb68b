import { z } from 'zod';
import type { VendorApi } from './exchange.ts';

/** `time` is in milliseconds; `data` is null for a pair KuCoin does not have. */
const answerSchema = z.object({
  code: z.string(),
  msg: z.string().optional(),
  data: z.object({ time: z.int().positive().max(8.64e15), bestBid: z.string(), bestAsk: z.string() }).nullish(),
});

/**
 * KuCoin's `GET /api/v1/market/orderbook/level1`. Success is `code` "200000", whatever the HTTP status.
 * https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-ticker
 */
export const kucoin: VendorApi = {
  name: 'kucoin',
  path: (pair) => `/api/v1/market/orderbook/level1?symbol=${pair}`,
  ticker(pair, body) {
    const { code, msg, data } = answerSchema.parse(body);
    if (code !== '200000') throw new Error(`code ${code}: ${msg ?? ''}`);
    if (data === null || data === undefined) throw new Error(`the answer has no ${pair}`);
    return { bid: data.bestBid, ask: data.bestAsk, observedAt: new Date(data.time) };
  },
};
