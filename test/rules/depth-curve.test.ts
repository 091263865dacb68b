import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { VenueContext } from '../../src/adapters/venue.ts';
import { InventoryVenue } from '../../src/adapters/venues/inventory.ts';
import type { Asset } from '../../src/money/asset.ts';
import { maxUnits, minUnits, money } from '../../src/money/money.ts';
import { ratio } from '../../src/money/rate.ts';
import { costOn, monotone } from '../../src/routing/curve.ts';

const points = fc
  .array(fc.record({ units: fc.bigInt(0n, 10n ** 12n), costUnits: fc.bigInt(0n, 10n ** 9n) }), {
    minLength: 1,
    maxLength: 8,
  })
  .map(monotone)
  .filter((made) => made.length > 0);

describe('a depth curve', () => {
  test('costs what was answered at each size asked, nothing for nothing, and has no answer beyond its largest', () => {
    fc.assert(
      fc.property(points, (curve) => {
        for (const { units, costUnits } of curve) expect(costOn(curve, units)).toBe(costUnits);
        expect(costOn(curve, 0n)).toBe(0n);
        expect(costOn(curve, (curve.at(-1)?.units ?? 0n) + 1n)).toBeNull();
      }),
    );
  });

  test('never gets cheaper as the size grows', () => {
    fc.assert(
      fc.property(points, fc.bigInt(0n, 10n ** 12n), fc.bigInt(0n, 10n ** 12n), (curve, a, b) => {
        const [small, large] = [costOn(curve, minUnits(a, b)), costOn(curve, maxUnits(a, b))];
        if (small !== null && large !== null) expect(small <= large).toBe(true);
      }),
    );
  });

  test('rounds up between two sizes', () => {
    const curve = monotone([
      { units: 300n, costUnits: 10n },
      { units: 100n, costUnits: 1n },
    ]);
    expect(costOn(curve, 50n)).toBe(1n);
    expect(costOn(curve, 101n)).toBe(2n);
    expect(costOn(curve, 200n)).toBe(6n);
  });
});

describe('the own float', () => {
  const asset = (id: string, decimals: number): Asset => ({
    id,
    ticker: id,
    chain: id.toLowerCase(),
    decimals,
    reference: null,
    caip19: id,
  });
  const venue = new InventoryVenue({
    assets: [asset('BTC', 8), asset('AKT', 6), asset('USDC', 6)],
    floatAsset: 'AKT',
    spreadBps: 20,
    quoteTtlMs: 60_000,
  });
  const now = new Date('2026-11-22T12:00:00Z');
  const usd = new Map([
    ['BTC', ratio(100_000n, 1n)],
    ['AKT', ratio(5n, 2n)],
    ['USDC', ratio(1n, 1n)],
  ]);
  const context = (float: bigint, low: bigint): VenueContext => ({
    usd,
    float: new Map([['AKT', float]]),
    floatLow: new Map([['AKT', low]]),
    now,
  });
  // 0.01 BTC is 400 AKT at the mid, 399.2 less the spread.
  const input = money('BTC', 1_000_000n);

  test('fills at the mid less its spread, down to its low-water mark and no further', async () => {
    expect(await venue.quote(input, 'AKT', context(1_399_200_000n, 1_000_000_000n))).toMatchObject({
      kind: 'quoted',
      quote: {
        output: money('AKT', 399_200_000n),
        fees: [{ kind: 'spread', amount: money('AKT', 800_000n) }],
        impactBps: 0,
      },
    });
    expect(await venue.quote(input, 'AKT', context(1_399_199_999n, 1_000_000_000n))).toMatchObject({
      kind: 'refused',
      float: true,
    });
  });

  test('has AKT on one side of every pair and refuses the rest, dust and assets without a price', async () => {
    const pairs = await venue.pairs();
    expect(pairs.map((pair) => pair.join(' '))).toEqual(['BTC AKT', 'AKT BTC', 'USDC AKT', 'AKT USDC']);
    const rich = context(10n ** 15n, 0n);
    expect(await venue.quote(input, 'USDC', rich)).toMatchObject({ kind: 'refused' });
    expect(await venue.quote(money('BTC', 0n), 'AKT', rich)).toMatchObject({ kind: 'refused' });
    expect(await venue.quote(input, 'AKT', { ...rich, usd: new Map() })).toMatchObject({
      kind: 'refused',
      reason: 'no price',
    });
  });

  test('never fills below the minimum', async () => {
    const outcome = await venue.quote(input, 'AKT', context(10n ** 15n, 0n));
    if (outcome.kind !== 'quoted') throw new Error(outcome.reason);
    expect(await venue.order(outcome.quote, 399_200_000n, now)).toEqual({ kind: 'book', output: outcome.quote.output });
    expect(() => venue.order(outcome.quote, 399_200_001n, now)).toThrow('at least');
    expect(() => venue.order(outcome.quote, 0n, now)).toThrow('at least');
  });
});
