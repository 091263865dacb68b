import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EvmChain } from '../../src/adapters/chains/evm.ts';
import { forwarderAddress } from '../../src/adapters/chains/evm/forwarder.ts';
import { tipOf } from '../../src/adapters/chains/evm/transaction.ts';
import { decodePath, encodePath, feeUnits, pathsBetween } from '../../src/adapters/venues/uniswap/paths.ts';
import type { Asset } from '../../src/money/asset.ts';
import { money } from '../../src/money/money.ts';

const ETH: Asset = {
  id: 'ETH',
  ticker: 'ETH',
  chain: 'ethereum',
  decimals: 18,
  reference: null,
  caip19: 'eip155:1/slip44:60',
};
const USDC: Asset = {
  id: 'USDC.ethereum',
  ticker: 'USDC',
  chain: 'ethereum',
  decimals: 6,
  reference: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48',
  caip19: 'eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48',
};
const FACTORY = '0x4e59b44847b379578588920cA78FbF26c0B4956C';
const BATCH_PAYER = '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb';
const chain = new EvmChain({
  id: 'ethereum',
  chainId: 1,
  rpcUrl: 'http://127.0.0.1:1',
  assets: [ETH, USDC],
  feeAsset: ETH,
  factory: FACTORY,
  treasury: '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
  batchPayer: BATCH_PAYER,
  finality: 'tag',
});

describe('EIP-55', () => {
  // The four mixed-case vectors of https://eips.ethereum.org/EIPS/eip-55 that are not used above.
  const vectors = [
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
  ];
  it.each(vectors)('%s is valid and canonical, its lower-case form too', (address) => {
    expect(chain.checkAddress(address)).toEqual({ kind: 'valid', canonical: address });
    expect(chain.checkAddress(address.toLowerCase())).toEqual({ kind: 'valid', canonical: address });
  });

  it.each(vectors)('%s with the case of one letter changed is refused', (address) => {
    for (const [at, letter] of [...address].entries()) {
      if (at < 2 || !/[a-fA-F]/.test(letter)) continue;
      const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
      const changed = address.slice(0, at) + other + address.slice(at + 1);
      expect(chain.checkAddress(changed)).toMatchObject({ kind: 'invalid' });
    }
  });

  it.each([
    ['', 'empty'],
    ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe', 'short'],
    ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd', 'long'],
    ['5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'without 0x'],
    [' 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'with a space'],
    ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg', 'not hex'],
    ['XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS', 'ICAP'],
    ['vitalik.eth', 'a name'],
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'of another chain'],
    ['0x0000000000000000000000000000000000000000', 'zero'],
    ['0x0000000000000000000000000000000000000001', 'precompiled'],
    [USDC.reference ?? '', 'a token contract'],
    [(USDC.reference ?? '').toLowerCase(), 'a token contract in lower case'],
    [FACTORY, 'our factory'],
    [BATCH_PAYER, 'our batch payer'],
  ])('%j is refused: %s', (text) => {
    expect(chain.checkAddress(text)).toMatchObject({ kind: 'invalid' });
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => chain.checkAddress(text).kind === 'invalid'));
  });
});

describe('EIP-681', () => {
  const to = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
  it('names token, chain, receiver and base units', () => {
    expect(chain.paymentUri(to, money(USDC.id, 12_500_000n), 'lease')).toBe(
      `ethereum:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48@1/transfer?address=${to}&uint256=12500000`,
    );
  });
  it('names receiver, chain and wei for ether', () => {
    expect(chain.paymentUri(to, money('ETH', 2_014_000_000_000_000_000n), '')).toBe(
      `ethereum:${to}@1?value=2014000000000000000`,
    );
  });
});

describe('CREATE2', () => {
  // https://eips.ethereum.org/EIPS/eip-1014 ; the hash is of the example's init code.
  it.each([
    [
      '0x0000000000000000000000000000000000000000',
      `0x${'0'.repeat(64)}`,
      '0xbc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a',
      '0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38',
    ],
    [
      '0xdeadbeef00000000000000000000000000000000',
      `0x${'0'.repeat(64)}`,
      '0xbc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a',
      '0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3',
    ],
  ])('of %s', (factory, salt, codeHash, expected) => {
    expect(forwarderAddress(factory, salt, codeHash)).toBe(expected);
    expect(forwarderAddress(factory, salt.slice(2), codeHash)).toBe(expected);
  });

  it.each(['', '0x', '00'.repeat(31), '00'.repeat(33), 'zz'.repeat(32)])('refuses the salt %j', (salt) => {
    expect(() => forwarderAddress(FACTORY, salt, `0x${'0'.repeat(64)}`)).toThrow(/32 bytes/);
  });
});

describe('fee rates', () => {
  it('of a replacement raise both the rate and the tip by at least 12.5 %', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1_000_000n, max: 10n ** 15n }), (feeRate) => {
        const next = chain.replacementRate(feeRate);
        expect(next * 8n).toBeGreaterThanOrEqual(feeRate * 9n);
        expect(tipOf(next) * 100n).toBeGreaterThanOrEqual(tipOf(feeRate) * 112n);
        expect(tipOf(next)).toBeLessThanOrEqual(next);
      }),
    );
  });
});

describe('Uniswap paths', () => {
  const token = (n: number) => `0x${n.toString(16).padStart(40, '0')}`;
  const pools = [
    { tokens: [token(1), token(2)], fee: 100 },
    { tokens: [token(2), token(3)], fee: 500 },
    { tokens: [token(3), token(2)], fee: 3000 },
    { tokens: [token(1), token(3)], fee: 10_000 },
  ] as const;

  it('are direct or through one other token, over every fee tier', () => {
    const shape = (from: number, to: number) =>
      pathsBetween(pools, token(from), token(to)).map((path) => path.map(({ fee }) => fee));
    expect(shape(1, 3)).toEqual([[10_000], [100, 500], [100, 3000]]);
    expect(shape(1, 1)).toEqual([]);
    expect(shape(1, 4)).toEqual([]);
  });

  it('survive encoding', () => {
    for (const path of pathsBetween(pools, token(1), token(3)))
      expect(decodePath({ path: encodePath(path) })).toEqual(path);
    expect(() => decodePath({ path: '0x' })).toThrow();
  });

  it('keep the fees of their pools', () => {
    const [direct, twoPools] = pathsBetween(pools, token(1), token(3));
    expect(feeUnits(direct ?? [], 1_000_000n)).toBe(10_000n);
    expect(feeUnits(twoPools ?? [], 1_000_000n)).toBe(599n);
  });
});
