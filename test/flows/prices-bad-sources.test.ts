import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VENDORS } from '../../devnet/exchanges/index.ts';
import { formatRatio } from '../../src/money/codec.ts';
import { Refusal } from '../../src/platform/refusal.ts';
import { startMarkets, type TestMarkets } from '../support/markets.ts';

const ASSETS = ['BTC', 'ETH', 'AKT', 'USDC.ethereum', 'USDT.ethereum', 'DAI.ethereum'];
const BAD = ['down', 'stale', 'high'] as const;

let setup: TestMarkets;
beforeAll(async () => {
  setup = await startMarkets();
});
afterAll(() => setup.stop());
beforeEach(() => {
  for (const vendor of VENDORS) setup.exchanges.fault(vendor, null);
});

/** Assets that have a price now, and what the others are refused for. */
function priced(): { priced: string[]; refused: Set<string> } {
  const found = { priced: [] as string[], refused: new Set<string>() };
  for (const asset of ASSETS) {
    try {
      setup.markets.price(asset);
      found.priced.push(asset);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'no_price') throw error;
      expect(error.detail.facts).toMatchObject({ asset });
      found.refused.add(String(error.detail.facts?.['why']));
    }
  }
  return found;
}

test('four good sources: every asset has a price close to the market and says what it is made of', async () => {
  await setup.markets.refresh();
  expect(priced().priced).toEqual(ASSETS);
  const akt = setup.markets.price('AKT');
  expect(formatRatio(akt.mid, 2)).toMatch(/0\.(49|50)/);
  expect(akt.uncertaintyBps).toBeGreaterThan(0);
  expect(akt.uncertaintyBps).toBeLessThanOrEqual(20);
  expect(akt.used).toEqual(['bitstamp', 'coinbase', 'kraken', 'kucoin']);
  expect(akt.inputs.find(({ source }) => source === 'kucoin')?.through).toBe('USDT.ethereum');
});

describe.each(BAD)('one source %s', (fault) => {
  test.each(VENDORS)('%s: every asset still has a price', async (vendor) => {
    setup.exchanges.fault(vendor, fault);
    await setup.markets.refresh();
    expect(priced()).toEqual({ priced: ASSETS, refused: new Set() });
    expect(setup.markets.price('BTC').used).not.toContain(vendor);
  });
});

const PAIRS = VENDORS.flatMap((one, index) => VENDORS.slice(index + 1).map((other) => [one, other] as const));
describe.each(PAIRS)('%s and %s', (one, other) => {
  test.each(BAD.flatMap((first) => BAD.map((second) => [first, second] as const)))(
    '%s and %s: no asset has a price',
    async (first, second) => {
      setup.exchanges.fault(one, first);
      setup.exchanges.fault(other, second);
      await setup.markets.refresh();
      expect(priced().priced).toEqual([]);
    },
  );
});

test('prices come back as soon as the sources do', async () => {
  setup.exchanges.fault('kraken', 'down');
  setup.exchanges.fault('coinbase', 'html');
  await setup.markets.refresh();
  expect(priced().priced).toEqual([]);
  setup.exchanges.fault('coinbase', null);
  await setup.markets.refresh();
  expect(priced().priced).toEqual(ASSETS);
});

test('a price is not used beyond the age of its oldest observation', async () => {
  await setup.markets.refresh();
  const { oldestObservedAt } = setup.markets.price('AKT');
  const at = (ageMs: number) => new Date(oldestObservedAt.getTime() + ageMs);
  expect(setup.markets.price('AKT', at(30_000)).asset).toBe('AKT');
  expect(() => setup.markets.price('AKT', at(30_001))).toThrow(Refusal);
});

test('calls at the same time share one refresh', async () => {
  await Promise.all([setup.markets.refresh(), setup.markets.refresh(), setup.markets.refresh()]);
  const { evidenceId } = setup.markets.price('AKT');
  expect(setup.markets.price('AKT').evidenceId).toBe(evidenceId);
});
