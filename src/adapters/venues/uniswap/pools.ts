import { ZeroAddress } from 'ethers';
import { type JsonRpc, RpcError } from '../../../platform/json-rpc.ts';
import { bytesSchema, FACTORY, POOL, QUOTER, quantitySchema } from './abi.ts';
import { encodePath, type Hop, type Pool } from './paths.ts';

/** What one path gives for an input. */
export interface PathQuote {
  readonly path: readonly Hop[];
  readonly output: bigint;
  /** Gas of the whole transaction, estimated. */
  readonly gas: bigint;
}

/** Fee tiers in hundredths of a basis point. https://docs.uniswap.org/concepts/protocol/fees */
const FEE_TIERS = [100, 500, 3000, 10_000] as const;

/** Pools of one pair that are asked for quotes: the deepest ones. */
const POOLS_PER_PAIR = 2;

/** How long a list of pools is used: new pools are rare, and every path is quoted afresh. */
const LIST_TTL_MS = 600_000;

/** Gas of the transaction around the swap itself: base cost, transfers in and out, unwrapping. */
const GAS_OVERHEAD = 60_000n;

/** The pools between some tokens, and what they quote. */
export class Pools {
  private readonly rpc: JsonRpc;
  private readonly contracts: { readonly factory: string; readonly quoter: string };
  private readonly tokens: readonly string[];
  private list: { readonly readAt: number; readonly pools: Promise<Pool[]> } | null = null;

  constructor(rpc: JsonRpc, contracts: { factory: string; quoter: string }, tokens: readonly string[]) {
    this.rpc = rpc;
    this.contracts = contracts;
    this.tokens = tokens;
  }

  /** The deepest pools of every pair of tokens. */
  async all(): Promise<readonly Pool[]> {
    const now = performance.now();
    if (this.list === null || now - this.list.readAt > LIST_TTL_MS) this.list = { readAt: now, pools: this.discover() };
    const { list } = this;
    try {
      const pools = await list.pools;
      if (pools.length === 0) this.list = null;
      return pools;
    } catch (error) {
      if (this.list === list) this.list = null;
      throw error;
    }
  }

  /** Null when the path has no pool or not enough liquidity for the input. */
  async quote(path: readonly Hop[], units: bigint): Promise<PathQuote | null> {
    try {
      const data = QUOTER.encodeFunctionData('quoteExactInput', [encodePath(path), units]);
      const answer = await this.call(this.contracts.quoter, data);
      const [output, , , gas] = QUOTER.decodeFunctionResult('quoteExactInput', answer).toArray() as bigint[];
      return output === undefined || gas === undefined ? null : { path, output, gas: gas + GAS_OVERHEAD };
    } catch (error) {
      if (error instanceof RpcError) return null;
      throw error;
    }
  }

  /** Wei per gas a transaction would pay now. */
  async gasPrice(): Promise<bigint> {
    return quantitySchema.parse(await this.rpc.call('eth_gasPrice', []));
  }

  private async discover(): Promise<Pool[]> {
    const pairs = this.tokens.flatMap((a, n) => this.tokens.slice(n + 1).map((b) => [a, b] as const));
    const found = await Promise.all(pairs.map((pair) => this.deepest(pair)));
    return found.flat();
  }

  private async deepest(tokens: readonly [string, string]): Promise<Pool[]> {
    const tiers = FEE_TIERS.map(async (fee) => ({ tokens, fee, liquidity: await this.liquidity(tokens, fee) }));
    const pools = (await Promise.all(tiers)).filter(({ liquidity }) => liquidity > 0n);
    return pools.sort((a, b) => (a.liquidity < b.liquidity ? 1 : -1)).slice(0, POOLS_PER_PAIR);
  }

  private async liquidity(tokens: readonly [string, string], fee: number): Promise<bigint> {
    const data = FACTORY.encodeFunctionData('getPool', [...tokens, fee]);
    const answer = await this.call(this.contracts.factory, data);
    const pool = String(FACTORY.decodeFunctionResult('getPool', answer)[0]);
    return pool === ZeroAddress ? 0n : BigInt(await this.call(pool, POOL.encodeFunctionData('liquidity')));
  }

  private async call(to: string, data: string): Promise<string> {
    return bytesSchema.parse(await this.rpc.call('eth_call', [{ to, data }, 'latest']));
  }
}
