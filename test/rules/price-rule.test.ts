import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  deviationBps,
  type PriceLimits,
  priceOf,
  throughPrice,
  type UsdReading,
} from '../../src/markets/price-rule.ts';
import { formatRatio, parseRatio } from '../../src/money/codec.ts';
import type { Ratio } from '../../src/money/rate.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const SOURCES = ['bitstamp', 'coinbase', 'kraken', 'kucoin'];
const LIMITS: PriceLimits = {
  sourcesMin: 3,
  ageMaxMs: 30_000,
  aheadMaxMs: 5_000,
  uncertaintyMaxBps: 100n,
  jump: null,
};

function decimal(text: string): Ratio {
  const value = parseRatio(text);
  if (typeof value === 'string') throw new Error(`${text}: ${value}`);
  return value;
}

/** Readings at these mids by the four sources in turn, one basis point half spread; `null` is a source that is down. */
function readingsAt(...mids: (string | null)[]): UsdReading[] {
  return mids.flatMap((mid, index) => {
    const source = SOURCES[index];
    if (mid === null || source === undefined) return [];
    const { num, den } = decimal(mid);
    const at = (perMyriad: bigint): Ratio => ({ num: num * perMyriad, den: den * 10_000n });
    return [{ source, bid: at(9_999n), ask: at(10_001n), observedAt: NOW }];
  });
}

const aged = (readings: UsdReading[], source: string, ageMs: number): UsdReading[] =>
  readings.map((one) => (one.source === source ? { ...one, observedAt: new Date(NOW.getTime() - ageMs) } : one));

describe('four sources', () => {
  test.each<[string, (string | null)[], string, string[]]>([
    ['agree', ['100', '100.02', '99.98', '100.01'], '100.005', []],
    ['one down', ['100', null, '99.98', '100.01'], '100.000', []],
    ['one 30 % high', ['100', '130', '99.98', '100.01'], '100.000', ['coinbase: outlier']],
    ['one 30 % low', ['100', '100.02', '70', '100.01'], '100.010', ['kraken: outlier']],
    ['one tenfold', ['1000', '100.02', '99.98', '100.01'], '100.010', ['bitstamp: outlier']],
    ['one a hundred-millionth', ['100', '100.02', '99.98', '0.000001'], '100.000', ['kucoin: outlier']],
    ['one inverted', ['100', '100.02', '0.01', '100.01'], '100.010', ['kraken: outlier']],
    ['far below one', ['0.00000012', '0.00000012', '0.00000012', '0.0000002'], '0.000', ['kucoin: outlier']],
  ])('%s: a price', (_name, mids, mid, dropped) => {
    const price = priceOf(readingsAt(...mids), NOW, LIMITS);
    if (price.kind === 'refused') throw new Error(price.reason);
    expect(formatRatio(price.mid, 3)).toBe(mid);
    expect(price.dropped.map(({ source, reason }) => `${source}: ${reason}`)).toEqual(dropped);
    expect(price.used.length + price.dropped.length).toBe(mids.filter((one) => one !== null).length);
  });

  test.each<[string, (string | null)[], string]>([
    ['two down', ['100', null, null, '100.01'], 'too_few_sources'],
    ['all down', [null, null, null, null], 'too_few_sources'],
    ['one down, one 30 % off', ['100', null, '130', '100.01'], 'too_few_sources'],
    ['two 30 % off the same way', ['100', '130', '130', '100.01'], 'uncertain'],
    ['two 30 % off either way', ['100', '130', '70', '100.01'], 'uncertain'],
    ['three of four 30 % off apart', ['100', '130', '70', '169'], 'uncertain'],
    ['two 1.5 % off either way', ['100', '100', '101.5', '98.5'], 'uncertain'],
    ['all apart by 2 %', ['100', '102', '104', '106'], 'uncertain'],
  ])('%s: no price', (_name, mids, reason) => {
    expect(priceOf(readingsAt(...mids), NOW, LIMITS)).toMatchObject({ kind: 'refused', reason });
  });

  test.each<[string, number, string | null]>([
    ['at the age limit', 30_000, null],
    ['one millisecond older', 30_001, 'stale'],
    ['two hours old', 7_200_000, 'stale'],
    ['as far ahead as clocks may differ', -5_000, null],
    ['one millisecond further ahead', -5_001, 'future'],
    ['at no time at all', Number.NaN, 'stale'],
  ])('one observed %s', (_name, ageMs, reason) => {
    const readings = aged(readingsAt('100', '100', '100', '100'), 'kraken', ageMs);
    const price = priceOf(readings, NOW, LIMITS);
    expect(price.kind).toBe('accepted');
    expect(price.dropped).toEqual(reason === null ? [] : [{ source: 'kraken', reason }]);
  });

  test('two stale: no price', () => {
    const readings = aged(aged(readingsAt('100', '100', '100', '100'), 'kraken', 60_000), 'kucoin', 60_000);
    expect(priceOf(readings, NOW, LIMITS)).toMatchObject({ kind: 'refused', reason: 'too_few_sources' });
  });

  test('half of the readings dropped is no price, even where fewer sources would do', () => {
    const limits = { ...LIMITS, sourcesMin: 2 };
    const three = aged(readingsAt('100', '100', '100', '100'), 'kraken', 60_000);
    expect(priceOf(three, NOW, limits).kind).toBe('accepted');
    expect(priceOf(aged(three, 'kucoin', 60_000), NOW, limits)).toMatchObject({ reason: 'too_many_dropped' });
  });

  test('a crossed and a wide quote are dropped', () => {
    const readings = readingsAt('100', '100', '100', '100').map((one) => {
      if (one.source === 'kraken') return { ...one, bid: decimal('101'), ask: decimal('99') };
      return one.source === 'kucoin' ? { ...one, bid: decimal('98.9'), ask: decimal('101.1') } : one;
    });
    expect(priceOf(readings, NOW, LIMITS)).toMatchObject({
      reason: 'too_few_sources',
      dropped: [
        { source: 'kraken', reason: 'crossed' },
        { source: 'kucoin', reason: 'wide' },
      ],
    });
  });

  test('the price is as old as the oldest reading used', () => {
    const price = priceOf(aged(readingsAt('100', '100', '100', '100'), 'kraken', 12_000), NOW, LIMITS);
    expect(price).toMatchObject({ oldestObservedAt: new Date(NOW.getTime() - 12_000) });
  });

  test('a source named twice is a bug', () => {
    const [first] = readingsAt('100');
    if (first === undefined) throw new Error('no reading');
    expect(() => priceOf([first, first], NOW, LIMITS)).toThrow('twice');
  });
});

describe('uncertainty', () => {
  test.each<[string, (string | null)[], bigint]>([
    ['of equal prices is half the spread', ['100', '100', '100', '100'], 1n],
    // deviations from 100.1 are 0.1 for all: 1.4826 × 0.1 / 100.1 is 14.81 basis points
    ['of two camps is their scaled deviation, rounded up', ['100', '100', '100.2', '100.2'], 15n],
    ['just accepted', ['100', '100', '101.35', '101.35'], 100n],
  ])('%s', (_name, mids, bps) => {
    const price = priceOf(readingsAt(...mids), NOW, LIMITS);
    if (price.kind === 'refused') throw new Error(price.reason);
    expect(price.uncertaintyBps).toBe(bps);
    expect(price.bid.num * price.mid.den * 10_000n).toBe(price.mid.num * (10_000n - bps) * price.bid.den);
    expect(price.ask.num * price.mid.den * 10_000n).toBe(price.mid.num * (10_000n + bps) * price.ask.den);
  });

  test('just refused', () => {
    const readings = readingsAt('100', '100', '101.37', '101.37');
    expect(priceOf(readings, NOW, LIMITS)).toMatchObject({ kind: 'refused', reason: 'uncertain' });
  });
});

describe('jump', () => {
  const limits: PriceLimits = { ...LIMITS, jump: { from: decimal('100'), boundBps: 173n } };
  test.each<[string, string, string]>([
    ['101.73', 'accepted', 'at the bound'],
    ['98.27', 'accepted', 'at the bound, down'],
    ['101.74', 'refused', 'beyond it'],
    ['140', 'refused', 'all wrong by 40 %'],
    ['60', 'refused', 'all wrong by 40 %, down'],
  ])('to %s: %s (%s)', (mid, kind) => {
    const price = priceOf(readingsAt(mid, mid, mid, mid), NOW, limits);
    expect(price.kind).toBe(kind);
    if (price.kind === 'refused') expect(price).toMatchObject({ reason: 'jump', mid: decimal(mid) });
  });
});

describe('properties', () => {
  const CENTER = 10n ** 12n;
  const near = fc.bigInt({ min: -30n, max: 30n });
  const reading = (source: string, mid: bigint, halfSpreadBps: bigint): UsdReading => ({
    source,
    bid: { num: mid * (10_000n - halfSpreadBps), den: 10n ** 16n },
    ask: { num: mid * (10_000n + halfSpreadBps), den: 10n ** 16n },
    observedAt: NOW,
  });
  const good = (source: string) =>
    fc
      .tuple(near, fc.bigInt({ min: 1n, max: 20n }))
      .map(([off, spread]) => reading(source, CENTER + (off * CENTER) / 10_000n, spread));
  const bad = (source: string) =>
    fc
      .tuple(
        fc.bigInt({ min: 1n, max: 10n ** 20n }),
        fc.bigInt({ min: -50n, max: 9_000n }),
        fc.integer({ min: -60_000, max: 60_000 }),
      )
      .map(([mid, spread, ageMs]) => ({
        ...reading(source, mid, spread),
        observedAt: new Date(NOW.getTime() - ageMs),
      }));
  /** Bad sources that hug the good ones are the dangerous ones: some drawn near, most anywhere. */
  const evil = (source: string) =>
    fc.oneof(
      bad(source),
      good(source),
      fc.bigInt({ min: -400n, max: 400n }).map((off) => reading(source, CENTER + (off * CENTER) / 10_000n, 1n)),
    );
  const mid = ({ bid, ask }: UsdReading): bigint => ((bid.num + ask.num) * CENTER) / (2n * bid.den);
  const range = (readings: readonly UsdReading[]): [bigint, bigint] => {
    const mids = readings.map(mid).sort((a, b) => (a < b ? -1 : 1));
    return [mids[0] ?? 0n, mids.at(-1) ?? 0n];
  };
  const scaled = ({ num, den }: Ratio): bigint => (num * CENTER * CENTER) / den;

  test('one arbitrary bad source among four never moves the price outside the range of the three good ones', () => {
    fc.assert(
      fc.property(good('a'), good('b'), good('c'), evil('d'), (a, b, c, d) => {
        const price = priceOf([a, b, c, d], NOW, LIMITS);
        if (price.kind === 'refused') return;
        const [low, high] = range([a, b, c]);
        expect(scaled(price.mid)).toBeGreaterThanOrEqual(low * CENTER);
        expect(scaled(price.mid)).toBeLessThanOrEqual((high + 1n) * CENTER);
      }),
      { numRuns: 2_000 },
    );
  });

  test('one bad source far off among four still leaves a price', () => {
    fc.assert(
      fc.property(good('a'), good('b'), good('c'), fc.constantFrom(7n, 13n, 100n, 1n), (a, b, c, tenths) => {
        expect(priceOf([a, b, c, reading('d', (CENTER * tenths) / 10n, 1n)], NOW, LIMITS).kind).toBe('accepted');
      }),
    );
  });

  test('two bad sources among four: no price, or one whose bid and ask still touch the range of the good ones', () => {
    fc.assert(
      fc.property(good('a'), good('b'), evil('c'), evil('d'), (a, b, c, d) => {
        const price = priceOf([a, b, c, d], NOW, LIMITS);
        if (price.kind === 'refused') return;
        const [low, high] = range([a, b]);
        expect(scaled(price.bid)).toBeLessThanOrEqual((high + 1n) * CENTER);
        expect(scaled(price.ask)).toBeGreaterThanOrEqual(low * CENTER);
      }),
      { numRuns: 2_000 },
    );
  });

  test('two sources 30 % off, stale or absent among four: never a price', () => {
    const spoilt = (source: string) =>
      fc.constantFrom<UsdReading | null>(
        null,
        reading(source, (CENTER * 13n) / 10n, 1n),
        reading(source, (CENTER * 7n) / 10n, 1n),
        { ...reading(source, CENTER, 1n), observedAt: new Date(0) },
      );
    fc.assert(
      fc.property(good('a'), good('b'), spoilt('c'), spoilt('d'), (a, b, c, d) => {
        expect(
          priceOf(
            [a, b, c, d].filter((one) => one !== null),
            NOW,
            LIMITS,
          ).kind,
        ).toBe('refused');
      }),
    );
  });

  test('the order of readings makes no difference', () => {
    const four = fc.tuple(good('a'), good('b'), evil('c'), evil('d'));
    const both = four.chain((readings) =>
      fc.tuple(fc.constant(readings), fc.shuffledSubarray(readings, { minLength: 4 })),
    );
    fc.assert(
      fc.property(both, ([readings, shuffled]) => {
        expect(priceOf(shuffled, NOW, LIMITS)).toEqual(priceOf(readings, NOW, LIMITS));
      }),
    );
  });

  test('scaling every price scales the result exactly: no digit is lost to floating point', () => {
    const factor = 10n ** 25n + 1n;
    const grown = (one: UsdReading): UsdReading => ({
      ...one,
      bid: { num: one.bid.num * factor, den: one.bid.den },
      ask: { num: one.ask.num * factor, den: one.ask.den },
    });
    fc.assert(
      fc.property(good('a'), good('b'), good('c'), evil('d'), (...readings) => {
        const [small, large] = [priceOf(readings, NOW, LIMITS), priceOf(readings.map(grown), NOW, LIMITS)];
        expect(large.kind).toBe(small.kind);
        if (small.kind === 'refused' || large.kind === 'refused') return;
        expect(large.mid.num * small.mid.den).toBe(small.mid.num * factor * large.mid.den);
        expect(large.uncertaintyBps).toBe(small.uncertaintyBps);
      }),
    );
  });
});

test('a price through another asset multiplies both sides and is as old as the older of both', () => {
  const usdt = { bid: decimal('0.999'), ask: decimal('1.001'), oldestObservedAt: new Date(NOW.getTime() - 9_000) };
  const [reading] = readingsAt('0.5');
  if (reading === undefined) throw new Error('no reading');
  const usd = throughPrice(reading, usdt);
  expect([formatRatio(usd.bid, 8), formatRatio(usd.ask, 8)]).toEqual(['0.49945005', '0.50055005']);
  expect(usd.observedAt).toEqual(usdt.oldestObservedAt);
});

test('deviation in basis points is rounded up', () => {
  expect(deviationBps(decimal('0.995'), decimal('1'))).toBe(50n);
  expect(deviationBps(decimal('0.9949999'), decimal('1'))).toBe(51n);
});
