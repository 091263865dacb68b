import { Injectable } from '@nestjs/common';
import type { Coin, TxOutcome } from '../adapters/chain.ts';
import { Chains } from '../adapters/chains/index.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import type { Transfer } from '../ledger/transfer.ts';
import type { Money } from '../money/money.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { Anchors } from './anchors.service.ts';
import { type AttemptRow, type Moved, SendRows, type SendRow } from './send-rows.service.ts';
import type { SendEvent } from './send.ts';
import { depositWallet, hotWallet } from './wallet-list.ts';

export type Included = Extract<TxOutcome, { readonly kind: 'included' }>;

interface Place {
  readonly txId: string;
  readonly height: number;
}

/** Writes down what the chain decided: state, books, coins and outbox in one transaction each. */
@Injectable()
export class Settling {
  constructor(
    private readonly database: Database,
    private readonly chains: Chains,
    private readonly rows: SendRows,
    private readonly anchors: Anchors,
    private readonly ledger: Ledger,
    private readonly outbox: Outbox,
  ) {}

  /** In a block that may still leave the chain. */
  see(send: SendRow, { txId }: AttemptRow, { block }: Included): Promise<boolean> {
    if (send.state === 'included' && send.txId === txId && send.height === block.height) return Promise.resolve(false);
    return this.act(send, 'seen', { place: { txId, height: block.height } }, async (tx) => {
      await tx.$executeRaw`
        UPDATE attempts SET state = CASE WHEN tx_id = ${txId} THEN 'included' ELSE 'broadcast' END
        WHERE send_id = ${send.id} AND (tx_id = ${txId} OR state = 'included')`;
    });
  }

  /** The block with it left the chain. */
  lose(send: SendRow): Promise<boolean> {
    return this.act(send, 'lost', { place: null }, async (tx) => {
      await tx.$executeRaw`UPDATE attempts SET state = 'broadcast' WHERE send_id = ${send.id} AND state = 'included'`;
    });
  }

  /** Final: its anchor is spent and its fee paid; its settlement is booked if it did what it should. */
  async settle(send: SendRow, { txId }: AttemptRow, outcome: Included): Promise<boolean> {
    const { success, block, fee, change, reason } = outcome;
    const settlement = success ? await this.settlement(send, txId, block.height) : [];
    if (settlement === null) return false;
    const place = { txId, height: block.height };
    return this.act(send, success ? 'settled' : 'reverted', { place, note: reason }, async (tx) => {
      await tx.$executeRaw`UPDATE sends SET fee_units = ${String(fee.units)}::numeric WHERE id = ${send.id}`;
      await tx.$executeRaw`
        UPDATE attempts SET state = CASE WHEN tx_id = ${txId} THEN 'final' ELSE 'dead' END WHERE send_id = ${send.id}`;
      await this.anchors.spend(tx, send, change, block.height);
      await this.post(tx, send, place, block.time, [...settlement, ...feeTransfer(send, fee)]);
      if (success) await this.tell(tx, 'send.confirmed', send, place);
      else await this.tell(tx, 'send.failed', send, { ...place, reason: reason ?? 'reverted' });
    });
  }

  /** A transaction that is not ours used the anchor for good: none of the attempts can confirm any more. */
  async refute(send: SendRow, usedBy: string): Promise<boolean> {
    const used = await this.usedCoins(send);
    const reason = `its anchor was used by ${usedBy}, which is not ours`;
    return this.act(send, 'refuted', { note: reason, place: null }, async (tx) => {
      await tx.$executeRaw`UPDATE attempts SET state = 'dead' WHERE send_id = ${send.id}`;
      await this.anchors.giveUp(tx, send, used);
      await this.tell(tx, 'send.failed', send, { txId: null, height: null, reason });
    });
  }

  /** One transaction under the send's row lock; nothing happens when another worker was faster. */
  private act(seen: SendRow, event: SendEvent, moved: Moved, work: (tx: Tx) => Promise<void>): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const send = await this.rows.lock(tx, seen.id);
      if (send === null || send.state !== seen.state || send.txId !== seen.txId) return false;
      if (!(await this.rows.move(tx, send, event, moved))) return false;
      await work(tx);
      return true;
    });
  }

  /** Ledger transfers of a good send; of a sweep, what arrived at the hot wallet; null while the node lacks the block. */
  private async settlement(send: SendRow, txId: string, height: number): Promise<readonly Transfer[] | null> {
    if (send.purpose !== 'sweep') return send.settlement;
    const chain = this.chains.get(send.chain);
    const hot = chain.addressAt('0/0');
    const key = chain.watchKey(hot);
    const block = await chain.block(height, { has: (asked) => asked === key, address: () => hot });
    if (block === null) return null;
    const [from, to] = [external(hotWallet(send.chain)), external(depositWallet(send.chain))];
    return block.transfers
      .filter((transfer) => transfer.txId === txId)
      .flatMap(({ asset, units }) => (asset === null || units === 0n ? [] : [{ from, to, asset, units }]));
  }

  private async usedCoins({ anchor, chain }: SendRow): Promise<Coin[]> {
    if (anchor?.kind !== 'coins') return [];
    const used: Coin[] = [];
    for (const coin of anchor.coins) {
      const outcome = await this.chains.get(chain).anchor({ ...anchor, coins: [coin] });
      if (outcome.kind === 'used') used.push(coin);
    }
    return used;
  }

  private async post(tx: Tx, send: SendRow, place: Place, at: Date, transfers: readonly Transfer[]): Promise<void> {
    if (transfers.length === 0) return;
    await this.ledger.post(tx, [
      {
        key: `send.settled:${send.id}`,
        kind: `send.${send.purpose}`,
        cause: send.id,
        effectiveAt: at,
        tenantId: send.tenantId,
        transfers: transfers.map((transfer) => ({ ...transfer, place })),
      },
    ]);
  }

  private tell(tx: Tx, type: string, send: SendRow, data: Readonly<Record<string, unknown>>): Promise<void> {
    const { id, purpose, cause, tenantId } = send;
    return this.outbox.write(tx, [{ type, subject: id, tenantId, data: { sendId: id, purpose, cause, ...data } }]);
  }
}

const external = (walletId: string): string => `external:${walletId}`;

/** The fee comes out of the wallet that signed, whether or not the transaction did what it should. */
function feeTransfer(send: SendRow, { asset, units }: Money): Transfer[] {
  return units === 0n ? [] : [{ from: 'expense:network', to: external(send.walletId), asset, units }];
}
