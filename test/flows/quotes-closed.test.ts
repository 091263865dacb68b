import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { VENDORS } from '../../devnet/exchanges/index.ts';
import { AssetStates } from '../../src/markets/asset-states.service.ts';
import { Database } from '../../src/platform/database.ts';
import { type Quoting, startQuoting } from '../support/quoting.ts';

let quoting: Quoting;

beforeAll(async () => {
  quoting = await startQuoting();
});
afterEach(async () => {
  for (const vendor of VENDORS) quoting.exchanges.fault(vendor, null);
  await quoting.refresh();
});
afterAll(async () => {
  await quoting.stop();
});

const outcome = async () => {
  const { status, body } = await quoting.quote();
  return status === 201 ? 'quoted' : [status, body['code']];
};

test.each(['down', 'stale', 'high'] as const)(
  'one source of four that is %s still quotes, two do not',
  async (fault) => {
    quoting.exchanges.fault('kraken', fault);
    await quoting.refresh();
    expect(await outcome()).toBe('quoted');
    quoting.exchanges.fault('coinbase', fault);
    await quoting.refresh();
    expect(await outcome()).toEqual([503, 'no_price']);
  },
);

test('prices that are not read again run out, and so do depth curves and fees', async () => {
  expect(await outcome()).toBe('quoted');
  await quoting.db.advanceClock(30_001);
  expect(await outcome()).toEqual([503, 'no_price']);
  await quoting.refresh();
  expect(await outcome()).toBe('quoted');
});

test('an asset that is halted is not quoted, neither to pay with nor to be paid in', async () => {
  const app = quoting.service.app;
  const states = app.get(AssetStates, { strict: false });
  for (const asset of ['BTC', 'AKT']) {
    const set = (state: 'halted' | 'quotable') =>
      app.get(Database).transaction((tx) => states.set(tx, asset, state, 'a test', 'opr_test'));
    await set('halted');
    await quoting.refresh();
    expect(await outcome()).toEqual([422, 'asset_not_available']);
    await set('quotable');
    await quoting.refresh();
    expect(await outcome()).toBe('quoted');
  }
});

test('a float at its low-water mark stops the quotes that need it, and only those', async () => {
  const line = { payee: { address: 'akash1pyysjzgfpyysjzgfpyysjzgfpyysjzgfsqeghr' } };
  // 49,000 AKT may be sold; this asks for about 60,000.
  const large = {
    duration: undefined,
    blocks: 40_000,
    lines: [{ ...line, price: { amount: '1.5', unit: 'AKT', per: 'block' } }],
  };
  const reply = await quoting.quote(large);
  expect([reply.status, reply.body['code']]).toEqual([503, 'float_low']);
  expect(await outcome()).toBe('quoted');
  expect((await quoting.quote({ ...large, payAsset: 'AKT' })).status).toBe(201);
});
