import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { BroadcastOutcome } from '../../src/adapters/chain.ts';
import { EvmChain } from '../../src/adapters/chains/evm.ts';
import { UniswapVenue } from '../../src/adapters/venues/uniswap.ts';
import { type DeskRig, startDesk } from '../support/desk.ts';

const [DAI, USDC] = ['DAI.ethereum', 'USDC.ethereum'];
const POLICY = JSON.stringify({ [DAI]: { positionBand: '10' }, ETH: { positionTarget: '0', positionBand: '1' } });

/** A node that takes what it is given and whose answer is lost. */
class SilentChain extends EvmChain {
  static lost = 0;
  override async broadcast(raw: string): Promise<BroadcastOutcome> {
    const outcome = await super.broadcast(raw);
    if (SilentChain.lost === 0) return outcome;
    SilentChain.lost -= 1;
    throw new Error('the answer was lost');
  }
}

let rig: DeskRig;
beforeAll(async () => {
  rig = await startDesk({ POLICY }, (settings) => new SilentChain(settings));
});
afterEach(() => rig.check());
afterAll(() => rig?.stop());

/** A swap whose order is handed over; its allowance is in place. */
async function handedOver(): Promise<void> {
  expect(await rig.desk.swaps.flatten()).toBe(1);
  for (let n = 0; n < 20; n += 1) {
    await rig.desk.swaps.advance();
    if ((await rig.all())[0]?.legs[0]?.state === 'sent') return;
    await rig.round();
  }
  throw new Error('never handed over');
}

test('the answer to the order is lost after it executed: found on the chain, never sent twice', async () => {
  await rig.earn(DAI, '1000');
  await handedOver();
  const sent = await rig.sent();
  SilentChain.lost = 1;
  await rig.desk.sender.wallets.advance();
  expect(SilentChain.lost).toBe(0);
  const [swap] = await rig.run();
  expect(swap).toMatchObject({ state: 'done', inputUnits: rig.units(DAI, '1000') });
  expect(await rig.sent()).toBe(sent + 1n);
  expect(await rig.balance('desk:main', USDC)).toBe(swap?.outputUnits);
});

test('the worker dies between the execution and its entry in the books', async () => {
  const usdc = await rig.balance('desk:main', USDC);
  await rig.earn(DAI, '2000');
  await handedOver();
  const sent = await rig.sent();
  const read = UniswapVenue.prototype.result;
  UniswapVenue.prototype.result = () => Promise.reject(new Error('the answer was lost'));
  await rig.round();
  await rig.round();
  expect((await rig.all())[0]).toMatchObject({ state: 'running', outputUnits: null });
  UniswapVenue.prototype.result = read;
  const [tip, [swap]] = [await rig.desk.sender.chains.get('ethereum').finalHeight(), await rig.all()];
  const missing = await rig.desk.swaps.unsettled('ethereum-hot', tip);
  expect(missing.find(({ asset }) => asset === DAI)?.units).toBe(swap?.inputUnits);
  const workers = [rig.desk, await rig.another(), await rig.another()];
  await Promise.all(workers.map(({ swaps }) => swaps.advance()));
  const [done] = await rig.all();
  expect(done).toMatchObject({ id: swap?.id, state: 'done' });
  expect(missing.find(({ asset }) => asset === USDC)?.units).toBe(-(done?.outputUnits ?? 0n));
  expect(await rig.balance('desk:main', USDC)).toBe(usdc + (done?.outputUnits ?? 0n));
  expect(await rig.desk.swaps.unsettled('ethereum-hot', tip)).toEqual([]);
  expect(await rig.sent()).toBe(sent + 1n);
});
