import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { AssetId } from '../money/asset.ts';
import { Database } from '../platform/database.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { Flattening } from './flattening.service.ts';
import { Following } from './following.service.ts';
import { Placing } from './placing.service.ts';
import type { SwapState } from './swap.ts';
import { type LegRow, SwapRows, type SwapRow } from './swap-rows.service.ts';

/** Open swaps looked at in one round. */
const ROUND_MAX = 200;

/** Swaps as the other rooms and the jobs know them. */
@Injectable()
export class Swaps {
  constructor(
    private readonly database: Database,
    private readonly flattening: Flattening,
    private readonly placing: Placing,
    private readonly following: Following,
    private readonly rows: SwapRows,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Plans what brings the positions back to their targets. Returns how many swaps were planned. */
  flatten(): Promise<number> {
    return this.flattening.flatten();
  }

  /**
   * Takes every open swap as far as it goes now. Any number of workers may do it at once. Returns how many steps were
   * made. A swap in trouble does not hold up the others.
   */
  async advance(): Promise<number> {
    let steps = 0;
    for (const { id } of await this.rows.open(this.database.prisma, ROUND_MAX)) {
      try {
        while (await this.step(id)) steps += 1;
      } catch (err) {
        this.logger.error({ err, swapId: id }, 'a swap was not advanced');
      }
    }
    return steps;
  }

  find(id: string): Promise<SwapRow | undefined> {
    return this.rows.find(this.database.prisma, id);
  }

  /** Newest first, `limit + 1` rows after the cursor. @throws Refusal `invalid_cursor` */
  list(state: SwapState | undefined, limit: number, cursor: string | undefined): Promise<SwapRow[]> {
    return this.rows.list(this.database.prisma, state, limit, cursor);
  }

  /**
   * What swaps moved at a wallet in blocks up to `height` that is not in the books yet, by asset: positive for what left.
   * For `reconcile`, beside `Wallets.unsettled`.
   */
  async unsettled(walletId: string, height: number): Promise<{ asset: AssetId; units: bigint }[]> {
    const sums = new Map<AssetId, bigint>();
    for (const { legs } of await this.rows.open(this.database.prisma, ROUND_MAX)) {
      for (const leg of legs) {
        for (const { asset, units } of await this.following.unbooked(leg, walletId, height)) {
          sums.set(asset, (sums.get(asset) ?? 0n) + units);
        }
      }
    }
    return [...sums].map(([asset, units]) => ({ asset, units }));
  }

  private async step(id: string): Promise<boolean> {
    const swap = await this.find(id);
    if (swap === undefined || swap.doneAt !== null) return false;
    const leg = swap.legs.find(({ state }) => state !== 'done' && state !== 'partial');
    return leg === undefined ? false : this.stepLeg(leg);
  }

  private stepLeg(leg: LegRow): Promise<boolean> {
    return leg.state === 'ready' || leg.state === 'intent' ? this.placing.place(leg) : this.following.follow(leg);
  }
}
