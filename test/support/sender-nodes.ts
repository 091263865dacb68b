import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { BIP32Factory } from 'bip32';
import { networks } from 'bitcoinjs-lib';
import { DEFAULT_CHAIN_ID } from '../../devnet/akash/genesis.ts';
import { type RunningAkash, startAkash } from '../../devnet/akash/start.ts';
import { type BitcoinServer, startBitcoin } from '../../devnet/bitcoin/start.ts';
import { type EvmChain as EvmNodeHandle, startEvm } from '../../devnet/evm/start.ts';
import type { Chain } from '../../src/adapters/chain.ts';
import { accountKeys } from './akash.ts';

const AKASH_MNEMONIC =
  'surround miss nominee dream gap cross assault thank captain prosper drop duty group candy wealth weather scale put';

/** Local nodes with hot wallets, and the settings and keys to send from them. */
export interface SenderNodes {
  readonly settings: Readonly<Record<string, string>>;
  readonly keys: Readonly<Record<string, string>>;
  readonly bitcoin: BitcoinServer | null;
  readonly evm: EvmNodeHandle | null;
  readonly akash: RunningAkash | null;
  /** Kills the Akash node and starts it on the same folder and port: what waited in its mempool is gone. */
  restartAkash(): Promise<void>;
  stop(): Promise<void>;
}

type NodeName = 'bitcoin' | 'evm' | 'akash';

/** Starts the nodes named; Akash makes blocks on demand, Ethereum one for each transaction unless told otherwise. */
export async function startNodes(...names: readonly NodeName[]): Promise<SenderNodes> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-sends-'));
  const dataDir = (name: NodeName) => join(folder, name);
  const [bitcoin, evm, firstAkash] = await Promise.all([
    names.includes('bitcoin') ? startBitcoin({ dataDir: dataDir('bitcoin') }) : null,
    names.includes('evm') ? startEvm({ dataDir: dataDir('evm') }) : null,
    names.includes('akash') ? startAkash({ dataDir: dataDir('akash'), onDemand: true }) : null,
  ]);
  let akash = firstAkash;
  const account = BIP32Factory(secp256k1).fromSeed(Buffer.alloc(32, 9), networks.regtest).derivePath("m/84'/1'/0'");
  const akashKeys = await accountKeys(AKASH_MNEMONIC);
  return {
    settings: {
      ...(bitcoin && {
        BITCOIN_RPC_URL: bitcoin.rpcUrl,
        BITCOIN_NETWORK: 'regtest',
        BITCOIN_ACCOUNT_XPUB: account.neutered().toBase58(),
      }),
      ...(evm && ethereumSettings(evm)),
      ...(akash && {
        AKASH_RPC_URL: akash.rpcUrl,
        AKASH_CHAIN_ID: DEFAULT_CHAIN_ID,
        AKASH_ACCOUNT_XPUB: akashKeys.xpub,
      }),
    },
    keys: {
      'bitcoin-hot': account.toBase58(),
      'akash-hot': akashKeys.xprv,
      ...(evm && { 'ethereum-hot': evm.deployment.accounts.hot.secret }),
    },
    bitcoin,
    evm,
    get akash() {
      return akash;
    },
    async restartAkash() {
      if (akash === null) throw new Error('no Akash node');
      await akash.kill();
      const port = Number(new URL(akash.rpcUrl).port);
      akash = await startAkash({ dataDir: dataDir('akash'), port, onDemand: true });
    },
    async stop() {
      await Promise.all([bitcoin?.stop(), evm?.stop(), akash?.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function ethereumSettings({ rpcUrl, deployment }: EvmNodeHandle): Record<string, string> {
  const { tokens, uniswap, accounts, depositFactory, chainId } = deployment;
  const contracts = ['USDC', 'USDT', 'DAI'].map((symbol) => [`${symbol}.ethereum`, tokens[symbol]?.address]);
  const { factory, router, quoter, weth } = uniswap;
  return {
    ETHEREUM_RPC_URL: rpcUrl,
    ETHEREUM_CHAIN_ID: String(chainId),
    ETHEREUM_FACTORY: depositFactory,
    ETHEREUM_HOT_ADDRESS: accounts.hot.address,
    ETHEREUM_TOKENS: JSON.stringify(Object.fromEntries(contracts)),
    UNISWAP: JSON.stringify({ factory, router, quoter, weth }),
  };
}

/** Payments on a chain since a height, counted by payee: `how often × how much in all`. */
export async function paidOnChain(
  chain: Chain,
  payees: readonly string[],
  since: number,
): Promise<Record<string, string>> {
  const keys = new Map(payees.map((payee) => [chain.watchKey(payee), payee]));
  const watched = { has: (key: string) => keys.has(key), address: (key: string) => keys.get(key) };
  const sums = new Map<string, [number, bigint]>();
  const { height: tip } = await chain.tip();
  for (let height = since + 1; height <= tip; height += 1) {
    for (const { address, units } of (await chain.block(height, watched))?.transfers ?? []) {
      const [count, sum] = sums.get(address) ?? [0, 0n];
      sums.set(address, [count + 1, sum + units]);
    }
  }
  return Object.fromEntries([...sums].map(([address, [count, sum]]) => [address, `${count} × ${sum}`]));
}
