import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Coin } from '../../src/adapters/chain.ts';
import { exactInputOrder } from '../../src/adapters/venues/uniswap/order.ts';
import { isOwnOrder } from '../../src/adapters/venues/uniswap/own-order.ts';
import { anchorJson, refutes } from '../../src/wallets/anchor.ts';
import { outpoint, selectCoins } from '../../src/wallets/coin-selection.ts';
import { bumpedRate, feeBudget } from '../../src/wallets/fee-bump.ts';
import { next, type SendEvent, type SendState } from '../../src/wallets/send.ts';
import { toJson } from '../../src/wallets/send-rows.service.ts';
import { checkCall, intentOf, outflow } from '../../src/wallets/signer-policy.ts';
import { worthMore } from '../../src/wallets/sweep.ts';

const EVENTS: readonly SendEvent[] = [
  ...([
    'short',
    'stored',
    'handed',
    'exhausted',
    'seen',
    'lost',
    'settled',
    'reverted',
    'refuted',
    'cancelled',
  ] as const),
];

describe('the life of a send', () => {
  test.each([
    ['planned', 'stored', 'signed'],
    ['planned', 'short', 'unfunded'],
    ['unfunded', 'stored', 'signed'],
    ['unfunded', 'cancelled', 'failed'],
    ['signed', 'handed', 'broadcast'],
    ['signed', 'settled', 'confirmed'],
    ['broadcast', 'seen', 'included'],
    ['broadcast', 'exhausted', 'stuck'],
    ['stuck', 'handed', 'stuck'],
    ['stuck', 'seen', 'included'],
    ['included', 'lost', 'broadcast'],
    ['included', 'settled', 'confirmed'],
    ['included', 'reverted', 'failed'],
    ['broadcast', 'refuted', 'failed'],
  ] as const)('%s, %s: %s', (from, event, to) => {
    expect(next(from, event)).toBe(to);
  });

  test('what is signed is never planned again, never cancelled, and fails only by evidence', () => {
    for (const state of ['signed', 'broadcast', 'stuck', 'included'] as const) {
      for (const event of EVENTS) {
        const to = next(state, event);
        expect(['planned', 'unfunded']).not.toContain(to);
        if (to === 'failed') expect(['reverted', 'refuted']).toContain(event);
      }
    }
  });

  test('an included send is not refuted: it is in a block', () => {
    expect(next('included', 'refuted')).toBeUndefined();
  });

  test.each(['confirmed', 'failed'] satisfies SendState[])('%s is the end', (state) => {
    for (const event of EVENTS) expect(next(state, event)).toBeUndefined();
  });
});

const coins = (...sizes: bigint[]): Coin[] =>
  sizes.map((units, vout) => ({ txId: 'aa', vout, units, address: 'a', path: '0/0' }));
const feeFor = (inputs: number) => 10n + 5n * BigInt(inputs);

describe('coin selection', () => {
  test('takes the single smallest coin that is enough', () => {
    expect(selectCoins(coins(1000n, 200n, 120n), 100n, feeFor)?.coins.map(({ units }) => units)).toEqual([120n]);
  });

  test('takes the largest first when none is enough by itself', () => {
    expect(selectCoins(coins(60n, 50n, 40n, 30n), 80n, feeFor)?.coins.map(({ units }) => units)).toEqual([60n, 50n]);
  });

  test('never spends a coin that costs more than it holds', () => {
    expect(selectCoins(coins(5n, 5n, 5n, 4n), 1n, feeFor)).toBeNull();
  });

  test('covers target and fee with distinct coins, or says that no choice does', () => {
    const sizes = fc.array(fc.bigInt({ min: 1n, max: 500n }), { maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.bigInt({ min: 1n, max: 2000n }), (given, target) => {
        const chosen = selectCoins(coins(...given), target, feeFor);
        const useful = given.filter((units) => units > 5n);
        if (chosen === null) {
          expect(useful.reduce((sum, units) => sum + units, 0n)).toBeLessThan(target + feeFor(useful.length));
          return;
        }
        const sum = chosen.coins.reduce((total, { units }) => total + units, 0n);
        expect(sum).toBe(target + feeFor(chosen.coins.length) + chosen.remainder);
        expect(chosen.remainder).toBeGreaterThanOrEqual(0n);
        expect(new Set(chosen.coins.map(outpoint)).size).toBe(chosen.coins.length);
      }),
    );
  });
});

describe('fee bumps', () => {
  test('the budget is basis points of what is paid, and at least the first fee', () => {
    expect(feeBudget(1_000_000n, 500, 100n)).toBe(50_000n);
    expect(feeBudget(1_000n, 500, 100n)).toBe(100n);
    expect(feeBudget(0n, 500, 100n)).toBe(400n);
  });

  test('follows the market, pays a quarter more without one, and stops at the budget', () => {
    const last = { feeRate: 100n, feeMaxUnits: 1000n };
    expect(bumpedRate(last, 400n, 113n, 100_000n)).toBe(400n);
    expect(bumpedRate(last, 1n, 113n, 100_000n)).toBe(125n);
    expect(bumpedRate(last, 400n, 113n, 2_000n)).toBe(200n);
    expect(bumpedRate(last, 400n, 113n, 1_130n)).toBe(113n);
    expect(bumpedRate(last, 400n, 113n, 1_120n)).toBeNull();
  });
});

describe('evidence', () => {
  const used = { kind: 'used', final: true, txId: 'theirs' } as const;
  test.each([
    ['a named foreign transaction, final', used, true],
    ['one that is not final', { ...used, final: false }, false],
    ['one the chain cannot name', { ...used, txId: null }, false],
    ['one of our own attempts', { ...used, txId: 'ours' }, false],
    ['one of our own, spelt otherwise', { ...used, txId: 'OURS Too' }, false],
    ['an unused anchor', { kind: 'free' } as const, false],
  ])('%s', (_name, outcome, expected) => {
    expect(refutes(outcome, ['ours', 'ours too'])).toBe(expected);
  });

  test('an anchor survives the database, numbers of any size included', () => {
    const anchor = {
      kind: 'coins' as const,
      coins: coins(2n ** 70n, 1n),
      change: { address: 'c', path: '1/3' },
    };
    expect(anchorJson.parse(JSON.parse(toJson(anchor)))).toEqual(anchor);
    const sequence = { kind: 'sequence' as const, signer: 's', sequence: 2n ** 63n };
    expect(anchorJson.parse(JSON.parse(toJson(sequence)))).toEqual(sequence);
  });
});

describe('what the signer lets out', () => {
  const [factory, router, usdc] = [`0x${'fa'.repeat(20)}`, `0x${'bb'.repeat(20)}`, `0x${'cc'.repeat(20)}`];
  const rules = {
    factory,
    spenders: [router],
    tokens: new Map([[usdc, 'USDC.ethereum']]),
    isVenueOrder: ({ data }: { readonly data: string }) => data === '0x0de2',
  };
  const word = (hex: string) => hex.padStart(64, '0');
  const approve = (spender: string, units: bigint) => `0x095ea7b3${word(spender.slice(2))}${word(units.toString(16))}`;

  test.each([
    ['a sweep of our factory', { to: factory, data: '0xfaa8952800', value: 0n }, 'allowed'],
    ['the factory with money', { to: factory, data: '0xfaa8952800', value: 1n }, 'refused'],
    ['another function of the factory', { to: factory, data: '0xf0f4426000', value: 0n }, 'refused'],
    ['an allowance for the venue', { to: usdc, data: approve(router, 7n), value: 0n }, 'allowed'],
    ['an allowance for a stranger', { to: usdc, data: approve(factory, 7n), value: 0n }, 'refused'],
    ['an allowance with more behind it', { to: usdc, data: `${approve(router, 7n)}00`, value: 0n }, 'refused'],
    ['an order at a venue', { to: router, data: '0x0de2', value: 1n }, 'allowed'],
    ['anything else at a venue', { to: router, data: '0x0de3', value: 1n }, 'refused'],
    ['any other contract', { to: `0x${'dd'.repeat(20)}`, data: '0x', value: 1n }, 'refused'],
  ])('%s', (_name, call, expected) => {
    expect(checkCall(call, rules).kind).toBe(expected);
  });

  test('an order at Uniswap is one that pays our wallet, and nothing else', () => {
    const [wallet, thief] = [`0x${'11'.repeat(20)}`, `0x${'22'.repeat(20)}`];
    const order = (recipient: string, unwrap: boolean) =>
      exactInputOrder({
        ...{ router, wallet: recipient, path: '0x0102', inputUnits: 5n, inputToken: usdc, unwrap, minimumUnits: 1n },
        deadline: new Date(1_800_000_000_000),
      }).call;
    expect(isOwnOrder(order(wallet, false), router, wallet)).toBe(true);
    expect(isOwnOrder(order(wallet, true), router, wallet)).toBe(true);
    for (const unwrap of [false, true]) expect(isOwnOrder(order(thief, unwrap), router, wallet)).toBe(false);
    expect(isOwnOrder({ ...order(wallet, false), to: thief }, router, wallet)).toBe(false);
    expect(isOwnOrder({ ...order(wallet, false), data: `${order(wallet, false).data}00` }, router, wallet)).toBe(false);
    const toRouter = order('0x0000000000000000000000000000000000000002', false);
    expect(isOwnOrder(toRouter, router, wallet)).toBe(false);
    expect(isOwnOrder({ to: router, data: '0x', value: 1n }, router, wallet)).toBe(false);
  });

  test('counts payments, native value, allowance and fee', () => {
    const payload = {
      outputs: [{ address: 'a', asset: 'USDC.ethereum', units: 5n }],
      call: { to: router, data: '0x', value: 3n },
    };
    const sums = outflow(payload, { asset: 'ETH', units: 2n }, { asset: 'USDC.ethereum', units: 7n });
    expect(Object.fromEntries(sums)).toEqual({ 'USDC.ethereum': 12n, ETH: 5n });
  });

  test('another amount, address or order is another intent; letter case of a call is not', () => {
    const a = { address: 'a', asset: 'BTC', units: 5n };
    const b = { address: 'b', asset: 'BTC', units: 6n };
    const intents = [[a], [{ ...a, units: 6n }], [a, b], [b, a]].map((outputs) => intentOf({ outputs, call: null }));
    expect(new Set(intents).size).toBe(4);
    const call = { to: usdc, data: '0xabcd', value: 0n };
    const upper = { ...call, to: call.to.toUpperCase(), data: '0xABCD' };
    expect(intentOf({ outputs: [], call })).toBe(intentOf({ outputs: [], call: upper }));
  });
});

describe('what is worth its gas', () => {
  test('compares over decimals and prices without rounding', () => {
    const usdc = { units: 3_000_001n, decimals: 6, usd: { num: 1n, den: 1n } };
    const ether = { units: 10n ** 15n, decimals: 18, usd: { num: 3000n, den: 1n } };
    expect(worthMore(usdc, ether)).toBe(true);
    expect(worthMore({ ...usdc, units: 3_000_000n }, ether)).toBe(false);
  });
});
