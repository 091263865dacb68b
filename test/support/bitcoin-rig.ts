import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { BIP32Factory } from 'bip32';
import { networks } from 'bitcoinjs-lib';
import { afterAll, beforeAll } from 'vitest';
import { type BitcoinServer, startBitcoin } from '../../devnet/bitcoin/start.ts';
import type { Coin, IncomingTransfer, WatchList } from '../../src/adapters/chain.ts';
import { BitcoinChain, type BitcoinOptions } from '../../src/adapters/chains/bitcoin.ts';

const BTC = { id: 'BTC', ticker: 'BTC', chain: 'bitcoin', decimals: 8, reference: null, caip19: 'test' };
export const FINAL_DEPTH = 6;
/** An address of nobody here. */
export const FOREIGN = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';
export const START_MS = 120_000;

export const secret = BIP32Factory(secp256k1).fromSeed(Buffer.alloc(32, 7), networks.regtest).derivePath("m/84'/1'/0'");

export let dataDir: string;
export let server: BitcoinServer;
export let chain: BitcoinChain;

export function chainOn(rpcUrl: string, options: Partial<BitcoinOptions> = {}): BitcoinChain {
  const accountXpub = secret.neutered().toBase58();
  return new BitcoinChain({
    ...{ id: 'bitcoin', network: 'regtest', rpcUrl, accountXpub, finalDepth: FINAL_DEPTH, asset: BTC },
    ...options,
  });
}

export function watching(...addresses: string[]): WatchList {
  const keys = new Map(addresses.map((address) => [chain.watchKey(address), address]));
  return { has: (key) => keys.has(key), address: (key) => keys.get(key) };
}

let nextIndex = 0;
/** A deposit address no other test uses. */
export function deposit(): { readonly address: string; readonly path: string } {
  return chain.depositAddress(nextIndex++, '');
}

export const seen = (transfers: readonly IncomingTransfer[] | undefined) =>
  transfers?.map(({ txId, place, units }) => ({ txId, place, units }));

/** The transfers to an address in the newest blocks, by height. */
export async function inBlocks(address: string, blocks: number): Promise<(IncomingTransfer & { height: number })[]> {
  const { height: tip } = await chain.tip();
  const found: (IncomingTransfer & { height: number })[] = [];
  for (let height = tip - blocks + 1; height <= tip; height++) {
    const block = await chain.block(height, watching(address));
    for (const transfer of block?.transfers ?? []) found.push({ ...transfer, height });
  }
  return found;
}

/** A confirmed coin of our own. */
export async function coin(sats: bigint): Promise<Coin> {
  const { address, path } = deposit();
  const txId = await server.devnet.pay(address, sats);
  await server.devnet.mine(1);
  const [transfer] = await inBlocks(address, 1);
  return { txId, vout: Number(transfer?.place.slice('vout:'.length)), units: sats, address, path };
}

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockstep-bitcoin-'));
  server = await startBitcoin({ dataDir: join(dataDir, 'main') });
  chain = chainOn(server.rpcUrl);
}, START_MS);

afterAll(async () => {
  await server.kill();
  rmSync(dataDir, { recursive: true, force: true });
});
