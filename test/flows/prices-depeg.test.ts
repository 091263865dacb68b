import { afterAll, beforeAll, expect, test } from 'vitest';
import { Refusal } from '../../src/platform/refusal.ts';
import { startMarkets, type TestMarkets } from '../support/markets.ts';

let setup: TestMarkets;
beforeAll(async () => {
  setup = await startMarkets();
});
afterAll(() => setup.stop());

test('a stablecoin within 50 basis points of its peg stays open', async () => {
  setup.exchanges.set('DAI', '0.9955');
  await setup.markets.refresh();
  expect(setup.markets.state('DAI.ethereum')).toBe('quotable');
  setup.markets.requireQuotable('DAI.ethereum');
});

test('beyond that it is halted by itself, with the reason, even while its price is refused as a jump', async () => {
  setup.exchanges.set('DAI', '0.97');
  await setup.markets.refresh();
  expect(setup.states.record('DAI.ethereum')).toMatchObject({
    state: 'halted',
    changedBy: 'system',
    reason: expect.stringMatching(/^\d+ basis points off its peg/),
  });
  expect(() => setup.markets.requireQuotable('DAI.ethereum')).toThrow(
    expect.objectContaining({ code: 'asset_not_available' }),
  );
  expect(setup.markets.state('USDC.ethereum')).toBe('quotable');
});

test('one event tells of it, however often prices are read and by how many processes', async () => {
  const other = setup.another();
  await Promise.all([setup.markets.refresh(), other.refresh()]);
  await setup.markets.refresh();
  expect(other.state('DAI.ethereum')).toBe('halted');
  const events = await setup.database.prisma.$queryRaw<{ data: { state: string } }[]>`
    SELECT data FROM outbox WHERE type = 'asset.state_changed' AND subject = 'DAI.ethereum'`;
  expect(events.map(({ data }) => data.state)).toEqual(['halted']);
});

test('processes that see it at the same moment halt it once, and never loosen a stricter state', async () => {
  const many = Array.from({ length: 8 }, () => setup.states.halt('USDT.ethereum', 'seen by several'));
  await Promise.all(many);
  await setup.database.transaction((tx) => setup.states.set(tx, 'USDC.ethereum', 'refund-only', 'frozen', 'opr_test'));
  await setup.states.halt('USDC.ethereum', 'off its peg');
  expect(setup.markets.state('USDC.ethereum')).toBe('refund-only');
  const events = await setup.database.prisma.$queryRaw<{ subject: string }[]>`
    SELECT subject FROM outbox WHERE type = 'asset.state_changed' AND subject IN ('USDT.ethereum', 'USDC.ethereum')`;
  expect(events.map(({ subject }) => subject).sort()).toEqual(['USDC.ethereum', 'USDT.ethereum']);
});

test('only the operator opens it again, and a peg that is back does not', async () => {
  setup.exchanges.set('DAI', '1');
  await setup.db.advanceClock(6 * 60_000);
  await setup.markets.refresh();
  expect(setup.markets.price('DAI.ethereum').asset).toBe('DAI.ethereum');
  expect(setup.markets.state('DAI.ethereum')).toBe('halted');
  await setup.database.transaction((tx) =>
    setup.states.set(tx, 'DAI.ethereum', 'quotable', 'peg restored', 'opr_test'),
  );
  await setup.markets.refresh();
  expect(setup.markets.state('DAI.ethereum')).toBe('quotable');
});

test('an asset that is unknown is refused by name', () => {
  expect(() => setup.markets.requireQuotable('XYZ', 'payAsset')).toThrow(Refusal);
  expect(() => setup.markets.price('XYZ')).toThrow(expect.objectContaining({ code: 'unknown_asset' }));
});
