import { Injectable } from '@nestjs/common';
import { viewMoney } from '../access/fields.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import type { Journal, Transfer } from '../ledger/transfer.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { divide } from '../money/rate.ts';
import { Clock } from '../platform/clock.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { holdings, type LegEvent, nextLeg, type SwapState, swapStateOf } from './swap.ts';
import { type LegRow, SwapRows, type SwapRow } from './swap-rows.service.ts';
import { lockAssets, PLACE_WITHIN_MS } from './timing.ts';

/** What an event does to a leg, and what is booked for it. */
export interface LegChange {
  readonly leg: Partial<LegRow>;
  readonly transfers?: readonly Transfer[];
}

interface Told {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The one way a leg changes: its state, the books, its swap and the outbox in one transaction. */
@Injectable()
export class LegChanges {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly ledger: Ledger,
    private readonly rows: SwapRows,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Applies an event to a leg that was seen in a state. False, and nothing is changed, if it is in another by now or
   * `change` finds that it cannot be. `change` runs under the locks.
   */
  apply(seen: LegRow, event: LegEvent, change: (tx: Tx, now: Date) => Promise<LegChange | null>): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const earlier = await this.rows.find(tx, seen.swapId);
      if (earlier === undefined) throw new Error(`there is no swap ${seen.swapId}`);
      await lockAssets(tx, [earlier.fromAsset, earlier.toAsset, seen.fromAsset, seen.toAsset]);
      const swap = await this.rows.lock(tx, seen.swapId);
      const leg = swap.legs.find(({ id }) => id === seen.id);
      const state = leg && leg.state === seen.state ? nextLeg(leg.state, event) : undefined;
      if (leg === undefined || state === undefined) return false;
      const now = await this.clock.now(tx);
      const changed = await change(tx, now);
      if (changed === null) return false;
      await this.write(tx, swap, { ...leg, note: null, ...changed.leg, state }, changed.transfers ?? [], now);
      return true;
    });
  }

  /** Gives a leg up on evidence that it can no longer execute: what its swap holds goes back to the desk. */
  giveUp(leg: LegRow, why: string, confirm: (tx: Tx) => Promise<boolean> = () => Promise.resolve(true)) {
    return this.apply(leg, 'refuted', async (tx) => ((await confirm(tx)) ? { leg: { note: why } } : null));
  }

  /** Writes down why a leg waits, if that is new. */
  async note(leg: LegRow, note: string): Promise<void> {
    if (leg.note === note) return;
    await this.database.transaction(async (tx) => {
      const current = (await this.rows.lock(tx, leg.swapId)).legs.find(({ id }) => id === leg.id);
      if (current?.state === leg.state) await this.rows.saveLeg(tx, { ...current, note });
    });
  }

  private async write(tx: Tx, swap: SwapRow, leg: LegRow, transfers: readonly Transfer[], now: Date): Promise<void> {
    const legs = swap.legs.map((one) => (one.id === leg.id ? leg : one));
    await this.rows.saveLeg(tx, leg);
    const following = legs.find(({ n }) => n === leg.n + 1);
    if (leg.outputUnits !== null && following !== undefined) {
      await this.rows.saveLeg(tx, started(following, leg.outputUnits, now));
    }
    const state = swapStateOf(legs.map((one) => one.state));
    const journals = [...legJournal(leg, transfers, now), ...endJournal(swap, legs, state, now)];
    await this.ledger.post(tx, journals);
    const output = state === 'done' ? (legs.at(-1)?.outputUnits ?? null) : null;
    await this.rows.saveState(tx, swap.id, state, output, state === 'failed' ? leg.note : null);
    if (state !== swap.state) await this.tell(tx, swap, this.told(swap, state, output, leg.note));
  }

  private told(swap: SwapRow, state: SwapState, output: bigint | null, reason: string | null): Told[] {
    const view = (asset: string, units: bigint) => viewMoney(this.catalog.require(asset), units);
    const data = { swapId: swap.id, input: view(swap.fromAsset, swap.inputUnits) };
    if (state === 'done' && output !== null)
      return [{ type: 'swap.done', data: { ...data, output: view(swap.toAsset, output) } }];
    return state === 'failed' || state === 'held' ? [{ type: `swap.${state}`, data: { ...data, reason } }] : [];
  }

  private tell(tx: Tx, { id }: SwapRow, events: readonly Told[]): Promise<void> {
    return this.outbox.write(
      tx,
      events.map((event) => ({ ...event, subject: id, tenantId: null })),
    );
  }
}

/** A leg whose input has arrived: what was planned for it, for what it really got. */
function started(leg: LegRow, inputUnits: bigint, now: Date): LegRow {
  const scale = (units: bigint) => divide(units * inputUnits, leg.inputUnits, 'ceil');
  const planned = { expectedUnits: scale(leg.expectedUnits), minimumUnits: scale(leg.minimumUnits) };
  return { ...leg, inputUnits, ...planned, deadline: new Date(now.getTime() + PLACE_WITHIN_MS) };
}

function legJournal(leg: LegRow, transfers: readonly Transfer[], effectiveAt: Date): Journal[] {
  if (transfers.length === 0) return [];
  return [{ key: `swap.leg:${leg.id}`, kind: 'swap.leg', cause: leg.swapId, effectiveAt, transfers }];
}

/** A swap that ended holds nothing: its output, or whatever it has, is the desk's. */
function endJournal(swap: SwapRow, legs: readonly LegRow[], state: SwapState, effectiveAt: Date): Journal[] {
  if (state !== 'done' && state !== 'failed') return [];
  const held = holdings(swap.fromAsset, swap.inputUnits, legs);
  const transfers = [...held].map(([asset, units]) => ({ from: `swap:${swap.id}`, to: 'desk:main', asset, units }));
  return [{ key: `swap.${state}:${swap.id}`, kind: `swap.${state}`, cause: swap.id, effectiveAt, transfers }];
}
