import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { Bip39, EnglishMnemonic } from '@cosmjs/crypto';
import { BIP32Factory } from 'bip32';
import { DEFAULT_CHAIN_ID, DEV_MNEMONIC } from '../../devnet/akash/genesis.ts';
import { startAkash } from '../../devnet/akash/start.ts';
import type { Anchor, Chain, Output, Signed, TxOutcome, WatchList } from '../../src/adapters/chain.ts';
import type { Asset } from '../../src/money/asset.ts';

export const AKT: Asset = {
  id: 'AKT',
  ticker: 'AKT',
  chain: 'akash',
  decimals: 6,
  reference: 'uakt',
  caip19: 'cosmos:akashnet-2/slip44:118',
};

const BLOCK_TIME_MS = 200;
const POLL_MS = 100;
const DEADLINE_MS = 90_000;

/** Account keys m/44'/118'/0' of a mnemonic. */
export async function accountKeys(mnemonic: string): Promise<{ readonly xprv: string; readonly xpub: string }> {
  const seed = await Bip39.mnemonicToSeed(new EnglishMnemonic(mnemonic));
  const account = BIP32Factory(secp256k1).fromSeed(seed).derivePath("m/44'/118'/0'");
  return { xprv: account.toBase58(), xpub: account.neutered().toBase58() };
}

/** A folder for one test's data, removed with `remove`. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'lockstep-akash-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface AkashUnderTest {
  readonly rpcUrl: string;
  readonly chainId: string;
  /** Of a wallet that holds at least 2 AKT at 0/0. */
  readonly mnemonic: string;
  end(): Promise<void>;
}

/**
 * The chain the contract tests run on: our development chain, or a real node if `AKASH_RPC_URL`, `AKASH_CHAIN_ID` and
 * `AKASH_MNEMONIC` name one.
 */
export async function akashUnderTest(): Promise<AkashUnderTest> {
  const { AKASH_RPC_URL: rpcUrl, AKASH_CHAIN_ID: chainId, AKASH_MNEMONIC: mnemonic } = process.env;
  if (rpcUrl && chainId && mnemonic) return { rpcUrl, chainId, mnemonic, end: async () => undefined };
  const folder = temporaryFolder();
  const node = await startAkash({ dataDir: folder.path, blockTimeMs: BLOCK_TIME_MS });
  const end = async () => {
    await node.stop();
    folder.remove();
  };
  return { rpcUrl: node.rpcUrl, chainId: DEFAULT_CHAIN_ID, mnemonic: DEV_MNEMONIC, end };
}

/** Asks again until there is an answer. Throws after a generous deadline. */
export async function eventually<Value>(what: string, ask: () => Promise<Value | null>): Promise<Value> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await ask();
    if (value !== null) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not happen in ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export type Included = Extract<TxOutcome, { kind: 'included' }>;

export function included(chain: Chain, txId: string): Promise<Included> {
  return eventually(`inclusion of ${txId}`, async () => {
    const outcome = await chain.find(txId);
    return outcome.kind === 'included' ? outcome : null;
  });
}

export function watch(...addresses: string[]): WatchList {
  return {
    has: (key) => addresses.includes(key),
    address: (key) => addresses.find((address) => address === key),
  };
}

/** The anchor of a signer's next transaction. */
export async function nextAnchor(chain: Chain, signer: string): Promise<Extract<Anchor, { kind: 'sequence' }>> {
  const sequence = await chain.nextSlot(signer);
  if (sequence === null) throw new Error('a Cosmos chain has sequences');
  return { kind: 'sequence', signer, sequence };
}

export interface Payment {
  readonly from: string;
  readonly secret: string;
  readonly outputs: readonly Output[];
  readonly memo?: string;
  readonly path?: string;
  readonly timeoutHeight?: number;
  readonly sequence?: bigint;
}

/** Builds and signs a payment at the signer's next sequence, or at the given one. */
export async function signPayment(chain: Chain, { from, secret, outputs, path, sequence, ...rest }: Payment) {
  const next =
    sequence === undefined ? await nextAnchor(chain, from) : { kind: 'sequence' as const, signer: from, sequence };
  const anchor = path === undefined ? next : { ...next, path };
  const unsigned = await chain.build({ anchor, outputs, feeRate: await chain.feeRate(1), ...rest });
  const signed: Signed = await chain.sign(unsigned, secret);
  return { ...signed, anchor, unsigned };
}
