import { z } from 'zod';
import { JsonRpc, RpcError, type JsonRpcOptions } from '../../../platform/json-rpc.ts';

const hex = z.string().regex(/^0x[0-9a-fA-F]*$/);
const hash = z.string().regex(/^0x[0-9a-fA-F]{64}$/);
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const quantity = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform((text) => BigInt(text));
const height = quantity.transform((units) => Number(units));

const header = z.object({ number: height, hash, parentHash: hash, timestamp: height });
const payment = z.object({ hash, from: address, to: address.nullish(), value: quantity, nonce: quantity });
const fullBlock = header.extend({ transactions: z.array(payment) });
const log = z.object({ address, topics: z.array(hash), data: hex, transactionHash: hash, logIndex: height });
const receipt = z.object({
  transactionHash: hash,
  blockHash: hash,
  blockNumber: height,
  status: quantity,
  gasUsed: quantity,
  effectiveGasPrice: quantity,
  logs: z.array(log),
});
const feeHistory = z.object({ baseFeePerGas: z.array(quantity).min(1), reward: z.array(z.array(quantity)).nullish() });

export type Header = z.output<typeof header>;
export type FullBlock = z.output<typeof fullBlock>;
export type Log = z.output<typeof log>;
export type Receipt = z.output<typeof receipt>;

/** A block to read state at: a height, a tag, or one block by its hash (EIP-1898). */
export type At = number | 'latest' | 'pending' | { readonly blockHash: string };

/** The part of the Ethereum JSON-RPC the driver uses, every answer checked. https://ethereum.github.io/execution-apis */
export class EvmNode {
  private readonly rpc: JsonRpc;

  constructor(options: JsonRpcOptions) {
    this.rpc = new JsonRpc(options);
  }

  chainId = (): Promise<bigint> => this.ask('eth_chainId', [], quantity);
  header = (at: number | 'latest' | 'finalized'): Promise<Header | null> =>
    this.ask('eth_getBlockByNumber', [block(at), false], header.nullable());
  headerByHash = (of: string): Promise<Header | null> => this.ask('eth_getBlockByHash', [of, false], header.nullable());
  fullBlock = (at: number): Promise<FullBlock | null> =>
    this.ask('eth_getBlockByNumber', [block(at), true], fullBlock.nullable());
  logs = (blockHash: string, topic: string): Promise<Log[]> =>
    this.ask('eth_getLogs', [{ blockHash, topics: [topic] }], z.array(log));
  receipts = (blockHash: string): Promise<Receipt[] | null> =>
    this.ask('eth_getBlockReceipts', [blockHash], z.array(receipt).nullable());
  receipt = (txId: string): Promise<Receipt | null> =>
    this.ask('eth_getTransactionReceipt', [txId], receipt.nullable());
  knows = async (txId: string): Promise<boolean> =>
    (await this.ask('eth_getTransactionByHash', [txId], z.object({ hash }).nullable())) !== null;
  nonce = (of: string, at: At): Promise<bigint> => this.ask('eth_getTransactionCount', [of, block(at)], quantity);
  balance = (of: string, at: At): Promise<bigint> => this.ask('eth_getBalance', [of, block(at)], quantity);
  code = (of: string): Promise<string> => this.ask('eth_getCode', [of, 'latest'], hex);
  call = (to: string, data: string, at: At): Promise<string> => this.ask('eth_call', [{ to, data }, block(at)], hex);
  estimateGas = (call: { from: string; to: string; data: string; value: string }): Promise<bigint> =>
    this.ask('eth_estimateGas', [call], quantity);
  send = (raw: string): Promise<string> => this.ask('eth_sendRawTransaction', [raw], hash);
  feeHistory = (blocks: number, percentile: number): Promise<z.output<typeof feeHistory>> =>
    this.ask('eth_feeHistory', [block(blocks), 'latest', [percentile]], feeHistory);

  private async ask<T>(method: string, params: readonly unknown[], schema: z.ZodType<T>): Promise<T> {
    const parsed = schema.safeParse(await this.rpc.call(method, params));
    if (parsed.success) return parsed.data;
    throw new Error(`${method}: the node's answer is not acceptable: ${z.prettifyError(parsed.error)}`);
  }
}

/** Whether the node failed for want of old state, which pruning nodes keep for about 128 blocks. */
export const isMissingState = (error: unknown): boolean =>
  error instanceof RpcError && MISSING_STATE.test(error.message);

/** In the words of geth, Erigon, Nethermind, Besu and anvil. */
const MISSING_STATE = /missing trie node|not available|unavailable|no state|prun|historical state|out ?of ?range/i;

function block(at: At | 'finalized'): unknown {
  return typeof at === 'number' ? `0x${at.toString(16)}` : at;
}
