import { Injectable, type OnModuleInit } from '@nestjs/common';
import { PriceSources } from '../adapters/prices/index.ts';
import type { AssetId } from '../money/asset.ts';
import type { Ratio } from '../money/rate.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Refusal } from '../platform/refusal.ts';
import { type AssetState, AssetStates } from './asset-states.service.ts';
import { AssetCatalog } from './catalog.ts';
import { readEvidence, recordEvidence } from './evidence.ts';
import { oldestMarks, recordMarks } from './marks.ts';
import { type AcceptedPrice, type Judged, judge, type MissingPrice } from './price.ts';
import { deviationBps, type PriceLimits } from './price-rule.ts';
import { JUMP_WINDOW_MS, jumpBoundBps } from './volatility.ts';

/** Assets whose price is thin or decisive enough to always need three sources. */
const THREE_SOURCES: readonly AssetId[] = ['AKT', 'BTC'];
/** Stablecoins, and how far from one dollar they are halted. */
const PEGGED_TICKERS = ['USDC', 'USDT', 'DAI'];
const DEPEG_BPS = 50n;
const ONE_USD: Ratio = { num: 1n, den: 1n };
const UNCERTAINTY_MAX_BPS = 100n;
const AHEAD_MAX_MS = 5_000;

/**
 * Prices as the rule accepts them. `refresh` asks every source and replaces what is known; reading a price never waits.
 * A price is good only while its oldest observation is: the last known price is never used beyond its age.
 */
@Injectable()
export class Markets implements OnModuleInit {
  private prices: ReadonlyMap<AssetId, AcceptedPrice | MissingPrice> = new Map();
  private stored = new Set<string>();
  private refreshing: Promise<void> | null = null;
  /** Our clock at the last refresh, and the process's monotonic time then. */
  private seen = { now: new Date(0), atMs: 0 };

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly sources: PriceSources,
    private readonly states: AssetStates,
  ) {}

  /** @throws Error for an asset with fewer sources than its price needs: such a configuration must not start. */
  async onModuleInit(): Promise<void> {
    const faults = this.catalog.all().flatMap(({ id }) => {
      const sources = this.sources.all().filter(({ assets }) => assets.includes(id)).length;
      return sources < this.sourcesMin(id) ? [`${id} has ${sources}, its price needs ${this.sourcesMin(id)}`] : [];
    });
    if (faults.length > 0) throw new Error(`settings: too few price sources: ${faults.join('; ')}`);
    await this.states.load();
  }

  /** Asks every source once and judges the answers. A call while one is under way waits for that one. */
  async refresh(): Promise<void> {
    this.refreshing ??= this.refreshOnce().finally(() => {
      this.refreshing = null;
    });
    await this.refreshing;
  }

  /**
   * The price of an asset now. `now` is our clock; without it the time since the last refresh is measured.
   * @throws Refusal `no_price` naming the asset and why; `unknown_asset`.
   */
  price(asset: AssetId, now: Date = this.estimatedNow()): AcceptedPrice {
    const rate = this.rate(asset, now);
    if (isAccepted(rate)) return rate;
    throw new Refusal('no_price', { facts: { asset, why: rate.reason } });
  }

  /** The price of an asset, or why it has none. @throws Refusal `unknown_asset`. */
  rate(asset: AssetId, now: Date): AcceptedPrice | MissingPrice {
    this.catalog.require(asset);
    const known = this.prices.get(asset) ?? { asset, reason: 'not_read_yet', at: now, inputs: [], dropped: [] };
    const expired =
      isAccepted(known) && now.getTime() - known.oldestObservedAt.getTime() > this.config.settings.PRICE_AGE_MAX_MS;
    return expired ? { asset, reason: 'stale', at: known.at, inputs: known.inputs, dropped: known.dropped } : known;
  }

  state(asset: AssetId): AssetState {
    return this.states.state(asset);
  }

  /** @throws Refusal `unknown_asset`, or `asset_not_available` unless the asset takes new business. */
  requireQuotable(asset: AssetId, field?: string): void {
    this.catalog.require(asset, field);
    const state = this.state(asset);
    if (state === 'quotable') return;
    throw new Refusal('asset_not_available', { ...(field === undefined ? {} : { field }), facts: { asset, state } });
  }

  /** Stores what prices were made of, in the transaction of what refers to them. @returns the evidence ids in order. */
  async recordEvidence(tx: Tx, prices: readonly AcceptedPrice[]): Promise<string[]> {
    return recordEvidence(tx, prices);
  }

  /**
   * The same by itself, at most once a price and process: for callers whose own statement must stay one round trip. The
   * evidence is stored when this returns.
   */
  async storeEvidence(prices: readonly AcceptedPrice[]): Promise<string[]> {
    const missing = prices.filter(({ evidenceId }) => !this.stored.has(evidenceId));
    await recordEvidence(this.database.prisma, missing);
    for (const { evidenceId } of missing) this.stored.add(evidenceId);
    return prices.map(({ evidenceId }) => evidenceId);
  }

  /** Prices as they were when their evidence was stored, in the order of the ids. @throws Error for an unknown id. */
  async evidence(tx: Tx, ids: readonly string[]): Promise<AcceptedPrice[]> {
    return readEvidence(tx, ids);
  }

  private async refreshOnce(): Promise<void> {
    const assets = this.catalog.all().map(({ id }) => id);
    const outcomes = await Promise.all(this.sources.all().map((source) => source.read(assets)));
    const now = await this.clock.now();
    const since = new Date(now.getTime() - JUMP_WINDOW_MS);
    const marks = await oldestMarks(this.database.prisma, since, now);
    const judged = judge(outcomes.flat(), now, (asset) => this.limits(asset, marks.get(asset)));
    const prices = [...judged.values()].map((one) => conclude(one, now));
    const current = new Set(prices.map((price) => (isAccepted(price) ? price.evidenceId : '')));
    this.stored = new Set([...this.stored].filter((id) => current.has(id)));
    this.prices = new Map(prices.map((price) => [price.asset, price]));
    this.seen = { now, atMs: performance.now() };
    await recordMarks(this.database.prisma, prices.filter(isAccepted));
    await this.states.load();
    for (const one of judged.values()) await this.haltIfDepegged(one);
  }

  private limits(asset: AssetId, from: Ratio | undefined): PriceLimits {
    return {
      sourcesMin: this.sourcesMin(asset),
      // A sixth is kept back, so that what is accepted now is still good when the next refresh comes.
      ageMaxMs: Math.floor((this.config.settings.PRICE_AGE_MAX_MS * 5) / 6),
      aheadMaxMs: AHEAD_MAX_MS,
      uncertaintyMaxBps: UNCERTAINTY_MAX_BPS,
      jump: from === undefined ? null : { from, boundBps: jumpBoundBps(asset) },
    };
  }

  private sourcesMin(asset: AssetId): number {
    return Math.max(this.config.settings.PRICE_SOURCES_MIN, THREE_SOURCES.includes(asset) ? 3 : 2);
  }

  private async haltIfDepegged({ asset, result }: Judged): Promise<void> {
    const { mid } = result;
    if (mid === null || !PEGGED_TICKERS.includes(this.catalog.require(asset).ticker)) return;
    const bps = deviationBps(mid, ONE_USD);
    const state = this.state(asset);
    if (bps <= DEPEG_BPS || state === 'halted' || state === 'refund-only') return;
    await this.states.halt(asset, `${bps} basis points off its peg of one US dollar`);
  }

  private estimatedNow(): Date {
    return new Date(this.seen.now.getTime() + performance.now() - this.seen.atMs);
  }
}

/** Whether there is a price. */
export const isAccepted = (price: AcceptedPrice | MissingPrice): price is AcceptedPrice => 'mid' in price;

function conclude({ asset, inputs, result }: Judged, at: Date): AcceptedPrice | MissingPrice {
  const { dropped } = result;
  if (result.kind === 'refused') return { asset, reason: result.reason, at, inputs, dropped };
  const { mid, bid, ask, uncertaintyBps, oldestObservedAt, used } = result;
  const evidenceId = newId('evidence');
  const price = { asset, mid, bid, ask, uncertaintyBps: Number(uncertaintyBps), oldestObservedAt, at, used };
  return { ...price, evidenceId, inputs, dropped };
}
