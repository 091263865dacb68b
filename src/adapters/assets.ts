import type { Asset } from '../money/asset.ts';
import type { Config } from '../platform/config.ts';

/** CAIP-2 references of Bitcoin networks: the first 16 bytes of the genesis hash. https://namespaces.chainagnostic.org/bip122/caip2 */
const BITCOIN_NETWORKS = {
  mainnet: '000000000019d6689c085ae165831e93',
  testnet: '000000000933ea01ad0ee984209779ba',
  regtest: '0f9188f13cb7b2c71f2a335e3a4fc328',
} as const;

/** ERC-20 tokens taken, with their contracts on Ethereum mainnet, from the issuers' own lists. */
const TOKENS = [
  // https://developers.circle.com/stablecoins/usdc-contract-addresses
  { ticker: 'USDC', decimals: 6, mainnet: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48' },
  // https://tether.to/en/supported-protocols
  { ticker: 'USDT', decimals: 6, mainnet: '0xdAC17F958D2ee523a2206206994597C13D831ec7' },
  // https://chainlog.sky.money (MCD_DAI)
  { ticker: 'DAI', decimals: 18, mainnet: '0x6B175474E89094C44Da98b954EedeAC495271d0F' },
] as const;

const ETHEREUM_MAINNET = 1;

/**
 * The assets of the chains that are switched on, by the configured networks. On another Ethereum network than mainnet
 * only tokens that `ETHEREUM_TOKENS` names exist. @throws Error for a token in `ETHEREUM_TOKENS` that is not known.
 */
export function configuredAssets({ settings }: Config): readonly Asset[] {
  return [
    ...(settings.BITCOIN_RPC_URL === undefined ? [] : [bitcoin(settings.BITCOIN_NETWORK)]),
    ...(settings.ETHEREUM_RPC_URL === undefined ? [] : ethereum(settings.ETHEREUM_CHAIN_ID, settings.ETHEREUM_TOKENS)),
    ...(settings.AKASH_RPC_URL === undefined ? [] : [akash(settings.AKASH_CHAIN_ID)]),
  ];
}

const bitcoin = (network: keyof typeof BITCOIN_NETWORKS): Asset => ({
  id: 'BTC',
  ticker: 'BTC',
  chain: 'bitcoin',
  decimals: 8,
  reference: null,
  caip19: `bip122:${BITCOIN_NETWORKS[network]}/slip44:0`,
});

function ethereum(chainId: number, contracts: Readonly<Record<string, string>> = {}): Asset[] {
  const idOf = (ticker: string) => `${ticker}.ethereum`;
  const unknown = Object.keys(contracts).find((id) => !TOKENS.some(({ ticker }) => idOf(ticker) === id));
  if (unknown !== undefined) throw new Error(`settings: ETHEREUM_TOKENS names ${unknown}, which is not known`);
  const ether: Asset = {
    id: 'ETH',
    ticker: 'ETH',
    chain: 'ethereum',
    decimals: 18,
    reference: null,
    caip19: `eip155:${chainId}/slip44:60`,
  };
  const tokens = TOKENS.flatMap(({ ticker, decimals, mainnet }): Asset[] => {
    const reference = contracts[idOf(ticker)] ?? (chainId === ETHEREUM_MAINNET ? mainnet : undefined);
    if (reference === undefined) return [];
    const caip19 = `eip155:${chainId}/erc20:${reference}`;
    return [{ id: idOf(ticker), ticker, chain: 'ethereum', decimals, reference, caip19 }];
  });
  return [ether, ...tokens];
}

/** Akash uses the Cosmos coin type (SLIP-44 118). https://namespaces.chainagnostic.org/cosmos/caip19 */
const akash = (chainId: string): Asset => ({
  id: 'AKT',
  ticker: 'AKT',
  chain: 'akash',
  decimals: 6,
  reference: 'uakt',
  caip19: `cosmos:${chainId}/slip44:118`,
});
