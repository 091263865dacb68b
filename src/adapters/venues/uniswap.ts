import type { Asset, AssetId } from '../../money/asset.ts';
import { type Money, maxUnits, money } from '../../money/money.ts';
import { divide } from '../../money/rate.ts';
import { JsonRpc, RpcUnavailable } from '../../platform/json-rpc.ts';
import type { ContractCall } from '../chain.ts';
import { type LegOrder, type LegQuote, type LegResult, type QuoteOutcome, Venue, type VenueContext } from '../venue.ts';
import { exactInputOrder } from './uniswap/order.ts';
import { isOwnOrder } from './uniswap/own-order.ts';
import { decodePath, encodePath, feeUnits, pathsBetween } from './uniswap/paths.ts';
import { type PathQuote, Pools } from './uniswap/pools.ts';
import { resultOf } from './uniswap/result.ts';

export interface UniswapSettings {
  readonly rpcUrl: string;
  /** Addresses of the v3 factory, SwapRouter02, QuoterV2 and WETH9. */
  readonly contracts: {
    readonly factory: string;
    readonly router: string;
    readonly quoter: string;
    readonly weth: string;
  };
  /** Tokens to trade, all of one chain; the native coin (no reference) is traded as WETH, wrapped and unwrapped. */
  readonly assets: readonly Asset[];
  /** What network fees are paid in. */
  readonly feeAsset: Asset;
  /** The hot wallet: pays the input and receives the output. */
  readonly wallet: string;
  /** How long a quote is answered for. */
  readonly quoteTtlMs: number;
  /** p95 time until a sent swap is final. */
  readonly settleMs: number;
  /** As the chain driver's: the `finalized` tag, or a number of blocks on top. */
  readonly finality: 'tag' | number;
}

/** Size of the trade that stands for one without impact, against the real one. */
const PROBE_DIVISOR = 1000n;

const BPS = 10_000n;

/**
 * Uniswap v3 through QuoterV2 and SwapRouter02: one input, the best single path over at most two pools.
 * https://docs.uniswap.org/contracts/v3/reference/overview
 */
export class UniswapVenue extends Venue {
  readonly name = 'uniswap';
  private readonly settings: UniswapSettings;
  private readonly rpc: JsonRpc;
  private readonly pools: Pools;

  constructor(settings: UniswapSettings) {
    super();
    this.settings = settings;
    this.rpc = new JsonRpc({ url: settings.rpcUrl });
    this.pools = new Pools(this.rpc, settings.contracts, [
      ...new Set(settings.assets.map((asset) => this.token(asset))),
    ]);
  }

  /** Every ordered pair that a path of at most two existing pools joins. */
  async pairs(): Promise<readonly (readonly [AssetId, AssetId])[]> {
    const pools = await this.pools.all();
    const { assets } = this.settings;
    const joined = (from: Asset, to: Asset) => pathsBetween(pools, this.token(from), this.token(to)).length > 0;
    return assets.flatMap((from) => assets.filter((to) => joined(from, to)).map((to) => [from.id, to.id] as const));
  }

  /** The best path at this size now. Its `venue` fee is the pools' cut of the input, its `network` fee the gas. */
  async quote(input: Money, to: AssetId, context: VenueContext): Promise<QuoteOutcome> {
    const [from, target] = [this.asset(input.asset), this.asset(to)];
    if (from === undefined || target === undefined) return refused(`${input.asset} to ${to} is not traded here`);
    if (input.units <= 0n) return refused('the amount is not positive');
    try {
      return await this.best(input, from, target, context.now);
    } catch (error) {
      if (error instanceof RpcUnavailable) return refused(`the node does not answer: ${error.message}`);
      throw error;
    }
  }

  /** @throws when the minimum is not positive: a swap without one pays whoever moves the price first. */
  order(quote: LegQuote, minimumUnits: bigint, deadline: Date): Promise<LegOrder> {
    const { contracts, wallet } = this.settings;
    const [from, to] = [this.asset(quote.input.asset), this.asset(quote.output.asset)];
    if (from === undefined || to === undefined) throw new Error('the quote is not of this venue');
    if (minimumUnits <= 0n) throw new Error('a swap has a minimum output above zero');
    const order = exactInputOrder({
      router: contracts.router,
      wallet,
      path: encodePath(decodePath(quote.detail)),
      inputUnits: quote.input.units,
      inputToken: from.reference,
      unwrap: to.reference === null,
      minimumUnits,
      deadline,
    });
    return Promise.resolve({ ...order, minimumOutput: money(to.id, minimumUnits), deadline });
  }

  /**
   * From the receipt's logs: what left and what reached the wallet. `done` as of its block, whose finality the sender
   * watches; `failed` once it reverted in a final block, or is in no block and a final block is past the deadline.
   */
  async result(order: LegOrder, quote: LegQuote, txId: string): Promise<LegResult> {
    if (order.kind !== 'call') throw new Error('orders of this venue are contract calls');
    const [from, to] = [this.asset(quote.input.asset), this.asset(quote.output.asset)];
    if (from === undefined || to === undefined) throw new Error('the quote is not of this venue');
    const { contracts, wallet, finality } = this.settings;
    const swapped = await resultOf(this.rpc, { txId, deadline: order.deadline, finality, contracts, wallet }, from, to);
    if (swapped.kind !== 'done') return swapped;
    // Ether going in leaves no log of the wallet's; the router spends exactly what was sent.
    const input = from.reference === null ? quote.input : money(from.id, swapped.input);
    const fee = money(from.id, feeUnits(decodePath(quote.detail), input.units));
    return { kind: 'done', input, output: money(to.id, swapped.output), fees: [{ kind: 'venue', amount: fee }] };
  }

  override isOwnOrder(call: ContractCall): boolean {
    return isOwnOrder(call, this.settings.contracts.router, this.settings.wallet);
  }

  private async best(input: Money, from: Asset, target: Asset, now: Date): Promise<QuoteOutcome> {
    const paths = pathsBetween(await this.pools.all(), this.token(from), this.token(target));
    const quotes = await Promise.all(paths.map((path) => this.pools.quote(path, input.units)));
    const best = quotes.filter((quote) => quote !== null).sort((a, b) => (a.output < b.output ? 1 : -1))[0];
    if (best === undefined || best.output === 0n) return refused('no pool has liquidity for this pair and size');
    const impactBps = await this.impactBps(best, input.units);
    if (impactBps === null) return refused('the amount is too small to be priced');
    const network = money(this.settings.feeAsset.id, best.gas * (await this.pools.gasPrice()));
    const quote: LegQuote = {
      venue: this.name,
      input,
      output: money(target.id, best.output),
      fees: [
        { kind: 'venue', amount: money(input.asset, feeUnits(best.path, input.units)) },
        { kind: 'network', amount: network },
      ],
      impactBps,
      expiresAt: new Date(now.getTime() + this.settings.quoteTtlMs),
      settleMs: this.settings.settleMs,
      detail: { path: encodePath(best.path) },
    };
    return { kind: 'quoted', quote };
  }

  /** Basis points lost against a trade of a thousandth of the size; null when even one unit of it gives nothing. */
  private async impactBps({ path, output }: PathQuote, units: bigint): Promise<number | null> {
    const probe = maxUnits(units / PROBE_DIVISOR, 1n);
    const small = await this.pools.quote(path, probe);
    if (small === null || small.output === 0n) return null;
    const ideal = divide(small.output * units, probe, 'floor');
    return ideal <= output ? 0 : Number(divide((ideal - output) * BPS, ideal, 'ceil'));
  }

  private asset(id: AssetId): Asset | undefined {
    return this.settings.assets.find((asset) => asset.id === id);
  }

  private token(asset: Asset): string {
    return (asset.reference ?? this.settings.contracts.weth).toLowerCase();
  }
}

const refused = (reason: string): QuoteOutcome => ({ kind: 'refused', reason });
