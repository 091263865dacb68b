import type { AnchorOutcome, BlockRef, Coin } from '../../chain.ts';
import type { BitcoinNode, NodeBlock, TxOut } from './node.ts';
import type { BlockIndex, RecentBlocks } from './recent-blocks.ts';

type Outpoint = Pick<Coin, 'txId' | 'vout'>;

interface Home extends Pick<BlockRef, 'height' | 'hash' | 'time'> {
  readonly confirmations: number;
}

/** Where transactions and coins stand, answered by the node where it can and by reading the last blocks where not. */
export class Coins {
  private readonly node: BitcoinNode;
  private readonly recent: RecentBlocks;
  private readonly finalDepth: number;

  constructor(node: BitcoinNode, recent: RecentBlocks, finalDepth: number) {
    this.node = node;
    this.recent = recent;
    this.finalDepth = finalDepth;
  }

  /** The block of a transaction in the best chain, `mempool`, or null. */
  async locate(txId: string): Promise<Home | 'mempool' | null> {
    const known = await this.node.transaction(txId);
    if (known !== null && known.blockhash === undefined) return 'mempool';
    if (known?.blockhash !== undefined) {
      const header = await this.node.header(known.blockhash);
      return header.confirmations > 0 ? header : null;
    }
    const tip = await this.node.tip();
    for await (const block of this.recent.down(tip, 0)) {
      if (block.has(txId)) return { ...block, confirmations: tip.height - block.height + 1 };
    }
    return null;
  }

  /** Whether a block spends any of the coins; of several spends the deepest decides. The mempool is no evidence. */
  async spent(coins: readonly Outpoint[]): Promise<AnchorOutcome> {
    const [tip, unspent] = await this.atOneTip(coins);
    const gone = coins.filter((_, index) => unspent[index] === null);
    let searched = gone;
    let found: AnchorOutcome = { kind: 'free' };
    for await (const block of this.recent.down(tip, 0)) {
      if (searched.length === 0) break;
      const spenders = searched.map((coin) => block.spender(coin.txId, coin.vout));
      const txId = spenders.find((spender) => spender !== null);
      if (txId) found = { kind: 'used', final: tip.height - block.height >= this.finalDepth, txId };
      searched = searched.filter((_, index) => spenders[index] === null);
    }
    if (found.kind === 'used') return found;
    for (const coin of gone) {
      // In the chain and not unspent: spent by a transaction further back than blocks are searched.
      const home = await this.locate(coin.txId);
      if (home !== null && home !== 'mempool') return { kind: 'used', final: true, txId: null };
    }
    return found;
  }

  /** Sum of the coins that existed unspent at a height, the final one when null. */
  async worth(coins: readonly Coin[], height: number | null): Promise<{ units: bigint; height: number }> {
    const [tip, unspent] = await this.atOneTip(coins);
    const at = height ?? Math.max(0, tip.height - this.finalDepth);
    if (at > tip.height) throw new Error(`the chain has not reached height ${at}`);
    const later: BlockIndex[] = [];
    for await (const block of this.recent.down(tip, at + 1)) later.push(block);
    if (later.length < tip.height - at) throw new Error(`height ${at} lies further back than blocks are searched`);
    const values = coins.map(({ txId, vout, units }, index) => {
      if (later.some((block) => block.has(txId))) return 0n;
      const spentLater = later.some((block) => block.spender(txId, vout) !== null);
      return unspent[index]?.value ?? (spentLater ? units : 0n);
    });
    return { units: values.reduce((sum, value) => sum + value, 0n), height: at };
  }

  /** Unspent coins and the tip they were read at: asked again while blocks arrive in between. */
  private async atOneTip(coins: readonly Outpoint[]): Promise<[tip: NodeBlock, unspent: TxOut[]]> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const before = await this.node.tip();
      const unspent = await this.node.coins(coins);
      if ((await this.node.tip()).hash === before.hash) return [before, unspent];
    }
    throw new Error('the chain moved each time its coins were read');
  }
}
