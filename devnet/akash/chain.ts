import type { BlockLog } from './block-log.ts';
import { execute, type TxResult } from './execute.ts';
import { applyGenesis } from './genesis.ts';
import { sha256 } from './hash.ts';
import { Mempool } from './mempool.ts';
import { Branch, History, type State } from './state.ts';

export interface IncludedTx {
  /** SHA-256 of the bytes, upper-case hex. */
  readonly hash: string;
  readonly bytes: Uint8Array;
  readonly height: number;
  readonly index: number;
  readonly result: TxResult;
}

export interface DevBlock {
  readonly height: number;
  readonly time: Date;
  readonly hash: string;
  readonly parentHash: string;
  readonly appHash: string;
  readonly txs: readonly IncludedTx[];
}

/** The chain itself: blocks, the state they lead to, and what waits for the next one. One validator, no forks. */
export class DevChain {
  readonly chainId: string;
  readonly history = new History();
  readonly blocks: DevBlock[] = [];
  readonly mempool: Mempool;
  /** A later inclusion of the same bytes takes the place of the earlier one, as CometBFT's index does. */
  readonly txByHash = new Map<string, IncludedTx>();
  /** While true no block is made, as when validators halt for an upgrade. */
  halted = false;
  /** Transactions the next block takes unchecked: what a faulty proposer may do. */
  readonly forced: Uint8Array[] = [];
  readonly #log: BlockLog;
  readonly #genesisTime: Date;
  #appHash = '';
  #clockOffsetMs = 0;
  #waiting: ((block: DevBlock) => void)[] = [];

  constructor(log: BlockLog) {
    this.#log = log;
    this.chainId = log.genesis.chainId;
    this.#genesisTime = new Date(log.genesis.time);
    const genesis = new Branch(this.history.at(0));
    applyGenesis(genesis, log.genesis);
    this.#record(0, genesis);
    this.mempool = new Mempool(this.chainId, this.state());
    for (const record of log.records) this.#replay(record);
    this.#clockOffsetMs = Math.max(0, this.tipTime().getTime() - Date.now());
    if (this.blocks.length === 0) this.produce();
  }

  height(): number {
    return this.blocks.length;
  }

  tip(): DevBlock {
    const tip = this.blocks.at(-1);
    if (!tip) throw new Error('the chain has no block yet');
    return tip;
  }

  block(height: number): DevBlock | undefined {
    return this.blocks[height - 1];
  }

  state(height: number = this.height()): State {
    return this.history.at(height);
  }

  /** Runs an unsigned transaction on what the mempool leads to. */
  simulate(bytes: Uint8Array): TxResult {
    return execute(this.mempool.state(), bytes, { mode: 'simulate', chainId: this.chainId, height: this.height() });
  }

  /** Moves the clock for the blocks to come. Throws for a time before the last block's. */
  setTime(time: Date): void {
    if (!(time.getTime() >= this.tipTime().getTime())) throw new Error('block time cannot go back');
    this.#clockOffsetMs = time.getTime() - Date.now();
  }

  /**
   * Makes blocks of what waits, each `spacingMs` after the one before it, or at the clock's time. Nobody hears of them
   * before they are on disk. False while halted.
   */
  produce(count = 1, spacingMs?: number): boolean {
    if (this.halted) return false;
    for (let made = 0; made < count; made++) this.#produceOne(spacingMs);
    this.#log.sync();
    return true;
  }

  /** Resolves with the next block made. */
  nextBlock(): Promise<DevBlock> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  tipTime(): Date {
    return this.blocks.at(-1)?.time ?? this.#genesisTime;
  }

  #produceOne(spacingMs: number | undefined): void {
    const last = this.blocks.length === 0 ? this.#genesisTime.getTime() - 1 : this.tipTime().getTime();
    const now = Date.now();
    if (spacingMs !== undefined) this.#clockOffsetMs = last + spacingMs - now;
    const time = new Date(Math.max(last + 1, now + this.#clockOffsetMs));
    const txs = [...this.forced.splice(0), ...this.mempool.proposal()];
    const { block, writes } = this.#run(time, txs);
    const encoded = txs.map((tx) => Buffer.from(tx).toString('base64'));
    this.#log.append({ time: time.toISOString(), txs: encoded, hash: block.hash });
    this.#accept(block, writes);
  }

  #replay({ time, txs, hash }: BlockLog['records'][number]): void {
    const { block, writes } = this.#run(
      new Date(time),
      txs.map((tx) => Buffer.from(tx, 'base64')),
    );
    if (block.hash !== hash) throw new Error(`the block log is damaged at height ${block.height}`);
    this.#accept(block, writes);
  }

  #run(time: Date, txs: readonly Uint8Array[]): { readonly block: DevBlock; readonly writes: Branch } {
    const height = this.height() + 1;
    const writes = new Branch(this.state());
    const included = txs.map((bytes, index): IncludedTx => {
      const result = execute(writes, bytes, { mode: 'deliver', chainId: this.chainId, height });
      return { hash: sha256(bytes), bytes, height, index, result };
    });
    const parentHash = this.blocks.at(-1)?.hash ?? '';
    // As in CometBFT, a block's header carries the state hash that the block before it led to.
    const header = [this.chainId, height, time.toISOString(), parentHash, this.#appHash, included.map((tx) => tx.hash)];
    const hash = sha256(JSON.stringify(header));
    return { block: { height, time, hash, parentHash, appHash: this.#appHash, txs: included }, writes };
  }

  #accept(block: DevBlock, writes: Branch): void {
    this.blocks.push(block);
    this.#record(block.height, writes);
    for (const tx of block.txs) this.txByHash.set(tx.hash, tx);
    this.mempool.update(this.state(), block.height, block.txs);
    for (const resolve of this.#waiting.splice(0)) resolve(block);
  }

  #record(height: number, writes: Branch): void {
    this.history.record(height, writes.writes());
    this.#appHash = sha256(this.#appHash + JSON.stringify(writes.writes()));
  }
}
