import { displayHash, outpointOf, readHeader, txIdOf, walkBlock } from './block.ts';
import type { BitcoinNode, NodeBlock } from './node.ts';

const HASH_SIZE = 32;
const OUTPOINT_SIZE = 36;

/** What a block contains and spends, packed: every id in block order, every outpoint with the place of its spender. */
export class BlockIndex {
  readonly height: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly time: Date;
  private readonly txIds: Buffer;
  private readonly outpoints: Buffer;
  private readonly spenders: readonly number[];

  constructor(raw: Buffer, height: number) {
    const { hash, parentHash, time } = readHeader(raw);
    const txIds: Buffer[] = [];
    const outpoints: Buffer[] = [];
    const spenders: number[] = [];
    walkBlock(raw, {
      input(at) {
        outpoints.push(raw.subarray(at, at + OUTPOINT_SIZE));
        spenders.push(txIds.length);
      },
      transaction(tx) {
        txIds.push(txIdOf(raw, tx));
      },
    });
    this.height = height;
    this.hash = hash;
    this.parentHash = parentHash;
    this.time = time;
    this.txIds = Buffer.concat(txIds);
    this.outpoints = Buffer.concat(outpoints);
    this.spenders = spenders;
  }

  has(txId: string): boolean {
    return place(this.txIds, Buffer.from(txId, 'hex').reverse(), HASH_SIZE) !== -1;
  }

  /** Id of the transaction that spends a coin here, or null. */
  spender(txId: string, vout: number): string | null {
    const spender = this.spenders[place(this.outpoints, outpointOf(txId, vout), OUTPOINT_SIZE)];
    if (spender === undefined) return null;
    return displayHash(this.txIds.subarray(spender * HASH_SIZE, (spender + 1) * HASH_SIZE));
  }
}

/** Position of an item among items of its size, or -1. */
function place(items: Buffer, item: Buffer, size: number): number {
  let at = items.indexOf(item);
  while (at !== -1 && at % size !== 0) at = items.indexOf(item, at + 1);
  return at === -1 ? -1 : at / size;
}

/** The last blocks of the best chain, read when asked for and kept by hash, so a reorganisation cannot mislead. */
export class RecentBlocks {
  private readonly node: BitcoinNode;
  private readonly depthMax: number;
  private readonly kept = new Map<string, BlockIndex>();

  constructor(node: BitcoinNode, depthMax: number) {
    this.node = node;
    this.depthMax = depthMax;
  }

  /** From a tip down to a height, but no more than the configured number of blocks. */
  async *down(tip: NodeBlock, toHeight: number): AsyncGenerator<BlockIndex> {
    const lowest = tip.height - this.depthMax + 1;
    for (const { hash, height } of this.kept.values()) if (height < lowest) this.kept.delete(hash);
    let { hash } = tip;
    for (let height = tip.height; height >= Math.max(0, toHeight, lowest); height--) {
      const block = this.kept.get(hash) ?? new BlockIndex(await this.node.rawBlock(hash), height);
      this.kept.set(hash, block);
      yield block;
      hash = block.parentHash;
    }
  }
}
