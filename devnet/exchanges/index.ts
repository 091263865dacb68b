import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseRatio } from '../../src/money/codec.ts';
import { type Ratio, ratio } from '../../src/money/rate.ts';
import { claimedTime, type Fault, FAULTS, quoted, spoiled } from './faults.ts';
import { DIALECTS, type Market, VENDORS, type Vendor } from './vendors.ts';

export type { Fault } from './faults.ts';
export type { Vendor } from './vendors.ts';
export { VENDORS } from './vendors.ts';

export interface ExchangeOptions {
  /** Port on the loopback interface; 0 or absent: free-chosen. */
  readonly port?: number;
  /** USD price of one whole unit by ticker, as decimal text: `{ BTC: '60000', AKT: '0.52' }`. */
  readonly prices: Readonly<Record<string, string>>;
  /** The time answers carry, asked at each request; the system's when absent. */
  readonly now?: () => Date | Promise<Date>;
}

export interface Exchanges {
  /** Base URL of each vendor's API. */
  readonly urls: Readonly<Record<Vendor, string>>;
  /** Base URL of the server itself; what lies under `/devnet` changes it from outside. */
  readonly url: string;
  /** Sets the market's price of a ticker at all vendors. Throws on text that is not a positive decimal. */
  set(ticker: string, usd: string): void;
  /** Makes a vendor misbehave, on one ticker or on all; null ends it. */
  fault(vendor: Vendor, kind: Fault | null, ticker?: string): void;
  stop(): Promise<void>;
}

/** Half of each vendor's bid-ask spread, and how far its mid lies from the market's. */
const HALF_SPREAD_BPS = 2n;
const SKEW_BPS: Readonly<Record<Vendor, bigint>> = { kraken: 0n, coinbase: 1n, kucoin: -1n, bitstamp: 2n };
const USD: Ratio = { num: 1n, den: 1n };

/**
 * Plays the public ticker APIs of Kraken, Coinbase Exchange, KuCoin and Bitstamp on one port, each under its own path.
 * Every vendor has every ticker against USD, and against USDT but for USDT itself. Times follow `now`.
 *
 * `PUT /devnet/prices {ticker: usd}`, `PUT /devnet/faults {vendor, kind | null, ticker?}` and
 * `PUT /devnet/clock {now: RFC 3339 | null}` (null: back to `now`) change it from outside.
 */
export async function startExchanges(options: ExchangeOptions): Promise<Exchanges> {
  const board = new Board(options.now ?? (() => new Date()));
  for (const [ticker, usd] of Object.entries(options.prices)) board.set(ticker, usd);
  const server = createServer((request, response) => {
    answer(board, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, 400, JSON.stringify({ error: String(error) }));
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the exchanges have no port');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    urls: {
      kraken: `${url}/kraken`,
      coinbase: `${url}/coinbase`,
      kucoin: `${url}/kucoin`,
      bitstamp: `${url}/bitstamp`,
    },
    set: (ticker, usd) => board.set(ticker, usd),
    fault: (vendor, kind, ticker) => board.fault(vendor, kind, ticker),
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The market behind all vendors: prices, faults, the time. */
class Board {
  readonly prices = new Map<string, Ratio>();
  readonly faults = new Map<string, Fault>();
  readonly clock: () => Date | Promise<Date>;
  frozen: Date | null = null;

  constructor(clock: () => Date | Promise<Date>) {
    this.clock = clock;
  }

  async now(): Promise<Date> {
    return this.frozen ?? (await this.clock());
  }

  set(ticker: string, usd: string): void {
    const price = parseRatio(usd);
    if (typeof price === 'string') throw new Error(`price of ${ticker}: ${usd} (${price})`);
    this.prices.set(ticker, price);
  }

  fault(vendor: Vendor, kind: Fault | null, ticker = '*'): void {
    if (kind !== null) this.faults.set(`${vendor}/${ticker}`, kind);
    else if (ticker !== '*') this.faults.delete(`${vendor}/${ticker}`);
    else for (const key of this.faults.keys()) if (key.startsWith(`${vendor}/`)) this.faults.delete(key);
  }

  faultOf(vendor: Vendor, ticker: string | undefined): Fault | undefined {
    return this.faults.get(`${vendor}/${ticker}`) ?? this.faults.get(`${vendor}/*`);
  }

  market(vendor: Vendor, pair: string): Market | undefined {
    const names = [...this.prices.keys()];
    return ['USD', 'USDT']
      .flatMap((quote) => names.filter((base) => base !== quote).map((base) => ({ base, quote })))
      .find((market) => DIALECTS[vendor].name(market) === pair);
  }

  price({ base, quote }: Market): Ratio {
    const [of, by] = [this.prices.get(base), quote === 'USD' ? USD : this.prices.get(quote)];
    if (of === undefined || by === undefined) throw new Error(`no price of ${base}/${quote}`);
    return ratio(of.num * by.den, of.den * by.num);
  }
}

async function answer(board: Board, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://exchanges');
  const [, first = '', ...rest] = url.pathname.split('/');
  if (first === 'devnet') return devnetRequest(board, rest.join('/'), request, response);
  const vendor = VENDORS.find((name) => name === first);
  if (vendor === undefined) return send(response, 404, 'no such exchange');
  url.pathname = `/${rest.join('/')}`;
  return vendorRequest(board, vendor, url, response);
}

async function vendorRequest(board: Board, vendor: Vendor, url: URL, response: ServerResponse): Promise<void> {
  const dialect = DIALECTS[vendor];
  const pair = dialect.pair(url);
  const market = pair === null ? undefined : board.market(vendor, pair);
  const fault = board.faultOf(vendor, market?.base);
  if (fault === 'down') return void response.destroy();
  if (fault === 'silent') return;
  const time = claimedTime(await board.now(), fault);
  response.setHeader('date', time.toUTCString());
  if (fault === 'redirect') {
    response.setHeader('location', url.pathname + url.search);
    return send(response, 302, '');
  }
  if (pair === null) return send(response, 404, 'not found');
  const good =
    market === undefined
      ? dialect.unknownPair()
      : dialect.ticker(pair, quoted(board.price(market), SKEW_BPS[vendor], HALF_SPREAD_BPS, fault, time));
  const { status, body } = spoiled(good, fault, dialect);
  send(response, status, body);
}

async function devnetRequest(
  board: Board,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'PUT') return send(response, 405, 'PUT only');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const body = new Map<string, unknown>(Object.entries(JSON.parse(Buffer.concat(chunks).toString()) as object));
  if (path === 'prices') for (const [ticker, usd] of body) board.set(ticker, String(usd));
  else if (path === 'faults') {
    const vendor = VENDORS.find((name) => name === body.get('vendor'));
    const kind = body.get('kind') === null ? null : FAULTS.find((name) => name === body.get('kind'));
    if (vendor === undefined || kind === undefined) throw new Error('faults take {vendor, kind | null, ticker?}');
    const ticker = body.get('ticker');
    board.fault(vendor, kind, typeof ticker === 'string' ? ticker : undefined);
  } else if (path === 'clock') {
    const now = body.get('now');
    const frozen = typeof now === 'string' ? new Date(now) : null;
    if (frozen !== null && Number.isNaN(frozen.getTime())) throw new Error('clock takes {now: RFC 3339 | null}');
    board.frozen = frozen;
  } else return send(response, 404, 'not found');
  send(response, 204, '');
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': body.startsWith('<') ? 'text/html' : 'application/json' });
  response.end(body);
}

/**
 * Markets the local vendors have and the real ones lack, in the driver's own form: with them every asset has four
 * sources, one of them (KuCoin) quoting in USDT.
 */
export const LOCAL_PAIRS: Readonly<Record<string, Readonly<Record<string, { name: string; quote: string }>>>> = {
  coinbase: { 'USDC.ethereum': { name: 'USDC-USD', quote: 'USD' } },
  kucoin: {
    'USDT.ethereum': { name: 'USDT-USD', quote: 'USD' },
    'DAI.ethereum': { name: 'DAI-USDT', quote: 'USDT.ethereum' },
  },
  bitstamp: { AKT: { name: 'aktusd', quote: 'USD' } },
};
