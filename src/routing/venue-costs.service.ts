import { Injectable } from '@nestjs/common';
import type { LegQuote, Venue, VenueContext } from '../adapters/venue.ts';
import { Venues } from '../adapters/venues/index.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import type { AssetId } from '../money/asset.ts';
import { money } from '../money/money.ts';
import { divide, type Ratio } from '../money/rate.ts';
import { Refusal } from '../platform/refusal.ts';
import { type CurvePoint, costOn, type DepthCurve, monotone } from './curve.ts';
import { VenueContexts } from './venue-context.service.ts';

/** Where assets without a market of their own into the target are sold first. */
const HUB: AssetId = 'USDC.ethereum';
/** Sizes asked for, USD. */
const SIZES_USD = [100n, 1_000n, 5_000n, 20_000n, 100_000n];
/** A curve older than this is no curve. */
const CURVE_AGE_MAX_MS = 60_000;

export interface SwapCost {
  /** In the asset that goes in, rounded up. */
  readonly costUnits: bigint;
  /** Venues in order: none for the asset itself. */
  readonly venues: readonly string[];
  /** Age of the oldest curve used; null without one. */
  readonly asOf: Date | null;
}

interface Best {
  readonly costUnits: bigint;
  readonly venue: string;
  readonly asOf: Date;
}

type Known = DepthCurve | { readonly refused: string; readonly float: boolean; readonly asOf: Date };

/**
 * What turning one asset into another costs, from depth curves that are refreshed in the background: reading a cost never
 * waits. The desk's own spread is not in it; a quote states that by itself.
 */
@Injectable()
export class VenueCosts {
  private curves: ReadonlyMap<string, readonly Known[]> = new Map();
  private usd: ReadonlyMap<AssetId, Ratio> = new Map();
  private refreshing: Promise<void> | null = null;

  constructor(
    private readonly venues: Venues,
    private readonly catalog: AssetCatalog,
    private readonly contexts: VenueContexts,
  ) {}

  /** Asks every venue for every pair at every size. A call while one is under way waits for that one. */
  async refresh(): Promise<void> {
    this.refreshing ??= this.refreshOnce().finally(() => {
      this.refreshing = null;
    });
    await this.refreshing;
  }

  /**
   * The cost of so many units by the route the desk takes: a market of the pair itself, else sold for USDC and bought
   * from there, else the desk's own float.
   * @throws Refusal no_price (curves too old), no_route (no venue, or not at this size), float_low
   */
  costOf(from: AssetId, to: AssetId, units: bigint, now: Date): SwapCost {
    if (from === to || units === 0n) return { costUnits: 0n, venues: [], asOf: null };
    const legs = this.route(from, to);
    if (legs.length === 0) throw new Refusal('no_route', { facts: { from, to } });
    let left = units;
    const used: Best[] = [];
    for (const [input, output] of legs) {
      const inputUnits = input === from ? left : this.worth(from, left, input);
      const best = this.best(input, output, inputUnits, now);
      const cost = input === from ? best.costUnits : this.worth(input, best.costUnits, from);
      left = left > cost ? left - cost : 0n;
      used.push(best);
    }
    const asOf = new Date(Math.min(...used.map((best) => best.asOf.getTime())));
    return { costUnits: units - left, venues: used.map(({ venue }) => venue), asOf };
  }

  private route(from: AssetId, to: AssetId): (readonly [AssetId, AssetId])[] {
    const market = (a: AssetId, b: AssetId) => (this.curves.get(`${a} ${b}`) ?? []).some((known) => !isFloat(known));
    const any = (a: AssetId, b: AssetId) => (this.curves.get(`${a} ${b}`) ?? []).length > 0;
    if (market(from, to)) return [[from, to]];
    if (from !== HUB && to !== HUB && market(from, HUB) && any(HUB, to))
      return [
        [from, HUB],
        [HUB, to],
      ];
    return any(from, to) ? [[from, to]] : [];
  }

  private best(from: AssetId, to: AssetId, units: bigint, now: Date): Best {
    const known = this.curves.get(`${from} ${to}`) ?? [];
    const fresh = known.filter(({ asOf }) => now.getTime() - asOf.getTime() <= CURVE_AGE_MAX_MS);
    if (fresh.length === 0) throw new Refusal('no_price', { facts: { from, to, why: 'depth curve stale' } });
    const costs = fresh.flatMap((curve) => {
      const costUnits = 'points' in curve ? costOn(curve.points, units) : null;
      return costUnits === null || !('points' in curve) ? [] : [{ costUnits, venue: curve.venue, asOf: curve.asOf }];
    });
    const [best] = costs.sort((a, b) => (a.costUnits < b.costUnits ? -1 : 1));
    if (best !== undefined) return best;
    const float = fresh.some((curve) => ('float' in curve ? curve.float : curve.venue === FLOAT_VENUE));
    throw new Refusal(float ? 'float_low' : 'no_route', { facts: { from, to } });
  }

  private worth(from: AssetId, units: bigint, to: AssetId): bigint {
    const { num, den } = this.midRate(from, to, this.usd);
    return divide(units * num, den, 'ceil');
  }

  private midRate(from: AssetId, to: AssetId, usd: ReadonlyMap<AssetId, Ratio>): Ratio {
    const [fromUsd, toUsd] = [usd.get(from), usd.get(to)];
    if (fromUsd === undefined || toUsd === undefined) throw new Refusal('no_price', { facts: { from, to } });
    return {
      num: fromUsd.num * toUsd.den * 10n ** BigInt(this.catalog.require(to).decimals),
      den: fromUsd.den * toUsd.num * 10n ** BigInt(this.catalog.require(from).decimals),
    };
  }

  private async refreshOnce(): Promise<void> {
    const context = await this.contexts.now();
    const curves = new Map<string, Known[]>();
    for (const venue of this.venues.all()) {
      for (const [from, to] of await venue.pairs()) {
        if (!context.usd.has(from) || !context.usd.has(to)) continue;
        const key = `${from} ${to}`;
        curves.set(key, [...(curves.get(key) ?? []), await this.curve(venue, from, to, context)]);
      }
    }
    this.usd = context.usd;
    this.curves = curves;
  }

  private async curve(venue: Venue, from: AssetId, to: AssetId, context: VenueContext): Promise<Known> {
    const usd = context.usd.get(from);
    if (usd === undefined) throw new Error(`no price of ${from}`);
    const unit = 10n ** BigInt(this.catalog.require(from).decimals);
    const points: CurvePoint[] = [];
    let refusal = { refused: 'no size', float: false, asOf: context.now };
    for (const size of SIZES_USD) {
      const units = (size * unit * usd.den) / usd.num;
      const outcome = await venue.quote(money(from, units), to, context);
      if (outcome.kind === 'quoted') points.push({ units, costUnits: this.costIn(outcome.quote, context) });
      else refusal = { refused: outcome.reason, float: outcome.float === true, asOf: context.now };
      if (outcome.kind === 'refused') break;
    }
    return points.length === 0 ? refusal : { from, to, points: monotone(points), venue: venue.name, asOf: context.now };
  }

  /** What a quote loses against the mid, in its input asset, network fees included and the desk's own spread not. */
  private costIn({ input, output, fees }: LegQuote, context: VenueContext): bigint {
    const own = fees.filter(({ kind, amount }) => kind === 'spread' && amount.asset === output.asset);
    const received = own.reduce((sum, { amount }) => sum + amount.units, output.units);
    const { num, den } = this.midRate(input.asset, output.asset, context.usd);
    const worth = divide(received * den, num, 'floor');
    const lost = worth < input.units ? input.units - worth : 0n;
    const network = fees.filter(({ kind, amount }) => kind === 'network' && context.usd.has(amount.asset));
    return network.reduce((sum, { amount }) => {
      const rate = this.midRate(amount.asset, input.asset, context.usd);
      return sum + divide(amount.units * rate.num, rate.den, 'ceil');
    }, lost);
  }
}

const FLOAT_VENUE = 'inventory';
const isFloat = (known: Known): boolean => ('venue' in known ? known.venue === FLOAT_VENUE : known.float);
