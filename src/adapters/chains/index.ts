import type { Config } from '../../platform/config.ts';
import { configuredAssets } from '../assets.ts';
import type { Chain } from '../chain.ts';
import { AkashChain } from './akash.ts';
import { BitcoinChain } from './bitcoin.ts';
import { EvmChain } from './evm.ts';

/** Every chain there is a driver for; a chain whose node is not configured is off. */
const DRIVERS: readonly ((config: Config) => Chain | null)[] = [bitcoin, ethereum, akash];

/** The chains in use. */
export class Chains {
  private readonly byId: ReadonlyMap<string, Chain>;

  constructor(chains: readonly Chain[]) {
    this.byId = new Map(chains.map((chain) => [chain.id, chain]));
  }

  /** The chains a configuration switches on. */
  static from(config: Config): Chains {
    return new Chains(DRIVERS.flatMap((driver) => driver(config) ?? []));
  }

  /** @throws Error for a chain that is off: what is stored for it cannot be worked on. */
  get(id: string): Chain {
    const chain = this.byId.get(id);
    if (chain === undefined) throw new Error(`chain ${id} is not configured`);
    return chain;
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  all(): readonly Chain[] {
    return [...this.byId.values()];
  }

  /** Asks every node whether it is on the network its settings name. @throws Error naming the first that is not. */
  async verify(): Promise<void> {
    for (const chain of this.all()) await chain.verify();
  }
}

/** Blocks on top of a send's block after which its anchor counts as spent for good. */
const BITCOIN_FINAL_DEPTH = 6;

function bitcoin(config: Config): Chain | null {
  const { BITCOIN_RPC_URL, BITCOIN_NETWORK, BITCOIN_ACCOUNT_XPUB } = config.settings;
  const asset = configuredAssets(config).find(({ chain }) => chain === 'bitcoin');
  if (BITCOIN_RPC_URL === undefined || BITCOIN_ACCOUNT_XPUB === undefined || asset === undefined) return null;
  return new BitcoinChain({
    id: 'bitcoin',
    network: BITCOIN_NETWORK,
    rpcUrl: BITCOIN_RPC_URL,
    accountXpub: BITCOIN_ACCOUNT_XPUB,
    finalDepth: BITCOIN_FINAL_DEPTH,
    asset,
  });
}

function ethereum(config: Config): Chain | null {
  const { ETHEREUM_RPC_URL, ETHEREUM_CHAIN_ID, ETHEREUM_FACTORY, ETHEREUM_HOT_ADDRESS } = config.settings;
  if (ETHEREUM_RPC_URL === undefined || ETHEREUM_FACTORY === undefined || ETHEREUM_HOT_ADDRESS === undefined)
    return null;
  const assets = configuredAssets(config).filter(({ chain }) => chain === 'ethereum');
  const feeAsset = assets.find(({ reference }) => reference === null);
  if (feeAsset === undefined) throw new Error('Ethereum has no native asset');
  return new EvmChain({
    id: 'ethereum',
    chainId: ETHEREUM_CHAIN_ID,
    rpcUrl: ETHEREUM_RPC_URL,
    assets,
    feeAsset,
    factory: ETHEREUM_FACTORY,
    treasury: ETHEREUM_HOT_ADDRESS,
    batchPayer: null,
    finality: 'tag',
  });
}

function akash(config: Config): Chain | null {
  const { AKASH_RPC_URL, AKASH_CHAIN_ID, AKASH_ACCOUNT_XPUB } = config.settings;
  if (AKASH_RPC_URL === undefined || AKASH_ACCOUNT_XPUB === undefined) return null;
  const assets = configuredAssets(config).filter(({ chain }) => chain === 'akash');
  return new AkashChain({ rpcUrl: AKASH_RPC_URL, chainId: AKASH_CHAIN_ID, accountXpub: AKASH_ACCOUNT_XPUB, assets });
}
