import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { viewMoney } from '../access/fields.ts';
import type { LegQuote, VenueContext } from '../adapters/venue.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import type { AssetId } from '../money/asset.ts';
import { minUnits } from '../money/money.ts';
import { Config } from '../platform/config.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { VenueContexts } from '../routing/venue-context.service.ts';
import { hotWallet } from '../wallets/wallet-list.ts';
import { DeskBooks } from './desk-books.service.ts';
import { FloatAlarm } from './float-alarm.service.ts';
import { nextTrade, stillWanted, type Trade } from './flatten.ts';
import { FLOAT_VENUE, HUB, type LostRoute, minimumOf, routesBetween } from './route.ts';
import { Routes } from './routes.service.ts';
import { SwapRows } from './swap-rows.service.ts';
import { lockAssets, PLACE_WITHIN_MS } from './timing.ts';

/** Swaps planned in one run; the rest waits for the next. */
const ROUND_MAX = 20;
/** After a swap failed its pair rests this long before it is tried with a new plan. */
const RETRY_AFTER_MS = 60_000;

/** Plans the swaps that bring positions back to their targets. */
@Injectable()
export class Flattening {
  /** What was last said about a pair that cannot be traded, so that the log has it once. */
  private readonly told = new Map<string, string>();

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly catalog: AssetCatalog,
    @Inject(Markets) private readonly markets: Pick<Markets, 'price' | 'recordEvidence'>,
    private readonly ledger: Ledger,
    @Inject(VenueContexts) private readonly contexts: Pick<VenueContexts, 'now'>,
    private readonly books: DeskBooks,
    private readonly routes: Routes,
    private readonly rows: SwapRows,
    private readonly floatAlarm: FloatAlarm,
    private readonly outbox: Outbox,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Looks at every position and plans what is to be traded. Returns how many swaps were planned. */
  async flatten(): Promise<number> {
    const context = await this.contexts.now();
    await this.floatAlarm.check(context);
    const offered = await this.routes.offered();
    const since = new Date(context.now.getTime() - RETRY_AFTER_MS);
    const resting = await this.rows.failedSince(this.database.prisma, since);
    const blocked = new Set(resting.map(({ fromAsset, toAsset }) => `${fromAsset} ${toAsset}`));
    for (let planned = 0; planned < ROUND_MAX; ) {
      const books = await this.books.read(this.database.prisma, context.usd);
      const trade = nextTrade(
        [...books.values()],
        HUB,
        (from, to, reason) => !blocked.has(`${from} ${to}`) && routesBetween(offered, from, to, reason).length > 0,
      );
      if (trade === null) return planned;
      const sellable = await this.sellable(trade.from);
      const { quotes, lost } = await this.routes.best(trade, { offered, books, context, sellable });
      if (quotes !== null && (await this.plan(trade, quotes, lost, context))) planned += 1;
      if (quotes === null) this.tell(trade, lost);
      blocked.add(`${trade.from} ${trade.to}`);
    }
    return ROUND_MAX;
  }

  /**
   * Takes the whole input out of the desk in the transaction that plans the swap, after a second look at the positions
   * under a lock on both assets: of two workers with the same idea only one finds it still wanted.
   */
  private plan(
    { from, to, reason }: Trade,
    quotes: readonly LegQuote[],
    lost: readonly LostRoute[],
    context: VenueContext,
  ): Promise<boolean> {
    const [first, last] = [quotes[0], quotes.at(-1)];
    if (first === undefined || last === undefined) throw new Error('a route has at least one leg');
    const prices = [from, to].map((asset) => this.markets.price(asset));
    const [inputUnits, expectedUnits] = [first.input.units, last.output.units];
    return this.database.transaction(async (tx) => {
      await lockAssets(tx, [from, to]);
      const books = await this.books.read(tx, context.usd);
      const [payer, wanted] = [books.get(from), books.get(to)];
      if (payer === undefined || wanted === undefined) return false;
      if (!stillWanted(payer, wanted, reason, inputUnits, expectedUnits)) return false;
      if (first.venue !== FLOAT_VENUE && (await this.rows.selling(tx, FLOAT_VENUE)).has(from)) return false;
      const id = newId('swap');
      const evidenceIds = await this.markets.recordEvidence(tx, prices);
      const legs = quotes.map((quote) => this.legOf(quote, context.now));
      const minimumUnits = minimumOf(expectedUnits, this.config.settings.SLIPPAGE_MAX_BPS);
      await this.rows.insert(tx, {
        ...{ id, reason, fromAsset: from, toAsset: to, inputUnits, expectedUnits, minimumUnits },
        ...{ lost, evidenceIds, legs },
      });
      await this.ledger.post(tx, [
        {
          key: `swap.planned:${id}`,
          kind: 'swap.planned',
          cause: id,
          effectiveAt: context.now,
          priceEvidenceId: evidenceIds[0] ?? null,
          transfers: [{ from: 'desk:main', to: `swap:${id}`, asset: from, units: inputUnits }],
        },
      ]);
      await this.announce(tx, id, first, last);
      return true;
    });
  }

  private legOf({ venue, input, output }: LegQuote, now: Date) {
    return {
      id: newId('leg'),
      venue,
      fromAsset: input.asset,
      toAsset: output.asset,
      inputUnits: input.units,
      expectedUnits: output.units,
      minimumUnits: minimumOf(output.units, this.config.settings.SLIPPAGE_MAX_BPS),
      deadline: new Date(now.getTime() + PLACE_WITHIN_MS),
    };
  }

  private announce(tx: Tx, id: string, { input }: LegQuote, { output }: LegQuote): Promise<void> {
    const view = ({ asset, units }: LegQuote['input']) => viewMoney(this.catalog.require(asset), units);
    const data = { swapId: id, input: view(input), expected: view(output) };
    return this.outbox.write(tx, [{ type: 'swap.planned', subject: id, tenantId: null, data }]);
  }

  /** What a market can be sold of an asset: what its hot wallet holds by the books, one sale at a time. */
  private async sellable(asset: AssetId): Promise<bigint> {
    const selling = await this.rows.selling(this.database.prisma, FLOAT_VENUE);
    if (selling.has(asset)) return 0n;
    const wallet = hotWallet(this.catalog.require(asset).chain);
    const held = -(await this.ledger.balance(this.database.prisma, `external:${wallet}`, asset));
    return minUnits(held, this.books.orderMaximum(asset));
  }

  private tell({ from, to }: Trade, lost: readonly LostRoute[]): void {
    const text = JSON.stringify(lost);
    if (this.told.get(`${from} ${to}`) === text) return;
    this.told.set(`${from} ${to}`, text);
    this.logger.warn({ from, to, lost }, 'a position outside its band cannot be traded now');
  }
}
