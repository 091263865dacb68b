import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Block } from 'bitcoinjs-lib';
import type { WatchList } from '../../src/adapters/chain.ts';
import { walkBlock } from '../../src/adapters/chains/bitcoin/block.ts';
import { matchBlock } from '../../src/adapters/chains/bitcoin/match.ts';
import { WatchedKeys } from '../../src/adapters/watch-list.ts';
import { coinbaseTransaction, segwitScript, serialiseBlock, syntheticTransaction } from '../support/bitcoin-blocks.ts';

export interface MatchBlockFigures {
  readonly blockBytes: number;
  readonly outputs: number;
  readonly watched: number;
  readonly matched: number;
  /** Milliseconds of the median round: parsing to objects, our reading without matching, our reading with matching. */
  readonly parseMs: number;
  readonly readMs: number;
  readonly matchMs: number;
  /** `matchMs` over `parseMs`; at most 1.3 is asked. */
  readonly ratio: number;
}

const BLOCK_BYTES = 4_000_000;
/** One output in so many pays us. */
const MATCH_EVERY = 1000;

/**
 * Matching a full 4 MB block of small payments against a watch list, against parsing the same block with bitcoinjs-lib.
 * Rounds are interleaved; figures are medians.
 */
export function benchMatchBlock({ watched = 1_000_000, rounds = 5 } = {}): MatchBlockFigures {
  const { list, hashes } = watchList(watched);
  const { raw, outputs } = fullBlock(hashes);
  const parse: number[] = [];
  const read: number[] = [];
  const match: number[] = [];
  let matched = 0;
  const once = () => {
    parse.push(timed(() => Block.fromBuffer(raw)));
    read.push(timed(() => walkBlock(raw, {})));
    match.push(
      timed(() => {
        matched = matchBlock(raw, list).length;
      }),
    );
  };
  once();
  for (const figures of [parse, read, match]) figures.length = 0;
  for (let round = 0; round < rounds; round++) once();
  const [parseMs, readMs, matchMs] = [median(parse), median(read), median(match)];
  return {
    ...{ blockBytes: raw.length, outputs, watched, matched },
    ...{ parseMs, readMs, matchMs, ratio: matchMs / parseMs },
  };
}

function watchList(size: number): { list: WatchList; hashes: Buffer } {
  const hashes = randomBytes(20 * size);
  const list = new WatchedKeys();
  for (let place = 0; place < size; place++) {
    list.add(`0014${hashes.toString('hex', 20 * place, 20 * place + 20)}`, `address ${place}`);
  }
  return { list, hashes };
}

function fullBlock(hashes: Buffer): { raw: Buffer; outputs: number } {
  const txs = [coinbaseTransaction([segwitScript(randomBytes(20))])];
  let bytes = 80 + 3 + (txs[0]?.byteLength() ?? 0);
  let outputs = 1;
  for (;;) {
    const ours = Math.floor(outputs / 2) % (MATCH_EVERY / 2) === 0;
    const paid = ours ? hashes.subarray(0, 20) : randomBytes(20);
    const tx = syntheticTransaction([segwitScript(paid), segwitScript(randomBytes(20))]);
    bytes += tx.byteLength();
    if (bytes > BLOCK_BYTES) return { raw: serialiseBlock(txs), outputs };
    txs.push(tx);
    outputs += 2;
  }
}

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0;
}
