import { createRequire } from 'node:module';

/** The parts of bcoin 1.0.2 that the development node uses. Hashes are hex in internal byte order; `txid()` is reversed. */
export interface Bytes {
  toRaw(): Buffer;
}

export interface BcoinTx extends Bytes {
  readonly version: number;
  readonly locktime: number;
  readonly inputs: readonly {
    readonly prevout: { readonly hash: string; readonly index: number };
    readonly script: Bytes;
    readonly witness: { readonly items: readonly Buffer[] };
    readonly sequence: number;
  }[];
  readonly outputs: readonly BcoinOutput[];
  hash(encoding: 'hex'): string;
  txid(): string;
  isCoinbase(): boolean;
  getSize(): number;
  getVirtualSize(): number;
  getWeight(): number;
  checkSanity(): [valid: boolean, reason: string, score: number];
}

export interface BcoinOutput {
  readonly value: number;
  readonly script: Bytes;
}

/** An unspent output; height is -1 while its transaction is unconfirmed. */
export interface BcoinCoin extends BcoinOutput {
  readonly hash: string;
  readonly index: number;
  readonly height: number;
  readonly coinbase: boolean;
}

export interface BcoinEntry {
  readonly hash: string;
  readonly prevBlock: string;
  readonly merkleRoot: string;
  readonly version: number;
  readonly height: number;
  readonly time: number;
  readonly bits: number;
  readonly nonce: number;
  readonly chainwork: { toString(base: 'hex', padding: number): string };
  rhash(): string;
}

export interface BcoinBlock extends Bytes {
  readonly txs: readonly BcoinTx[];
  getSize(): number;
  getWeight(): number;
}

/** Coins a transaction spends, keyed by outpoint. */
export interface BcoinView {
  getOutput(prevout: { readonly hash: string; readonly index: number }): BcoinOutput | null;
}

export interface BcoinMempoolEntry {
  readonly tx: BcoinTx;
  readonly fee: number;
  readonly height: number;
  readonly time: number;
}

interface BcoinProof {
  verify(target: Buffer): boolean;
}

export interface BcoinTemplate {
  readonly time: number;
  readonly target: Buffer;
  items: unknown[];
  fees: number;
  addTX(tx: BcoinTx, view: BcoinView): boolean;
  refresh(): void;
  getProof(nonce1: number, nonce2: number, time: number, nonce: number): BcoinProof;
  commit(proof: BcoinProof): BcoinBlock;
}

export interface BcoinNode {
  readonly network: { readonly time: { offset: number }; now(): number };
  readonly chain: {
    readonly tip: BcoinEntry;
    readonly height: number;
    open(): Promise<void>;
    close(): Promise<void>;
    add(block: BcoinBlock): Promise<BcoinEntry | null>;
    getEntry(hashOrHeight: string | number): Promise<BcoinEntry | null>;
    isMainChain(entry: BcoinEntry): Promise<boolean>;
    getBlock(hash: string): Promise<BcoinBlock | null>;
    getBlockView(block: BcoinBlock): Promise<BcoinView>;
    getCoin(hash: string, index: number): Promise<BcoinCoin | null>;
    getMeta(hash: string): Promise<{ readonly tx: BcoinTx; readonly block: string } | null>;
    getMedianTime(entry: BcoinEntry): Promise<number>;
  };
  readonly mempool: {
    readonly map: ReadonlyMap<string, BcoinMempoolEntry>;
    readonly cache: { sync(tipHash: string): void; flush(): Promise<void> };
    open(): Promise<void>;
    close(): Promise<void>;
    getEntry(hash: string): BcoinMempoolEntry | undefined;
    getCoin(hash: string, index: number): BcoinCoin | null;
    isSpent(hash: string, index: number): boolean;
    getSpentTX(hash: string, index: number): BcoinTx | null;
    getCoinView(tx: BcoinTx): Promise<BcoinView>;
    verify(entry: BcoinMempoolEntry, view: BcoinView): Promise<void>;
    addTX(tx: BcoinTx): Promise<readonly string[] | null>;
    evictEntry(entry: BcoinMempoolEntry): void;
  };
  readonly miner: {
    open(): Promise<void>;
    close(): Promise<void>;
    createBlock(tip: BcoinEntry, address: BcoinAddress): Promise<BcoinTemplate>;
  };
  ensure(): Promise<void>;
  getCoinsByAddress(address: BcoinAddress): Promise<BcoinCoin[]>;
  on(event: 'error', listener: (error: Error) => void): void;
}

export type BcoinAddress = { readonly hash: Buffer };

export interface Bcoin {
  readonly FullNode: new (options: Readonly<Record<string, unknown>>) => BcoinNode;
  readonly TX: { fromRaw(raw: Buffer): BcoinTx };
  readonly MempoolEntry: { fromTX(tx: BcoinTx, view: BcoinView, height: number): BcoinMempoolEntry };
  readonly Address: { fromScript(script: unknown): BcoinAddress | null };
  readonly Script: { fromRaw(raw: Buffer): unknown };
  readonly CoinView: new () => BcoinView;
}

/** Loads bcoin with its JavaScript backend: its native one is never built, as no install script runs. */
export function loadBcoin(): Bcoin {
  process.env['NODE_BACKEND'] = 'js';
  const require = createRequire(import.meta.url);
  dropNullRanges(createRequire(require.resolve('bcoin'))('leveldown'));
  const bcoin: Bcoin = require('bcoin');
  return bcoin;
}

interface LevelDown {
  readonly prototype: { iterator(options: Readonly<Record<string, unknown>>): unknown };
}

/** bcoin's database layer passes unused bounds as null, which leveldown 6 takes for a key: no range finds anything. */
function dropNullRanges({ prototype }: LevelDown): void {
  const iterate = prototype.iterator;
  prototype.iterator = function (options) {
    const given = Object.entries(options).filter(([, value]) => value !== null);
    return iterate.call(this, Object.fromEntries(given));
  };
}

/** A hash in the other byte order: internal hex to the form people read, or back. */
export const reverseHex = (hash: string): string => Buffer.from(hash, 'hex').reverse().toString('hex');
