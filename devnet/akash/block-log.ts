import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Genesis } from './genesis.ts';

/** What is kept of a block: everything else follows from running it again. */
export interface BlockRecord {
  readonly time: string;
  /** Transactions in base64, in their order. */
  readonly txs: readonly string[];
  /** Hash the block had when it was made; replaying must give the same. */
  readonly hash: string;
}

/**
 * The chain on disk: `genesis.json`, and `blocks.jsonl`, one line a block, synced before anyone hears of it.
 * A line cut short by a kill is dropped when the folder is opened again.
 */
export class BlockLog {
  readonly genesis: Genesis;
  readonly records: readonly BlockRecord[];
  readonly #file: number;

  /** Opens the folder's chain, or starts one with `genesis`. Throws if the folder holds a chain of another id. */
  constructor(dataDir: string, genesis: Genesis) {
    const genesisPath = join(dataDir, 'genesis.json');
    if (!existsSync(genesisPath)) writeSynced(genesisPath, JSON.stringify(genesis));
    this.genesis = JSON.parse(readFileSync(genesisPath, 'utf8'));
    if (this.genesis.chainId !== genesis.chainId) {
      throw new Error(`${dataDir} holds chain ${this.genesis.chainId}, not ${genesis.chainId}`);
    }
    this.#file = openSync(join(dataDir, 'blocks.jsonl'), 'a+');
    const bytes = readFileSync(this.#file);
    const complete = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
    ftruncateSync(this.#file, complete.length);
    const lines = complete.toString('utf8').split('\n').slice(0, -1);
    this.records = lines.map((line) => JSON.parse(line));
  }

  /** Adds a block; it is safe once `sync` returned. */
  append(record: BlockRecord): void {
    writeSync(this.#file, `${JSON.stringify(record)}\n`);
  }

  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, 'w');
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
}
