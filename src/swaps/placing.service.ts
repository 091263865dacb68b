import { Inject, Injectable } from '@nestjs/common';
import type { LegOrder, LegQuote, VenueContext } from '../adapters/venue.ts';
import { Chains } from '../adapters/chains/index.ts';
import { Venues } from '../adapters/venues/index.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { maxUnits, money } from '../money/money.ts';
import { Config } from '../platform/config.ts';
import type { Tx } from '../platform/database.ts';
import { VenueContexts } from '../routing/venue-context.service.ts';
import { hotWallet } from '../wallets/wallet-list.ts';
import { Wallets } from '../wallets/wallets.service.ts';
import { LegChanges } from './leg-changes.service.ts';
import { minimumOf } from './route.ts';
import { type LegRow, SwapRows } from './swap-rows.service.ts';
import { EXECUTE_WITHIN_MS } from './timing.ts';

type CallOrder = Extract<LegOrder, { readonly kind: 'call' }>;

/** Turns a leg that is ready into an order: a fill from the float at once, a contract call through `wallets/`. */
@Injectable()
export class Placing {
  constructor(
    private readonly config: Config,
    private readonly catalog: AssetCatalog,
    private readonly chains: Chains,
    private readonly venues: Venues,
    private readonly wallets: Wallets,
    private readonly ledger: Ledger,
    @Inject(VenueContexts) private readonly contexts: Pick<VenueContexts, 'now'>,
    private readonly rows: SwapRows,
    private readonly changes: LegChanges,
  ) {}

  /** True if the leg moved. It is asked for again at the price of now, and placed only if that is at least its minimum. */
  async place(leg: LegRow): Promise<boolean> {
    const context = await this.contexts.now();
    if (context.now > leg.deadline) return this.changes.giveUp(leg, leg.note ?? 'not placed before its deadline');
    if (await this.awaitsAllowance(leg)) return false;
    const venue = this.venues.get(leg.venue);
    const outcome = await venue.quote(money(leg.fromAsset, leg.inputUnits), leg.toAsset, context);
    if (outcome.kind === 'refused') return this.wait(leg, outcome.reason);
    const { quote } = outcome;
    const { units } = quote.output;
    if (units < leg.minimumUnits) return this.wait(leg, `${units} is offered, its minimum is ${leg.minimumUnits}`);
    const least = maxUnits(leg.minimumUnits, minimumOf(units, this.config.settings.SLIPPAGE_MAX_BPS));
    const deadline = new Date(context.now.getTime() + EXECUTE_WITHIN_MS);
    const order = await venue.order(quote, least, deadline);
    return order.kind === 'book' ? this.fill(leg, quote, context) : this.call(leg, quote, order);
  }

  /** Own float: one journal, if it leaves the float at its low-water mark or above. */
  private fill(leg: LegRow, { input, output, fees }: LegQuote, context: VenueContext): Promise<boolean> {
    return this.changes.apply(leg, 'filled', async (tx) => {
      const float = await this.ledger.balance(tx, 'equity:float', output.asset);
      if (float - output.units < (context.floatLow.get(output.asset) ?? 0n)) return null;
      const account = `swap:${leg.swapId}`;
      return {
        leg: { spentUnits: input.units, outputUnits: output.units, fees },
        transfers: [
          { from: account, to: 'equity:float', asset: input.asset, units: input.units },
          { from: 'equity:float', to: account, asset: output.asset, units: output.units },
        ],
      };
    });
  }

  private async call(leg: LegRow, quote: LegQuote, order: CallOrder): Promise<boolean> {
    const chain = this.chains.get(this.catalog.require(leg.fromAsset).chain);
    const owner = this.wallets.hotAddress(chain.id);
    const held = await chain.holding({ addresses: [owner], coins: [] }, leg.fromAsset, null);
    if (held.units < leg.inputUnits) return this.wait(leg, `the hot wallet has ${held.units} of ${leg.inputUnits}`);
    const allow = order.allowance === null ? null : await chain.allowanceCall({ owner, ...order.allowance });
    const walletId = hotWallet(chain.id);
    const send = (tx: Tx, cause: string, call: CallOrder['call']) =>
      this.wallets.plan(tx, { purpose: 'swap', cause, walletId, outputs: [], call, settlement: [] });
    return this.changes.apply(leg, allow === null ? 'placed' : 'allowed', async (tx) => {
      if (await this.rows.sold(tx, leg)) return null;
      if (allow === null) {
        const sendId = await send(tx, leg.id, order.call);
        return { leg: { placed: { order, quote }, sendId, deadline: order.deadline } };
      }
      const allowances = leg.allowances + 1;
      const allowanceSendId = await send(tx, `${leg.id}:allowance:${allowances}`, allow);
      return { leg: { allowances, allowanceSendId } };
    });
  }

  /** Whether an allowance is still under way. One that failed is asked for again. */
  private async awaitsAllowance({ allowanceSendId }: LegRow): Promise<boolean> {
    if (allowanceSendId === null) return false;
    const { state } = await this.wallets.status(allowanceSendId);
    return state !== 'confirmed' && state !== 'failed';
  }

  private async wait(leg: LegRow, why: string): Promise<boolean> {
    await this.changes.note(leg, why);
    return false;
  }
}
