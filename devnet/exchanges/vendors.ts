import { divide, type Ratio } from '../../src/money/rate.ts';

/** The exchanges whose public ticker APIs are played. */
export type Vendor = 'kraken' | 'coinbase' | 'kucoin' | 'bitstamp';
export const VENDORS: readonly Vendor[] = ['kraken', 'coinbase', 'kucoin', 'bitstamp'];

/** One market as a vendor names it: how many `quote` one `base` costs. Both are tickers; `USD` is worth 1. */
export interface Market {
  readonly base: string;
  readonly quote: string;
}

/** What a vendor says of a market, as decimal text, and when. */
export interface Ticker {
  readonly bid: string;
  readonly ask: string;
  readonly last: string;
  readonly time: Date;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** How one vendor spells its ticker API. */
export interface Dialect {
  /** The pair a request asks for, or null when the path is none of this vendor's. */
  pair(url: URL): string | null;
  /** The vendor's own name of a market, as requests spell it and answers repeat it. */
  name(market: Market): string;
  ticker(pair: string, ticker: Ticker): Answer;
  unknownPair(): Answer;
  rateLimited(): Answer;
}

const json = (status: number, body: unknown): Answer => ({ status, body: JSON.stringify(body) });

/** Kraken's older markets carry a class letter before each name: X for coins, Z for state money. */
const KRAKEN_NAMES: Readonly<Record<string, string>> = {
  'BTC/USD': 'XXBTZUSD',
  'ETH/USD': 'XETHZUSD',
  'USDT/USD': 'USDTZUSD',
};

/** https://docs.kraken.com/api-reference/market-data/get-ticker-information: no time inside; errors come with status 200. */
const kraken: Dialect = {
  pair: (url) => (url.pathname === '/0/public/Ticker' ? (url.searchParams.get('pair') ?? '') : null),
  name: ({ base, quote }) => KRAKEN_NAMES[`${base}/${quote}`] ?? `${base}${quote}`,
  ticker: (pair, { bid, ask, last }) =>
    json(200, {
      error: [],
      result: {
        [pair]: {
          a: [ask, '1', '1.000'],
          b: [bid, '1', '1.000'],
          c: [last, '0.01000000'],
          v: ['120.00000000', '480.00000000'],
          p: [last, last],
          t: [900, 3600],
          l: [last, last],
          h: [last, last],
          o: last,
        },
      },
    }),
  unknownPair: () => json(200, { error: ['EQuery:Unknown asset pair'] }),
  rateLimited: () => json(200, { error: ['EAPI:Rate limit exceeded'] }),
};

/** https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-ticker: `time` is the last trade's. */
const coinbase: Dialect = {
  pair: (url) => /^\/products\/([^/]+)\/ticker$/.exec(url.pathname)?.[1] ?? null,
  name: ({ base, quote }) => `${base}-${quote}`,
  ticker: (_pair, { bid, ask, last, time }) =>
    json(200, {
      ask,
      bid,
      volume: '480.00000000',
      trade_id: 86326522,
      price: last,
      size: '0.01000000',
      time: time.toISOString(),
      rfq_volume: '0.000000',
    }),
  unknownPair: () => json(404, { message: 'NotFound' }),
  rateLimited: () => json(429, { message: 'Public rate limit exceeded' }),
};

/** https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-ticker: `time` in milliseconds; an unknown pair has null data. */
const kucoin: Dialect = {
  pair: (url) => (url.pathname === '/api/v1/market/orderbook/level1' ? (url.searchParams.get('symbol') ?? '') : null),
  name: ({ base, quote }) => `${base}-${quote}`,
  ticker: (_pair, { bid, ask, last, time }) =>
    json(200, {
      code: '200000',
      data: {
        time: time.getTime(),
        sequence: '14609309753',
        price: last,
        size: '0.01000000',
        bestBid: bid,
        bestBidSize: '1.00000000',
        bestAsk: ask,
        bestAskSize: '1.00000000',
      },
    }),
  unknownPair: () => json(200, { code: '200000', data: null }),
  rateLimited: () =>
    json(429, { code: '429000', msg: 'Too many requests in a short period of time, please retry later--' }),
};

/** https://www.bitstamp.net/api/#tag/Tickers: `timestamp` in seconds, as text. */
const bitstamp: Dialect = {
  pair: (url) => /^\/api\/v2\/ticker\/([^/]+)\/?$/.exec(url.pathname)?.[1] ?? null,
  name: ({ base, quote }) => `${base}${quote}`.toLowerCase(),
  ticker: (pair, { bid, ask, last, time }) =>
    json(200, {
      timestamp: divide(BigInt(time.getTime()), 1000n, 'floor').toString(),
      open: last,
      high: last,
      low: last,
      last,
      volume: '480.00000000',
      vwap: last,
      bid,
      ask,
      side: '0',
      open_24: last,
      percent_change_24: '0.00',
      pair: pair.toUpperCase(),
    }),
  unknownPair: () => json(404, { status: 'error', reason: 'Not found', code: '404.002' }),
  rateLimited: () => json(429, { status: 'error', reason: 'Request limit exceeded', code: '400.002' }),
};

export const DIALECTS: Readonly<Record<Vendor, Dialect>> = { kraken, coinbase, kucoin, bitstamp };

/** A ratio times `perMyriad` / 10 000, as text with twelve decimals, rounded down. */
export function scaledText({ num, den }: Ratio, perMyriad: bigint): string {
  const units = divide(num * perMyriad * 10n ** 12n, den * 10_000n, 'floor')
    .toString()
    .padStart(13, '0');
  return `${units.slice(0, -12)}.${units.slice(-12)}`;
}
