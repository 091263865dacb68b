import { z } from 'zod';
import { parseUnits } from '../../../money/codec.ts';
import { JsonRpc, RpcError } from '../../../platform/json-rpc.ts';
import type { BlockRef } from '../../chain.ts';

/** Codes of Core's answers. https://github.com/bitcoin/bitcoin/blob/master/src/rpc/protocol.h */
const NOT_FOUND = -5;
const OUT_OF_RANGE = -8;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const btc = z.union([z.string(), z.int()]).transform((value, context) => {
  const units = parseUnits(String(value), 8);
  if (typeof units === 'bigint') return units;
  context.addIssue({ code: 'custom', message: 'is not an amount of BTC' });
  return z.NEVER;
});
const header = z.object({
  hash,
  height: z.int(),
  time: z.int(),
  confirmations: z.int(),
  previousblockhash: hash.optional(),
});
const txOut = z.object({ bestblock: hash, confirmations: z.int(), value: btc }).nullable();
const rawTx = z.object({ hex: z.string(), blockhash: hash.optional(), fee: btc.optional() });
const mempoolEntry = z.object({ vsize: z.int().positive(), fees: z.object({ base: btc }) });
const chainInfo = z.object({ chain: z.string() });
const estimate = z.object({ feerate: btc.optional() });

export interface NodeBlock extends BlockRef {
  /** -1 when the block is not in the best chain. */
  readonly confirmations: number;
}

export type TxOut = z.output<typeof txOut>;
export type NodeTx = z.output<typeof rawTx>;

/** The calls of Bitcoin Core's JSON-RPC that the driver makes, their answers checked. */
export class BitcoinNode {
  private readonly rpc: JsonRpc;

  constructor(url: string, timeoutMs: number) {
    this.rpc = new JsonRpc({ url, timeoutMs });
  }

  async chain(): Promise<string> {
    return chainInfo.parse(await this.rpc.call('getblockchaininfo', [])).chain;
  }

  async tip(): Promise<NodeBlock> {
    return this.header(hash.parse(await this.rpc.call('getbestblockhash', [])));
  }

  /** Null above the tip. */
  async blockHash(height: number): Promise<string | null> {
    return this.optional(OUT_OF_RANGE, async () => hash.parse(await this.rpc.call('getblockhash', [height])));
  }

  async header(blockHash: string): Promise<NodeBlock> {
    const { height, time, confirmations, previousblockhash } = header.parse(
      await this.rpc.call('getblockheader', [blockHash, true]),
    );
    const parentHash = previousblockhash ?? '0'.repeat(64);
    return { height, hash: blockHash, parentHash, time: new Date(time * 1000), confirmations };
  }

  async rawBlock(blockHash: string): Promise<Buffer> {
    return bytes(await this.rpc.call('getblock', [blockHash, 0]));
  }

  async mempoolIds(): Promise<readonly string[]> {
    return z.array(hash).parse(await this.rpc.call('getrawmempool', []));
  }

  /** Raw unconfirmed transactions; null for one that has left the mempool meanwhile. */
  async mempoolTransactions(txIds: readonly string[]): Promise<(Buffer | null)[]> {
    const answers = await this.rpc.batch(
      'getrawtransaction',
      txIds.map((txId) => [txId, 0]),
    );
    return answers.map((answer) => (missing(answer) ? null : bytes(answer)));
  }

  /** Fee in sat per virtual byte, rounded down, of unconfirmed transactions; null for one that left the mempool. */
  async mempoolFeeRates(txIds: readonly string[]): Promise<(bigint | null)[]> {
    const answers = await this.rpc.batch(
      'getmempoolentry',
      txIds.map((txId) => [txId]),
    );
    return answers.map((answer) => {
      if (missing(answer)) return null;
      const { fees, vsize } = mempoolEntry.parse(answer);
      return fees.base / BigInt(vsize);
    });
  }

  /** Transactions of one block with their fees, where the node keeps undo data (Core 25 or later, not pruned). */
  async blockTransactions(txIds: readonly string[], blockHash: string): Promise<NodeTx[]> {
    const answers = await this.rpc.batch(
      'getrawtransaction',
      txIds.map((txId) => [txId, 2, blockHash]),
    );
    return answers.map((answer) => rawTx.parse(settled(answer)));
  }

  /** A transaction in the mempool, or anywhere in the chain when the node runs with `-txindex`; null otherwise. */
  async transaction(txId: string): Promise<NodeTx | null> {
    return this.optional(NOT_FOUND, async () => rawTx.parse(await this.rpc.call('getrawtransaction', [txId, 2])));
  }

  /** Unspent coins at the tip, the mempool ignored; null for one that is spent or not there. */
  async coins(outpoints: readonly { readonly txId: string; readonly vout: number }[]): Promise<TxOut[]> {
    const answers = await this.rpc.batch(
      'gettxout',
      outpoints.map(({ txId, vout }) => [txId, vout, false]),
    );
    return answers.map((answer) => txOut.parse(settled(answer)));
  }

  /** Sat per virtual byte for inclusion within so many blocks, rounded up; null without enough data. */
  async feeRate(targetBlocks: number): Promise<bigint | null> {
    const { feerate } = estimate.parse(await this.rpc.call('estimatesmartfee', [targetBlocks]));
    return feerate === undefined ? null : (feerate + 999n) / 1000n;
  }

  /** @throws RpcError when the node refuses the transaction. */
  async send(raw: string): Promise<void> {
    hash.parse(await this.rpc.call('sendrawtransaction', [raw]));
  }

  private async optional<T>(code: number, ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof RpcError && error.code === code) return null;
      throw error;
    }
  }
}

function missing(answer: unknown): boolean {
  if (answer instanceof RpcError && answer.code !== NOT_FOUND) throw answer;
  return answer instanceof RpcError;
}

function settled(answer: unknown): unknown {
  if (answer instanceof RpcError) throw answer;
  return answer;
}

function bytes(answer: unknown): Buffer {
  if (typeof answer !== 'string' || !/^([0-9a-f]{2})+$/.test(answer)) throw new Error('the node answered no hex');
  return Buffer.from(answer, 'hex');
}
