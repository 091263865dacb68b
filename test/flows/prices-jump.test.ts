import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatRatio } from '../../src/money/codec.ts';
import { startMarkets, type TestMarkets } from '../support/markets.ts';

let setup: TestMarkets;
beforeAll(async () => {
  setup = await startMarkets();
});
afterAll(() => setup.stop());

const akt = () => formatRatio(setup.markets.price('AKT').mid, 1);

test('all sources agree on a price 40 % off: nothing is quoted for five minutes, then the new price is', async () => {
  await setup.markets.refresh();
  expect(akt()).toBe('0.5');

  setup.exchanges.set('AKT', '0.7');
  await setup.markets.refresh();
  expect(akt).toThrow(expect.objectContaining({ code: 'no_price', detail: { facts: { asset: 'AKT', why: 'jump' } } }));
  expect(setup.markets.price('BTC').asset).toBe('BTC');

  const restarted = setup.another();
  await restarted.refresh();
  expect(() => restarted.price('AKT')).toThrow(expect.objectContaining({ code: 'no_price' }));

  await setup.db.advanceClock(4 * 60_000);
  await setup.markets.refresh();
  expect(akt).toThrow(expect.objectContaining({ code: 'no_price' }));

  await setup.db.advanceClock(2 * 60_000);
  await setup.markets.refresh();
  expect(akt()).toBe('0.7');
});

test('a move within what the asset usually does is followed at once', async () => {
  setup.exchanges.set('AKT', '0.705');
  await setup.markets.refresh();
  expect(formatRatio(setup.markets.price('AKT').mid, 3)).toMatch(/0\.70[45]/);
});

test('each minute keeps one mark of each accepted price', async () => {
  await setup.db.advanceClock(60_000);
  await setup.markets.refresh();
  await setup.markets.refresh();
  const marks = await setup.database.prisma.priceMark.findMany({ where: { asset: 'BTC' }, orderBy: { minute: 'asc' } });
  expect(marks.map(({ minute }) => minute.toISOString().slice(11, 19))).toEqual([
    '12:00:00',
    '12:04:00',
    '12:06:00',
    '12:07:00',
  ]);
});
