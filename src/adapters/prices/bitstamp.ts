import { z } from 'zod';
import type { VendorApi } from './exchange.ts';

/** `timestamp` is in Unix seconds, as text. */
const answerSchema = z.object({ bid: z.string(), ask: z.string(), timestamp: z.string().regex(/^\d{1,12}$/) });

/** Bitstamp's `GET /api/v2/ticker/{pair}/`. https://www.bitstamp.net/api/#tag/Tickers */
export const bitstamp: VendorApi = {
  name: 'bitstamp',
  path: (pair) => `/api/v2/ticker/${pair}/`,
  ticker(_pair, body) {
    const { bid, ask, timestamp } = answerSchema.parse(body);
    return { bid, ask, observedAt: new Date(Number(timestamp) * 1000) };
  },
};
