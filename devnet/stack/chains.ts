import { join } from 'node:path';
import { type RunningAkash, startAkash } from '../akash/start.ts';
import { DEFAULT_CHAIN_ID } from '../akash/genesis.ts';
import { type BitcoinServer, startBitcoin } from '../bitcoin/start.ts';
import { type EvmChain, startEvm } from '../evm/start.ts';
import { type Exchanges, LOCAL_PAIRS, startExchanges } from '../exchanges/index.ts';
import { operatorKeys } from './keys.ts';

/** USD prices the local markets move around. */
export const MARKET: Readonly<Record<string, string>> = {
  BTC: '64000',
  ETH: '3000',
  AKT: '0.52',
  USDC: '1',
  USDT: '1',
  DAI: '1',
};

/** The local nodes and exchanges, and the settings the service reaches them by. */
export interface LocalChains {
  readonly bitcoin: BitcoinServer;
  readonly evm: EvmChain;
  readonly akash: RunningAkash;
  readonly exchanges: Exchanges;
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface LocalChainsOptions {
  readonly dataDir: string;
  /** Milliseconds between blocks; absent: blocks only on demand, on Ethereum one for each transaction. */
  readonly blockTimes?: { readonly bitcoin: number; readonly ethereum: number; readonly akash: number };
  /** The time the exchanges' answers carry; the system's when absent. */
  readonly now?: () => Date | Promise<Date>;
}

/** Starts all of them side by side. If one does not start, none stays. */
export async function startLocalChains({ dataDir, blockTimes, now }: LocalChainsOptions): Promise<LocalChains> {
  const keys = operatorKeys();
  const folder = (name: string) => join(dataDir, name);
  const started = await Promise.allSettled([
    startBitcoin({ dataDir: folder('bitcoin'), ...(blockTimes && { mineIntervalMs: blockTimes.bitcoin }) }),
    startEvm({
      dataDir: folder('ethereum'),
      treasury: keys.float.ethereum,
      ...(blockTimes && { blockTimeMs: blockTimes.ethereum }),
    }),
    startAkash({
      dataDir: folder('akash'),
      ...(blockTimes ? { blockTimeMs: blockTimes.akash } : { onDemand: true }),
    }),
    startExchanges({ prices: MARKET, ...(now && { now }) }),
  ]);
  const [bitcoin, evm, akash, exchanges] = started;
  const end = async () => {
    for (const part of [exchanges, akash, evm, bitcoin]) if (part.status === 'fulfilled') await part.value.stop();
  };
  if (
    bitcoin.status === 'rejected' ||
    evm.status === 'rejected' ||
    akash.status === 'rejected' ||
    exchanges.status === 'rejected'
  ) {
    await end();
    throw started.find((one) => one.status === 'rejected')?.reason;
  }
  const parts = { bitcoin: bitcoin.value, evm: evm.value, akash: akash.value, exchanges: exchanges.value };
  return { ...parts, settings: settingsOf(parts), stop: end };
}

function settingsOf({ bitcoin, evm, akash, exchanges }: Omit<LocalChains, 'settings' | 'stop'>) {
  const keys = operatorKeys();
  const { tokens, uniswap, depositFactory, chainId } = evm.deployment;
  const contracts = ['USDC', 'USDT', 'DAI'].map((symbol) => [`${symbol}.ethereum`, tokens[symbol]?.address]);
  const { factory, router, quoter, weth } = uniswap;
  return {
    BITCOIN_RPC_URL: bitcoin.rpcUrl,
    BITCOIN_NETWORK: 'regtest',
    BITCOIN_ACCOUNT_XPUB: keys.bitcoinXpub,
    ETHEREUM_RPC_URL: evm.rpcUrl,
    ETHEREUM_CHAIN_ID: String(chainId),
    ETHEREUM_FACTORY: depositFactory,
    ETHEREUM_HOT_ADDRESS: keys.float.ethereum,
    ETHEREUM_TOKENS: JSON.stringify(Object.fromEntries(contracts)),
    UNISWAP: JSON.stringify({ factory, router, quoter, weth }),
    AKASH_RPC_URL: akash.rpcUrl,
    AKASH_CHAIN_ID: DEFAULT_CHAIN_ID,
    AKASH_ACCOUNT_XPUB: keys.akashXpub,
    KRAKEN_URL: exchanges.urls.kraken,
    COINBASE_URL: exchanges.urls.coinbase,
    KUCOIN_URL: exchanges.urls.kucoin,
    BITSTAMP_URL: exchanges.urls.bitstamp,
    PRICE_PAIRS: JSON.stringify(LOCAL_PAIRS),
  };
}
