import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type DeskRig, startDesk } from '../support/desk.ts';

const [DAI, USDC] = ['DAI.ethereum', 'USDC.ethereum'];
const POLICY = JSON.stringify({
  [USDC]: { positionBand: '10' },
  ETH: { positionTarget: '0', positionBand: '0.01', lockMaximum: '1000' },
});

let rig: DeskRig;
beforeAll(async () => {
  rig = await startDesk({ POLICY });
});
afterEach(() => rig.check());
afterAll(() => rig?.stop());

const first = async () => {
  const [swap] = await rig.all();
  if (swap === undefined) throw new Error('no swap');
  return swap;
};

/** Plans a swap of USDC into ether and works until its order is handed over. */
async function handedOver(): Promise<void> {
  await rig.database.advanceClock(1000);
  expect(await rig.desk.swaps.flatten()).toBe(1);
  for (let n = 0; n < 20; n += 1) {
    await rig.desk.swaps.advance();
    if ((await first()).legs[0]?.state === 'sent') return;
    await rig.round();
  }
  throw new Error('never handed over');
}

test('the price moves past the minimum: the call reverts, the input is back, a later plan succeeds', async () => {
  await rig.earn(USDC, '6600');
  await rig.owe('ETH', '2');
  await handedOver();
  expect(await rig.balance('desk:main', USDC)).toBeLessThan(rig.units(USDC, '700'));
  await rig.desk.sender.signing.signPlanned();
  await rig.bot.setPrice('WETH', 'USDC', '3100');
  await rig.desk.sender.tracking.broadcastStored();
  await rig.wallet.mine(3);
  for (let n = 0; n < 5 && (await first()).doneAt === null; n += 1) await rig.round();
  const failed = await first();
  expect(failed).toMatchObject({ state: 'failed', outputUnits: null });
  expect(failed.legs[0]?.state).toBe('returned');
  expect(await rig.balance('desk:main', USDC)).toBe(rig.units(USDC, '6600'));
  expect(await rig.balance(`swap:${failed.id}`, USDC)).toBe(0n);
  expect(await rig.events('swap.failed')).toHaveLength(1);
  // The pair rests, then a new plan is made.
  expect(await rig.desk.swaps.flatten()).toBe(0);
  await rig.bot.setPrice('WETH', 'USDC', '3000');
  await rig.database.advanceClock(61_000);
  const [swap] = await rig.run();
  expect(swap).toMatchObject({ state: 'done', fromAsset: USDC, toAsset: 'ETH' });
});

test('an order that was never signed is taken back after its deadline', async () => {
  await rig.owe('ETH', '1');
  await rig.earn(USDC, '3500');
  const usdc = await rig.balance('desk:main', USDC);
  await handedOver();
  const sent = await rig.sent();
  await rig.database.advanceClock(11 * 60_000);
  await rig.desk.swaps.advance();
  expect(await first()).toMatchObject({ state: 'failed', note: 'not signed before its deadline' });
  expect(await rig.balance('desk:main', USDC)).toBe(usdc);
  await rig.round();
  expect(await rig.sent()).toBe(sent);
});

test('signed and in no block past its deadline it is held, and ends only by what the chain shows', async () => {
  await rig.database.advanceClock(61_000);
  await handedOver();
  await rig.desk.sender.signing.signPlanned();
  await rig.database.advanceClock(16 * 60_000);
  await rig.desk.swaps.advance();
  expect(await first()).toMatchObject({ state: 'held' });
  expect((await first()).legs[0]?.state).toBe('doubt');
  expect(await rig.events('swap.held')).toHaveLength(1);
  expect(await rig.desk.swaps.flatten()).toBe(0);
  for (let n = 0; n < 5 && (await first()).doneAt === null; n += 1) await rig.round();
  expect(await first()).toMatchObject({ state: 'done', toAsset: 'ETH' });
});

test('what is not in the hot wallet yet is not sold', async () => {
  const before = (await rig.all()).length;
  const units = rig.units(DAI, '900');
  await rig.post({ from: 'external:ethereum-deposit', to: 'desk:main', asset: DAI, units });
  expect(await rig.desk.swaps.flatten()).toBe(0);
  expect(await rig.all()).toHaveLength(before);
});
