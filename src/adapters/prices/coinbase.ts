import { z } from 'zod';
import type { VendorApi } from './exchange.ts';

const answerSchema = z.object({ bid: z.string(), ask: z.string(), time: z.iso.datetime({ offset: true }) });

/**
 * Coinbase Exchange's `GET /products/{id}/ticker`. `time` is that of the last trade, so a market nobody trades in turns stale.
 * https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-ticker
 */
export const coinbase: VendorApi = {
  name: 'coinbase',
  path: (pair) => `/products/${pair}/ticker`,
  ticker(_pair, body) {
    const { bid, ask, time } = answerSchema.parse(body);
    return { bid, ask, observedAt: new Date(time) };
  },
};
