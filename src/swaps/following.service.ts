import { Injectable } from '@nestjs/common';
import type { LegResult } from '../adapters/venue.ts';
import { Venues } from '../adapters/venues/index.ts';
import type { Transfer } from '../ledger/transfer.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import type { Money } from '../money/money.ts';
import { Clock } from '../platform/clock.ts';
import { hotWallet } from '../wallets/wallet-list.ts';
import { type SendStatus, Wallets } from '../wallets/wallets.service.ts';
import { LegChanges } from './leg-changes.service.ts';
import type { LegRow } from './swap-rows.service.ts';

/** Past its deadline for this long without a block, a leg is in doubt. */
const DOUBT_AFTER_MS = 5 * 60_000;

/** Reads from evidence what became of a leg that was handed over. It never orders anything again. */
@Injectable()
export class Following {
  constructor(
    private readonly catalog: AssetCatalog,
    private readonly clock: Clock,
    private readonly venues: Venues,
    private readonly wallets: Wallets,
    private readonly changes: LegChanges,
  ) {}

  /** True if the leg moved. */
  async follow(leg: LegRow): Promise<boolean> {
    const send = await this.sendOf(leg);
    const { state, note, txId, height } = send;
    if (state === 'confirmed') {
      const result = await this.result(leg, send);
      if (result.kind === 'failed')
        return this.doubt(leg, `confirmed in ${txId}, but the venue says: ${result.reason}`);
      if (result.kind === 'pending' || txId === null || height === null) return false;
      return this.book(leg, result, { txId, height });
    }
    if (state === 'failed') return this.changes.giveUp(leg, note ?? 'its transaction failed');
    if (state === 'included') return leg.state === 'seen' ? false : this.move(leg, 'included', null);
    if (leg.state === 'seen') return this.move(leg, 'lost', null);
    return this.late(leg, send);
  }

  /** What left (positive) and entered (negative) a wallet up to a height and is not in the books yet, by leg. */
  async unbooked(leg: LegRow, walletId: string, upTo: number): Promise<Money[]> {
    if (leg.sendId === null || leg.outputUnits !== null) return [];
    const send = await this.sendOf(leg);
    if (send.height === null || send.height > upTo || (send.state !== 'included' && send.state !== 'confirmed'))
      return [];
    const result = await this.result(leg, send);
    if (result.kind !== 'done') return [];
    const { input, output } = result;
    const flows = [input, { ...output, units: -output.units }];
    return flows.filter(({ asset }) => this.walletOf(asset) === walletId);
  }

  private book(
    leg: LegRow,
    { input, output, fees }: Extract<LegResult, { readonly kind: 'done' }>,
    place: { readonly txId: string; readonly height: number },
  ): Promise<boolean> {
    const account = `swap:${leg.swapId}`;
    const transfers: Transfer[] = [
      { from: account, to: `external:${this.walletOf(input.asset)}`, ...input, place },
      { from: `external:${this.walletOf(output.asset)}`, to: account, ...output, place },
    ];
    const change = { leg: { spentUnits: input.units, outputUnits: output.units, fees }, transfers };
    const event = input.units < leg.inputUnits ? 'settledInPart' : 'settled';
    return this.changes.apply(leg, event, () => Promise.resolve(change));
  }

  /** In no block. Past its deadline it is taken back if nothing was signed; otherwise only the chain can tell. */
  private async late(leg: LegRow, { id, state }: SendStatus): Promise<boolean> {
    const overdueMs = (await this.clock.now()).getTime() - leg.deadline.getTime();
    if (overdueMs <= 0) return false;
    if (state === 'planned' || state === 'unfunded')
      return this.changes.giveUp(leg, 'not signed before its deadline', (tx) => this.wallets.cancel(tx, id));
    return overdueMs < DOUBT_AFTER_MS ? false : this.doubt(leg, 'past its deadline, and in no block');
  }

  private async doubt(leg: LegRow, why: string): Promise<boolean> {
    return leg.state === 'doubt' ? false : this.move(leg, 'doubted', why);
  }

  private move(leg: LegRow, event: 'included' | 'lost' | 'doubted', note: string | null): Promise<boolean> {
    return this.changes.apply(leg, event, () => Promise.resolve({ leg: { note } }));
  }

  private async result(leg: LegRow, { txId }: SendStatus): Promise<LegResult> {
    if (leg.placed === null || txId === null) throw new Error(`leg ${leg.id} is ${leg.state} without an order`);
    return this.venues.get(leg.venue).result(leg.placed.order, leg.placed.quote, txId);
  }

  private sendOf({ id, sendId }: LegRow): Promise<SendStatus> {
    if (sendId === null) throw new Error(`leg ${id} was handed over without a send`);
    return this.wallets.status(sendId);
  }

  private walletOf(asset: string): string {
    return hotWallet(this.catalog.require(asset).chain);
  }
}
