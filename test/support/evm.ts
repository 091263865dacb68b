import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concat, getAddress, hexlify, randomBytes } from 'ethers';
import { type Artifact, ownArtifact } from '../../devnet/evm/artifacts.ts';
import { type EvmChain as EvmDevChain, startEvm } from '../../devnet/evm/start.ts';
import { type EvmWallet, evmWallet } from '../../devnet/evm/wallet.ts';
import type { IncomingTransfer, Output, SendRequest, Signed, WatchList } from '../../src/adapters/chain.ts';
import { EvmChain, type EvmSettings } from '../../src/adapters/chains/evm.ts';
import type { Asset } from '../../src/money/asset.ts';

export const ETH: Asset = {
  id: 'ETH',
  ticker: 'ETH',
  chain: 'ethereum',
  decimals: 18,
  reference: null,
  caip19: 'eip155:31337/slip44:60',
};

/** A fresh local chain with everything deployed, mining a block for each transaction, and a driver on it. */
export interface EvmRig {
  readonly dev: EvmDevChain;
  readonly dataDir: string;
  readonly wallet: EvmWallet;
  readonly chain: EvmChain;
  readonly assets: readonly Asset[];
  readonly settings: EvmSettings;
  readonly hot: { readonly address: string; readonly secret: string };
  token(symbol: string): string;
  asset(symbol: string): Asset;
  /** Deploys one of our test contracts. */
  deploy(name: string, ...args: readonly unknown[]): Promise<{ address: string; contract: Artifact['contract'] }>;
  /** Calls a contract from the development account and waits for the block. */
  transact(to: string, artifact: Artifact['contract'], method: string, args: readonly unknown[]): Promise<string>;
  /** Builds and signs from the hot wallet at its next nonce, or the one given. */
  sign(what: Partial<SendRequest>, nonce?: bigint): Promise<Signed>;
  /** Signs, broadcasts and waits until it is in a block. @throws when it is refused or fails there. */
  send(what: Partial<SendRequest>): Promise<Signed>;
  height(): Promise<number>;
  close(): Promise<void>;
}

export async function evmRig(): Promise<EvmRig> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockstep-evm-'));
  const dev = await startEvm({ dataDir });
  const { deployment, node } = dev;
  const token = (symbol: string) => {
    const found = deployment.tokens[symbol];
    if (found === undefined) throw new Error(`no token ${symbol}`);
    return found.address;
  };
  const assets = [ETH, ...['USDC', 'USDT', 'DAI'].map((symbol) => tokenAsset(symbol, deployment.tokens[symbol]))];
  const settings: EvmSettings = {
    id: 'ethereum',
    chainId: 31337,
    rpcUrl: dev.rpcUrl,
    assets,
    feeAsset: ETH,
    factory: deployment.depositFactory,
    treasury: deployment.accounts.hot.address,
    batchPayer: deployment.batchPayer,
    finality: 'tag',
  };
  const chain = new EvmChain(settings);
  await chain.verify();
  const { hot, payer } = deployment.accounts;
  const height = async () => (await chain.tip()).height;
  const sign: EvmRig['sign'] = async (what, nonce) => {
    const anchor = { kind: 'nonce', signer: hot.address, nonce: nonce ?? (await chain.nextSlot(hot.address)) } as const;
    const feeRate = what.feeRate ?? (await chain.feeRate(3));
    return chain.sign(await chain.build({ anchor, outputs: [], ...what, feeRate }), hot.secret);
  };
  return {
    dev,
    dataDir,
    wallet: evmWallet(node, deployment),
    chain,
    assets,
    settings,
    hot,
    token,
    height,
    asset(symbol) {
      const found = assets.find(({ ticker }) => ticker === symbol);
      if (found === undefined) throw new Error(`no asset ${symbol}`);
      return found;
    },
    async deploy(name, ...args) {
      const { contract, bytecode } = ownArtifact(name);
      const txId = await node.send({ from: payer.address, data: concat([bytecode, contract.encodeDeploy(args)]) });
      return { address: getAddress((await node.mined(txId)).contractAddress ?? ''), contract };
    },
    async transact(to, contract, method, args) {
      const txId = await node.send({ from: payer.address, to, data: contract.encodeFunctionData(method, args) });
      await node.mined(txId);
      return txId;
    },
    sign,
    async send(what) {
      const signed = await sign(what);
      const outcome = await chain.broadcast(signed.raw);
      if (outcome.kind === 'refused') throw new Error(outcome.reason);
      await node.mined(signed.txId);
      return signed;
    },
    async close() {
      await dev.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function tokenAsset(symbol: string, token: { address: string; decimals: number } | undefined): Asset {
  if (token === undefined) throw new Error(`no token ${symbol}`);
  const { address, decimals } = token;
  const caip19 = `eip155:31337/erc20:${address}`;
  return { id: `${symbol}.ethereum`, ticker: symbol, chain: 'ethereum', decimals, reference: address, caip19 };
}

/** A watch list of addresses given as canonical text. */
export function watching(chain: EvmChain, addresses: readonly string[]): WatchList {
  const keys = new Map(addresses.map((address) => [chain.watchKey(address), address]));
  return { has: (key) => keys.has(key), address: (key) => keys.get(key) };
}

/** Everything the driver finds at the addresses from one height to another. */
export async function transfersAt(
  rig: EvmRig,
  addresses: readonly string[],
  from: number,
  to: number,
): Promise<IncomingTransfer[]> {
  const found: IncomingTransfer[] = [];
  for (let height = from; height <= to; height += 1) {
    const block = await rig.chain.block(height, watching(rig.chain, addresses));
    if (block === null) throw new Error(`no block ${height}`);
    found.push(...block.transfers);
  }
  return found;
}

export const newSalt = (): string => hexlify(randomBytes(32));

export const output = (address: string, asset: Asset, units: bigint): Output => ({ address, asset: asset.id, units });
