import { getAddress } from 'ethers';
import { describe, expect, test } from 'vitest';
import { configuredAssets } from '../../src/adapters/assets.ts';
import { jumpBoundBps } from '../../src/markets/volatility.ts';
import { Config } from '../../src/platform/config.ts';
import { ALL_CHAINS } from '../support/markets.ts';

const assets = (env: Record<string, string>) =>
  configuredAssets(Config.parse({ DATABASE_URL: 'postgres://x', ...env }));
const ids = (env: Record<string, string>) => assets(env).map(({ id }) => id);

describe('configured assets', () => {
  test('mainnet has every asset, each with its CAIP-19 id', () => {
    expect(assets(ALL_CHAINS).map(({ id, decimals, caip19 }) => [id, decimals, caip19])).toEqual([
      ['BTC', 8, 'bip122:000000000019d6689c085ae165831e93/slip44:0'],
      ['ETH', 18, 'eip155:1/slip44:60'],
      ['USDC.ethereum', 6, 'eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48'],
      ['USDT.ethereum', 6, 'eip155:1/erc20:0xdAC17F958D2ee523a2206206994597C13D831ec7'],
      ['DAI.ethereum', 18, 'eip155:1/erc20:0x6B175474E89094C44Da98b954EedeAC495271d0F'],
      ['AKT', 6, 'cosmos:akashnet-2/slip44:118'],
    ]);
  });

  test('pinned contracts carry valid EIP-55 checksums', () => {
    const contracts = assets(ALL_CHAINS).flatMap(({ chain, reference }) =>
      chain === 'ethereum' && reference !== null ? [reference] : [],
    );
    expect(contracts).toHaveLength(3);
    expect(contracts.map((contract) => getAddress(contract.toLowerCase()))).toEqual(contracts);
  });

  test('a chain without a node has none', () => {
    expect(ids({})).toEqual([]);
    expect(ids({ AKASH_RPC_URL: ALL_CHAINS.AKASH_RPC_URL, AKASH_ACCOUNT_XPUB: 'xpub' })).toEqual(['AKT']);
  });

  test('another Ethereum network has the tokens named for it, never those of mainnet', () => {
    const local = { ...ALL_CHAINS, ETHEREUM_CHAIN_ID: '31337' };
    expect(ids(local)).toEqual(['BTC', 'ETH', 'AKT']);
    const tokens = JSON.stringify({ 'DAI.ethereum': '0x5FbDB2315678afecb367f032d93F642f64180aa3' });
    expect(ids({ ...local, ETHEREUM_TOKENS: tokens })).toEqual(['BTC', 'ETH', 'DAI.ethereum', 'AKT']);
  });

  test('an unknown token in the settings is refused by name', () => {
    expect(() => ids({ ...ALL_CHAINS, ETHEREUM_TOKENS: '{"SHIB.ethereum":"0x"}' })).toThrow(/SHIB\.ethereum/);
  });
});

test.each([
  ['AKT', 187n],
  ['BTC', 116n],
  ['ETH', 158n],
  ['USDC.ethereum', 95n],
])('%s may move %s basis points in five minutes', (asset, bps) => {
  expect(jumpBoundBps(asset)).toBe(bps);
});
