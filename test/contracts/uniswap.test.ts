import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PriceBot, priceBot } from '../../devnet/evm/price-bot.ts';
import type { LegOrder, LegQuote } from '../../src/adapters/venue.ts';
import { UniswapVenue, type UniswapSettings } from '../../src/adapters/venues/uniswap.ts';
import { money } from '../../src/money/money.ts';
import { ETH, type EvmRig, evmRig } from '../support/evm.ts';

describe('Uniswap v3', () => {
  let rig: EvmRig;
  let bot: PriceBot;
  let settings: UniswapSettings;
  let venue: UniswapVenue;
  const context = () => ({ usd: new Map(), float: new Map(), floatLow: new Map(), now: new Date() });
  const inAnHour = () => new Date(Date.now() + 3_600_000);
  const units = (symbol: string, whole: number) => BigInt(whole) * 10n ** BigInt(rig.asset(symbol).decimals);
  const amount = (symbol: string, whole: number) => money(rig.asset(symbol).id, units(symbol, whole));

  const quoted = async (symbol: string, whole: number, to: string): Promise<LegQuote> => {
    const outcome = await venue.quote(amount(symbol, whole), rig.asset(to).id, context());
    if (outcome.kind === 'refused') throw new Error(outcome.reason);
    return outcome.quote;
  };
  const ordered = async (quote: LegQuote, minimumUnits: bigint, deadline = inAnHour()) => {
    const order = await venue.order(quote, minimumUnits, deadline);
    if (order.kind !== 'call') throw new Error('not a call');
    await allow(order);
    return order;
  };
  const allow = async ({ allowance }: Extract<LegOrder, { kind: 'call' }>) => {
    if (allowance === null) return;
    const wanted = { owner: rig.hot.address, ...allowance };
    for (let call = await rig.chain.allowanceCall(wanted); call !== null; call = await rig.chain.allowanceCall(wanted))
      await rig.send({ call });
  };
  const held = async (symbol: string) =>
    (await rig.chain.holding({ addresses: [rig.hot.address], coins: [] }, rig.asset(symbol).id, await rig.height()))
      .units;

  beforeAll(async () => {
    rig = await evmRig();
    bot = priceBot(rig.dev.node, rig.dev.deployment);
    settings = {
      rpcUrl: rig.dev.rpcUrl,
      contracts: rig.dev.deployment.uniswap,
      assets: rig.assets,
      feeAsset: ETH,
      wallet: rig.hot.address,
      quoteTtlMs: 15_000,
      settleMs: 60_000,
      finality: 'tag',
    };
    venue = new UniswapVenue(settings);
    for (const symbol of ['USDC', 'USDT', 'DAI'])
      await rig.wallet.mint(symbol, rig.hot.address, units(symbol, 10 ** 9));
  });
  afterAll(() => rig?.close());

  it('trades every pair that one or two pools join', async () => {
    const pairs = (await venue.pairs()).map(([from, to]) => `${from}>${to}`);
    const tokens = rig.assets.map(({ id }) => id);
    const all = tokens.flatMap((from) => tokens.filter((to) => to !== from).map((to) => `${from}>${to}`));
    expect(pairs.sort()).toEqual(all.sort());
  });

  it.each([
    ['DAI', 1000, 'USDC', 1],
    ['USDC', 1000, 'DAI', 1],
    ['USDT', 250, 'USDC', 1],
    ['USDT', 250, 'DAI', 2],
  ])('sells %s %i for %s exactly as quoted', async (from, whole, to, pools) => {
    const quote = await quoted(from, whole, to);
    expect(JSON.stringify(quote.detail)).toHaveLength('{"path":"0x"}'.length + 40 + pools * 46);
    const before = [await held(from), await held(to)] as const;
    const order = await ordered(quote, quote.output.units);
    const { txId } = await rig.send({ call: order.call });
    const result = await venue.result(order, quote, txId);
    expect(result).toMatchObject({ kind: 'done', input: quote.input, output: quote.output });
    expect(before[0] - (await held(from))).toBe(quote.input.units);
    expect((await held(to)) - before[1]).toBe(quote.output.units);
  });

  it.each([
    ['USDC', 3000],
    ['DAI', 3000],
  ])('sells %s for ether, unwrapped', async (from, whole) => {
    const quote = await quoted(from, whole, 'ETH');
    const order = await ordered(quote, quote.output.units);
    const before = await held('ETH');
    const { txId } = await rig.send({ call: order.call });
    expect(await venue.result(order, quote, txId)).toMatchObject({ kind: 'done', output: quote.output });
    const sent = await rig.chain.find(txId);
    if (sent.kind !== 'included') throw new Error('not included');
    expect((await held('ETH')) - before + sent.fee.units).toBe(quote.output.units);
  });

  it('sells ether without an allowance', async () => {
    const quote = await quoted('ETH', 1, 'USDC');
    const order = await ordered(quote, 1n);
    expect(order.allowance).toBeNull();
    const before = await held('USDC');
    const { txId } = await rig.send({ call: order.call });
    const result = await venue.result(order, quote, txId);
    expect(result).toMatchObject({ kind: 'done', input: quote.input, output: quote.output });
    expect((await held('USDC')) - before).toBe(quote.output.units);
  });

  it('takes the fee tier that gives most and names its costs', async () => {
    const quote = await quoted('USDC', 1000, 'ETH');
    expect(JSON.stringify(quote.detail)).toContain('0001f4');
    expect(quote.fees).toMatchObject([
      { kind: 'venue', amount: money('USDC.ethereum', 500_000n) },
      { kind: 'network', amount: { asset: 'ETH' } },
    ]);
    expect(quote.fees[1]?.amount.units).toBeGreaterThan(0n);
  });

  it('states the impact of the size', async () => {
    const impacts = await Promise.all([1000, 1_000_000, 20_000_000].map(async (whole) => quoted('DAI', whole, 'USDC')));
    const [small, middle, large] = impacts.map(({ impactBps }) => impactBps);
    expect(small).toBeLessThanOrEqual(1);
    // Full-range pool of 100 M each side: a trade of x M loses about x / (100 + x).
    expect(middle).toBeGreaterThanOrEqual(95);
    expect(middle).toBeLessThanOrEqual(105);
    expect(large).toBeGreaterThanOrEqual(1600);
    expect(large).toBeLessThanOrEqual(1700);
  });

  it('follows the market the price bot keeps', async () => {
    for (const price of ['2500', '4000.5', '3000']) {
      await bot.setPrice('WETH', 'USDC', price);
      const { output } = await quoted('ETH', 1, 'USDC');
      const ideal = BigInt(Math.round(Number(price) * 1_000_000));
      const lossBps = Number(((ideal - output.units) * 10_000n) / ideal);
      expect(lossBps).toBeGreaterThanOrEqual(3);
      expect(lossBps).toBeLessThanOrEqual(8);
    }
  });

  it('refuses what it cannot price', async () => {
    const refusal = async (from: ReturnType<typeof money>, to: string, of = venue) =>
      expect(await of.quote(from, to, context())).toMatchObject({ kind: 'refused' });
    await refusal(money('AKT', 1n), 'USDC.ethereum');
    await refusal(amount('USDC', 1), 'AKT');
    await refusal(money('USDC.ethereum', 0n), 'DAI.ethereum');
    await refusal(money('DAI.ethereum', 1n), 'USDC.ethereum');
    await refusal(amount('USDC', 1), 'USDC.ethereum');
    await refusal(amount('USDC', 1), 'DAI.ethereum', new UniswapVenue({ ...settings, rpcUrl: 'http://127.0.0.1:1' }));
  });

  it('gives no order without a minimum', async () => {
    const quote = await quoted('DAI', 10, 'USDC');
    expect(() => venue.order(quote, 0n, inAnHour())).toThrow(/minimum/);
    expect(() => venue.order(quote, -1n, inAnHour())).toThrow(/minimum/);
  });

  it('leaves the input alone when the price moved past the minimum', async () => {
    const quote = await quoted('USDC', 1000, 'ETH');
    const order = await ordered(quote, quote.output.units);
    const signed = await rig.sign({ call: order.call });
    await bot.setPrice('WETH', 'USDC', '3100');
    const before = await held('USDC');
    await rig.chain.broadcast(signed.raw);
    await expect(rig.dev.node.mined(signed.txId)).rejects.toThrow(/failed/);
    expect(await venue.result(order, quote, signed.txId)).toEqual({ kind: 'pending' });
    await rig.wallet.mine(3);
    expect(await venue.result(order, quote, signed.txId)).toEqual({ kind: 'failed', reason: 'reverted' });
    expect(await held('USDC')).toBe(before);
    await expect(rig.sign({ call: order.call })).rejects.toThrow(/Too little received/);
  });

  it('leaves the input alone after the deadline, and says failed only then', async () => {
    const quote = await quoted('DAI', 1000, 'USDC');
    const order = await ordered(quote, 1n);
    const signed = await rig.sign({ call: order.call });
    const lost = `0x${'12'.repeat(32)}`;
    expect(await venue.result(order, quote, lost)).toEqual({ kind: 'pending' });
    await rig.wallet.setTime(new Date(order.deadline.getTime() + 1000));
    const before = await held('DAI');
    await rig.chain.broadcast(signed.raw);
    await expect(rig.dev.node.mined(signed.txId)).rejects.toThrow(/failed/);
    expect(await venue.result(order, quote, lost)).toEqual({ kind: 'pending' });
    await rig.wallet.mine(3);
    expect(await venue.result(order, quote, signed.txId)).toEqual({ kind: 'failed', reason: 'reverted' });
    expect(await venue.result(order, quote, lost)).toMatchObject({ kind: 'failed' });
    expect(await held('DAI')).toBe(before);
  });
});
