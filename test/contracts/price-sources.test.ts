import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Exchanges, type Fault, startExchanges, VENDORS } from '../../devnet/exchanges/index.ts';
import type { PriceOutcome, PriceSource } from '../../src/adapters/price-source.ts';
import { createPriceSources, type PairTable } from '../../src/adapters/prices/index.ts';
import { parseRatio } from '../../src/money/codec.ts';

const NOW = new Date('2026-11-22T12:00:00.000Z');
const SHIFT_MS = 7_200_000;
const PAIRS: Record<string, PairTable> = {
  kraken: { BTC: { name: 'XXBTZUSD', quote: 'USD' }, AKT: { name: 'AKTUSD', quote: 'USD' } },
  coinbase: { BTC: { name: 'BTC-USD', quote: 'USD' }, AKT: { name: 'AKT-USD', quote: 'USD' } },
  kucoin: { BTC: { name: 'BTC-USDT', quote: 'USDT.ethereum' }, AKT: { name: 'AKT-USDT', quote: 'USDT.ethereum' } },
  bitstamp: { BTC: { name: 'btcusd', quote: 'USD' }, AKT: { name: 'aktusd', quote: 'USD' } },
};

let exchanges: Exchanges;
beforeAll(async () => {
  exchanges = await startExchanges({ prices: { BTC: '64000.5', AKT: '0.5125', USDT: '1' }, now: () => NOW });
});
afterAll(() => exchanges.stop());

/** 64000.5 with each vendor's own skew and spread, as it sends them. */
const BID_ASK: Record<string, [bid: string, ask: string]> = {
  kraken: ['63987.6999', '64013.3001'],
  coinbase: ['63994.09995', '64019.70015'],
  kucoin: ['63981.29985', '64006.90005'],
  bitstamp: ['64000.5', '64026.1002'],
};

describe.each(VENDORS)('%s', (vendor) => {
  let source: PriceSource;
  beforeAll(() => {
    const [made] = createPriceSources({
      names: [vendor],
      urls: exchanges.urls,
      pairs: PAIRS,
      timeoutMs: 2_000,
    });
    if (made === undefined) throw new Error(`no source ${vendor}`);
    source = made;
  });
  beforeEach(() => exchanges.fault(vendor, null));

  const readOne = async (asset = 'BTC'): Promise<PriceOutcome> => {
    const [outcome, ...more] = await source.read([asset]);
    expect(more).toEqual([]);
    if (outcome === undefined) throw new Error('no outcome');
    return outcome;
  };

  test('reads bid and ask exactly, with the time of the observation', async () => {
    const outcome = await readOne();
    if (outcome.kind !== 'read') throw new Error(outcome.reason);
    const [bid = '', ask = ''] = BID_ASK[vendor] ?? [];
    expect(outcome.reading).toEqual({
      source: vendor,
      asset: 'BTC',
      quote: PAIRS[vendor]?.['BTC']?.quote,
      bid: parseRatio(bid),
      ask: parseRatio(ask),
      observedAt: NOW,
    });
  });

  test('reads a price far below one to the last digit the vendor sends', async () => {
    exchanges.set('AKT', '0.000000012345');
    const outcome = await readOne('AKT');
    exchanges.set('AKT', '0.5125');
    if (outcome.kind !== 'read') throw new Error(outcome.reason);
    expect(10n ** 12n % outcome.reading.bid.den).toBe(0n);
    expect(outcome.reading.bid.num > 0n).toBe(true);
  });

  test('answers for its own assets only, one outcome each', async () => {
    const outcomes = await source.read(['BTC', 'AKT', 'HNS']);
    expect(outcomes.map((one) => (one.kind === 'read' ? one.reading.asset : one.reason))).toEqual(['BTC', 'AKT']);
  });

  test.each([
    ['stale', -SHIFT_MS],
    ['future', SHIFT_MS],
  ] as const)('passes a %s time through for the rule to judge', async (fault, shiftMs) => {
    exchanges.fault(vendor, fault);
    const outcome = await readOne();
    if (outcome.kind !== 'read') throw new Error(outcome.reason);
    expect(outcome.reading.observedAt.getTime() - NOW.getTime()).toBe(shiftMs);
  });

  test.each(['high', 'low', 'tenfold', 'inverted', 'crossed'] as const)(
    'passes a %s price through for the rule to judge',
    async (fault) => {
      exchanges.fault(vendor, fault);
      expect((await readOne()).kind).toBe('read');
    },
  );

  test.each<[Fault, RegExp]>([
    ['down', /fetch failed|terminated/],
    ['silent', /timeout/],
    ['server-error', /status 503/],
    ['rate-limit', /status 429|Rate limit/],
    ['redirect', /status 302/],
    ['html', /not valid JSON/],
    ['truncated', /JSON/],
    ['empty', /JSON/],
    ['oversize', /longer than/],
    ['zero', /not a positive decimal/],
    ['negative', /not a positive decimal/],
    ['nan', /not a positive decimal/],
    ['infinity', /not a positive decimal/],
    ['exponent', /not a positive decimal/],
    ['comma', /not a positive decimal/],
    ['number', /expected string/],
  ])('%s: unavailable, with the reason', async (fault, reason) => {
    exchanges.fault(vendor, fault);
    expect(await readOne()).toEqual({
      kind: 'unavailable',
      source: vendor,
      asset: 'BTC',
      reason: expect.stringMatching(reason),
    });
  });

  test('a pair the vendor does not have is unavailable; the others are still read', async () => {
    const table = { ...PAIRS[vendor], HNS: { name: 'HNS-NONE', quote: 'USD' } };
    const [made] = createPriceSources({
      names: [vendor],
      urls: exchanges.urls,
      pairs: { [vendor]: table },
      timeoutMs: 2_000,
    });
    const outcomes = await made?.read(['HNS', 'BTC']);
    expect(outcomes?.map(({ kind }) => kind)).toEqual(['unavailable', 'read']);
    expect(outcomes?.[0]).toMatchObject({ reason: expect.stringMatching(/Unknown asset pair|404|has no/) });
  });

  test('a fault of one pair leaves the others', async () => {
    exchanges.fault(vendor, 'empty', 'AKT');
    const outcomes = await source.read(['BTC', 'AKT']);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['read', 'unavailable']);
  });
});

describe('the local exchanges are changed from outside', () => {
  const put = async (path: string, body: unknown): Promise<number> =>
    (await fetch(`${exchanges.url}/devnet/${path}`, { method: 'PUT', body: JSON.stringify(body) })).status;
  const ticker = async () => (await fetch(`${exchanges.urls.coinbase}/products/DAI-USD/ticker`)).json();

  test('prices, faults and the time', async () => {
    expect(await put('prices', { DAI: '2' })).toBe(204);
    expect(await ticker()).toMatchObject({ price: '2.000200000000', time: NOW.toISOString() });
    expect(await put('clock', { now: '2030-01-01T00:00:00.000Z' })).toBe(204);
    expect(await put('faults', { vendor: 'coinbase', kind: 'high', ticker: 'DAI' })).toBe(204);
    expect(await ticker()).toMatchObject({ price: '2.600260000000', time: '2030-01-01T00:00:00.000Z' });
    expect(await put('faults', { vendor: 'coinbase', kind: null })).toBe(204);
    expect(await put('clock', { now: null })).toBe(204);
    expect(await ticker()).toMatchObject({ price: '2.000200000000', time: NOW.toISOString() });
  });

  test.each([
    ['prices', { BTC: '-1' }],
    ['faults', { vendor: 'mtgox', kind: 'down' }],
    ['faults', { vendor: 'kraken', kind: 'sleepy' }],
    ['clock', { now: 'noon' }],
  ])('what makes no sense is refused: %s %j', async (path, body) => {
    expect(await put(path, body)).toBe(400);
  });
});
