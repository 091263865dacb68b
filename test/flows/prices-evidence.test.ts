import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMarkets, type TestMarkets } from '../support/markets.ts';

let setup: TestMarkets;
beforeAll(async () => {
  setup = await startMarkets();
});
afterAll(() => setup.stop());

test('evidence holds what a price was made of, exactly, and is stored once', async () => {
  setup.exchanges.fault('kraken', 'high');
  setup.exchanges.fault('bitstamp', null);
  await setup.markets.refresh();
  const prices = [setup.markets.price('BTC'), setup.markets.price('AKT')];
  const [btc, akt] = prices;
  const record = () => setup.database.transaction((tx) => setup.markets.recordEvidence(tx, prices));
  const ids = await record();
  expect(ids).toEqual([btc?.evidenceId, akt?.evidenceId]);
  expect(await record()).toEqual(ids);
  expect(await setup.markets.storeEvidence(prices)).toEqual(ids);

  const rows = await setup.database.prisma.priceEvidence.findMany();
  expect(rows.map(({ id }) => id).sort()).toEqual([...ids].sort());
  expect(rows.find(({ asset }) => asset === 'BTC')).toMatchObject({
    midNum: btc?.mid.num.toString(),
    midDen: btc?.mid.den.toString(),
    uncertaintyBps: btc?.uncertaintyBps,
    ruleVersion: 'median-mad/1',
    dropped: [{ source: 'kraken', reason: 'outlier' }],
    inputs: expect.arrayContaining([
      { source: 'kraken', through: null, bid: '2079584/25', ask: '2080416/25', observedAt: '2026-11-22T12:00:00.000Z' },
    ]),
  });
});

test('a refresh makes new evidence; nothing is stored that nothing refers to', async () => {
  const before = setup.markets.price('BTC').evidenceId;
  await setup.markets.refresh();
  expect(setup.markets.price('BTC').evidenceId).not.toBe(before);
  expect(await setup.database.prisma.priceEvidence.count()).toBe(2);
});

test('the application cannot change evidence', async () => {
  await expect(setup.database.prisma.priceEvidence.updateMany({ data: { asset: 'AKT' } })).rejects.toThrow(
    /permission/,
  );
  await expect(setup.database.prisma.priceEvidence.deleteMany()).rejects.toThrow(/permission/);
});

test('a configuration with fewer sources than a price needs does not start', async () => {
  const few = setup.another({ PRICE_SOURCES: 'kraken,coinbase', PRICE_SOURCES_MIN: '2' });
  await expect(few.onModuleInit()).rejects.toThrow('BTC has 2, its price needs 3');
});
