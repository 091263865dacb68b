import { Injectable } from '@nestjs/common';
import type { LegQuote, Venue, VenueContext } from '../adapters/venue.ts';
import { Venues } from '../adapters/venues/index.ts';
import type { AssetId } from '../money/asset.ts';
import { minUnits, money } from '../money/money.ts';
import { Config } from '../platform/config.ts';
import { RpcUnavailable } from '../platform/json-rpc.ts';
import type { Book, Trade } from './flatten.ts';
import { FLOAT_VENUE, type LostRoute, nameOf, outcomeOf, routesBetween, type Step } from './route.ts';

export interface Search {
  readonly offered: readonly Step[];
  readonly books: ReadonlyMap<AssetId, Book>;
  readonly context: VenueContext;
  /** Most that can be sold out of a wallet now. */
  readonly sellable: bigint;
}

/** The best route, one quote a leg; null when none will do. `lost` says why the others were not taken. */
export interface Found {
  readonly quotes: readonly LegQuote[] | null;
  readonly lost: readonly LostRoute[];
}

interface Priced {
  readonly name: string;
  readonly quotes: readonly LegQuote[];
  readonly lossBps: bigint;
}

/** A trade that moves the market too far is tried at a quarter of its size, this often. */
const SIZES = 4;

/** Asks the venues. */
@Injectable()
export class Routes {
  private readonly known = new Map<string, readonly Step[]>();

  constructor(
    private readonly config: Config,
    private readonly venues: Venues,
  ) {}

  /** Every step any venue offers; of a venue that does not answer, what it offered last: it still is where that trades. */
  async offered(): Promise<Step[]> {
    const steps = await Promise.all(this.venues.all().map((venue) => this.offeredBy(venue)));
    return steps.flat();
  }

  private async offeredBy(venue: Venue): Promise<readonly Step[]> {
    try {
      const pairs = await venue.pairs();
      const steps = pairs.map(([from, to]) => ({ venue: venue.name, from, to }));
      this.known.set(venue.name, steps);
      return steps;
    } catch (error) {
      const known = this.known.get(venue.name);
      if (known === undefined || !(error instanceof RpcUnavailable)) throw error;
      return known;
    }
  }

  /** The route that loses least against the mid prices, if that is no more than SLIPPAGE_MAX_BPS. */
  async best(trade: Trade, search: Search): Promise<Found> {
    let size = trade.units;
    for (let n = 1; ; n += 1, size /= 4n) {
      const { found, moved } = await this.atSize(trade, size, search);
      if (found.quotes !== null || !moved || n === SIZES || size < 4n) return found;
    }
  }

  private async atSize(trade: Trade, size: bigint, search: Search): Promise<{ found: Found; moved: boolean }> {
    const lost: LostRoute[] = [];
    const priced: Priced[] = [];
    let moved = false;
    for (const route of routesBetween(search.offered, trade.from, trade.to, trade.reason)) {
      const name = nameOf(route);
      const quotes = await this.quote(route, size, search);
      if (typeof quotes === 'string') {
        lost.push({ route: name, why: quotes });
        continue;
      }
      const { lossBps } = outcomeOf(quotes, search.books);
      if (lossBps <= BigInt(this.config.settings.SLIPPAGE_MAX_BPS)) priced.push({ name, quotes, lossBps });
      else {
        lost.push({ route: name, why: `loses ${lossBps} bps` });
        moved ||= quotes.some(({ impactBps }) => impactBps > 0);
      }
    }
    const [best, ...others] = priced.toSorted((a, b) => (a.lossBps < b.lossBps ? -1 : 1));
    if (best === undefined) return { found: { quotes: null, lost }, moved };
    const beaten = others.map(({ name, lossBps }) => ({
      route: name,
      why: `loses ${lossBps} bps, the best ${best.lossBps}`,
    }));
    return { found: { quotes: best.quotes, lost: [...beaten, ...lost] }, moved };
  }

  /** A quote for each leg, or why there is none. */
  private async quote(route: readonly Step[], size: bigint, search: Search): Promise<LegQuote[] | string> {
    const [first] = route;
    const units = first?.venue === FLOAT_VENUE ? size : minUnits(size, search.sellable);
    if (first === undefined || units <= 0n) return `none of ${first?.from ?? 'it'} is free in a hot wallet`;
    const quotes: LegQuote[] = [];
    let input = money(first.from, units);
    for (const { venue, to } of route) {
      const outcome = await this.venues.get(venue).quote(input, to, search.context);
      if (outcome.kind === 'refused') return `${venue}: ${outcome.reason}`;
      const unpriced = [...outcome.quote.fees.map(({ amount }) => amount.asset), to].find(
        (asset) => !search.books.has(asset),
      );
      if (unpriced !== undefined) return `${unpriced} has no price`;
      quotes.push(outcome.quote);
      input = outcome.quote.output;
    }
    return quotes;
  }
}
