import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DeskRig, startDesk } from '../support/desk.ts';

const [DAI, USDC] = ['DAI.ethereum', 'USDC.ethereum'];
const POLICY = JSON.stringify({
  [DAI]: { positionBand: '10' },
  ETH: { positionTarget: '0', positionBand: '1' },
  AKT: { floatLow: '1000' },
});

describe('the desk, on real Uniswap and its own float', () => {
  let rig: DeskRig;
  beforeAll(async () => {
    rig = await startDesk({ POLICY });
    await rig.lend('AKT', '20000');
  });
  afterAll(() => rig?.stop());

  test('a tenant paid DAI: it is sold for USDC, and the float covers the short AKT', async () => {
    await rig.earn(DAI, '3000');
    await rig.owe('AKT', '4000');
    const swaps = await rig.run();
    const cover = swaps.find(({ reason }) => reason === 'short');
    expect(cover).toMatchObject({ state: 'done', fromAsset: DAI, toAsset: 'AKT' });
    expect(cover?.legs.map(({ venue, fromAsset, toAsset, state }) => [venue, fromAsset, toAsset, state])).toEqual([
      ['uniswap', DAI, USDC, 'done'],
      ['inventory', USDC, 'AKT', 'done'],
    ]);
    const [sale, fill] = cover?.legs ?? [];
    expect(sale?.outputUnits).toBeGreaterThan(rig.units(USDC, '1990'));
    expect(fill?.inputUnits).toBe(sale?.outputUnits);
    expect(await rig.balance('equity:float', USDC)).toBe(fill?.inputUnits);
    expect(await rig.balance('equity:float', 'AKT')).toBe(rig.units('AKT', '20000') - (fill?.outputUnits ?? 0n));
    expect(await rig.balance('desk:main', 'AKT')).toBe((fill?.outputUnits ?? 0n) - rig.units('AKT', '4000'));
    expect(await rig.balance('escrow:lin_test', 'AKT')).toBe(rig.units('AKT', '4000'));
    await rig.check();
  });

  test('what is left outside the band is sold into USDC by the next look', async () => {
    const swaps = await rig.run();
    expect(swaps[0]).toMatchObject({ reason: 'surplus', state: 'done', fromAsset: DAI, toAsset: USDC });
    expect(await rig.balance('desk:main', DAI)).toBe(0n);
    expect(await rig.balance('desk:main', USDC)).toBe(swaps[0]?.outputUnits);
    await rig.check();
  });

  test('two opposite positions trade nothing', async () => {
    const before = (await rig.all()).length;
    await rig.earn(DAI, '3000');
    await rig.post({ from: 'desk:main', to: 'escrow:lin_dai', asset: DAI, units: rig.units(DAI, '3000') });
    expect(await rig.desk.swaps.flatten()).toBe(0);
    expect(await rig.all()).toHaveLength(before);
  });

  test('two workers at once hedge once', async () => {
    await rig.owe('AKT', '400');
    await rig.earn(USDC, '1000');
    const before = (await rig.all()).length;
    const others = await Promise.all([rig.another(), rig.another()]);
    const planned = await Promise.all([rig.desk, ...others].map(({ swaps }) => swaps.flatten()));
    expect(planned.toSorted()).toEqual([0, 0, 1]);
    await Promise.all([rig.desk, ...others].map(({ swaps }) => swaps.advance()));
    const swaps = await rig.all();
    expect(swaps).toHaveLength(before + 1);
    expect(swaps[0]).toMatchObject({ state: 'done', fromAsset: USDC, toAsset: 'AKT' });
    await rig.check();
  });

  test('the float is not taken below its mark, and the alarm is raised once a crossing', async () => {
    const float = await rig.balance('equity:float', 'AKT');
    expect(await rig.events('float.low')).toEqual([]);
    await rig.owe('AKT', '100');
    await rig.post({
      from: 'equity:float',
      to: 'external:akash-hot',
      asset: 'AKT',
      units: float - rig.units('AKT', '990'),
    });
    expect([await rig.desk.swaps.flatten(), await rig.desk.swaps.flatten()]).toEqual([0, 0]);
    expect(await rig.events('float.low')).toEqual([
      { float: { asset: 'AKT', amount: '990.000000' }, lowWater: { asset: 'AKT', amount: '1000.000000' } },
    ]);
    expect(await rig.desk.metrics.registry.metrics()).toContain('lockstep_float_low{asset="AKT"} 1');
    await rig.lend('AKT', '9010');
    expect(await rig.desk.swaps.flatten()).toBe(1);
    await rig.post({ from: 'equity:float', to: 'external:akash-hot', asset: 'AKT', units: rig.units('AKT', '9500') });
    await rig.desk.swaps.flatten();
    expect(await rig.events('float.low')).toHaveLength(2);
  });
});

describe('gas', () => {
  let rig: DeskRig;
  beforeAll(async () => {
    rig = await startDesk({ POLICY: JSON.stringify({ ETH: { positionTarget: '2', positionBand: '0.5' } }) });
  });
  afterAll(() => rig?.stop());

  test('USDC buys ether up to the target, which pays the fees too', async () => {
    await rig.earn(USDC, '20000');
    const [swap, ...others] = await rig.run();
    expect(others).toEqual([]);
    expect(swap).toMatchObject({ state: 'done', reason: 'stock', fromAsset: USDC, toAsset: 'ETH' });
    const own = (await rig.balance('desk:main', 'ETH')) + (await rig.balance('expense:network', 'ETH'));
    expect(own).toBeGreaterThan(rig.units('ETH', '1.9'));
    expect(own).toBeLessThan(rig.units('ETH', '2'));
    await rig.check();
    expect(await rig.desk.swaps.flatten()).toBe(0);
  });
});
