import { Injectable } from '@nestjs/common';
import type { Chain, ChainBlock, IncomingTransfer } from '../adapters/chain.ts';
import type { Tx } from '../platform/database.ts';
import { Database } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import { Wallets } from '../wallets/wallets.service.ts';
import { next } from './deposit.ts';
import { reorgJournal } from './journals.ts';
import { transferData } from './view.ts';

interface OwnAddress {
  readonly id: string;
  readonly created_at: Date;
  readonly wallet_id: string;
  readonly lease_id: string | null;
  readonly tenant_id: string | null;
}

interface Orphan {
  readonly id: string;
  readonly tenant_id: string | null;
  readonly lease_id: string | null;
  readonly wallet_id: string;
  readonly asset: string | null;
  readonly units: string;
  readonly reversals: number;
}

interface Sighting {
  readonly feeOk: boolean;
  readonly seenAt: Date;
  readonly block: Pick<ChainBlock, 'height' | 'hash' | 'time'> | null;
}

/** Stores what chains show of money at our addresses. It never books anything. */
@Injectable()
export class Observations {
  constructor(
    private readonly database: Database,
    private readonly wallets: Wallets,
    private readonly ledger: Ledger,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Transfers of a block. One seen before keeps the time it was first seen at, unless it had been dropped since.
   * `notBefore` is when the chain was last read to its end, without this block.
   */
  async included(
    tx: Tx,
    chain: Chain,
    block: ChainBlock,
    { now, notBefore }: { readonly now: Date; readonly notBefore: Date | null },
  ): Promise<void> {
    // A block read late still counts from its own time, which a payer relied on. That time may be well before the block
    // was there: Ethereum's is the start of its slot in whole seconds, Bitcoin's may lag by hours.
    const seenAt = earlier(now, later(block.time, notBefore ?? block.time));
    for (const transfer of block.transfers) await this.observe(tx, chain, transfer, { feeOk: true, seenAt, block });
  }

  /** Transfers in the mempool; `targetFeeRate` is the node's estimate for six blocks. */
  async pending(
    tx: Tx,
    chain: Chain,
    transfers: readonly IncomingTransfer[],
    targetFeeRate: bigint,
    now: Date,
  ): Promise<void> {
    for (const transfer of transfers) {
      const feeOk = transfer.feeRate !== null && transfer.feeRate >= targetFeeRate;
      await this.observe(tx, chain, transfer, { feeOk, seenAt: now, block: null });
    }
  }

  /** Deposits of a chain that are known from the mempool alone. */
  async unmined(chainId: string): Promise<{ readonly id: string; readonly txId: string; readonly place: string }[]> {
    return this.database.prisma.$queryRaw`
      SELECT id, tx_id AS "txId", place FROM deposits WHERE chain = ${chainId} AND state = 'seen' AND height IS NULL`;
  }

  /** Marks deposits that left the mempool without being mined. Should one return, it is seen anew, at that time. */
  async dropped(tx: Tx, ids: readonly string[]): Promise<void> {
    const rows = await tx.$queryRaw<{ id: string; tenant_id: string | null }[]>`
      UPDATE deposits SET state = ${next('seen', 'vanished')} WHERE id = ANY(${[...ids]}) AND state = 'seen' AND height IS NULL
      RETURNING id, tenant_id`;
    await this.outbox.write(
      tx,
      rows.map(({ id, tenant_id }) => ({
        type: 'deposit.dropped',
        subject: id,
        tenantId: tenant_id,
        data: { depositId: id },
      })),
    );
  }

  /**
   * Takes back what blocks above `height` showed: unbooked deposits wait again; booked ones become `reorged`, and the
   * books stop counting on the money at once, so that they never stand above the chain.
   */
  async orphaned(tx: Tx, chainId: string, height: number, now: Date): Promise<void> {
    await tx.$executeRaw`
      UPDATE deposits SET height = NULL, block_hash = NULL, block_time = NULL
      WHERE chain = ${chainId} AND height > ${height} AND state = 'seen'`;
    const rows = await tx.$queryRaw<Orphan[]>`
      UPDATE deposits SET reorged_from = state, state = ${next('credited', 'orphaned')}, reorged_at = ${now}, reversals = reversals + 1,
        height = NULL, block_hash = NULL, block_time = NULL
      WHERE chain = ${chainId} AND height > ${height}
        AND state IN ('confirmed', 'credited', 'returned', 'unclaimed', 'float')
      RETURNING id, tenant_id, lease_id, wallet_id, asset, units::text AS units, reversals`;
    const booked = rows.filter(({ asset }) => asset !== null);
    await this.ledger.post(
      tx,
      booked.map((row) => reorgJournal(row, height, now)),
    );
    for (const { id } of booked) await this.wallets.unregisterCoin(tx, id);
    await this.outbox.write(
      tx,
      rows.map((row) => ({
        type: 'deposit.reorged',
        subject: row.id,
        tenantId: row.tenant_id,
        data: { depositId: row.id, leaseId: row.lease_id, forkHeight: height },
      })),
    );
  }

  private async observe(tx: Tx, chain: Chain, transfer: IncomingTransfer, sighting: Sighting): Promise<void> {
    const { block } = sighting;
    const updated = await tx.$queryRaw<{ id: string }[]>`
      UPDATE deposits SET
        height = ${block?.height ?? null}, block_hash = ${block?.hash ?? null}, block_time = ${block?.time ?? null},
        seen_at = CASE WHEN state IN ('dropped', 'unwound') OR NOT fee_ok THEN ${sighting.seenAt} ELSE seen_at END,
        fee_ok = CASE WHEN state IN ('dropped', 'unwound') THEN ${sighting.feeOk} ELSE fee_ok OR ${sighting.feeOk} END,
        state = CASE WHEN state IN ('dropped', 'unwound') THEN 'seen' ELSE state END
      WHERE chain = ${chain.id} AND tx_id = ${transfer.txId} AND place = ${transfer.place}
        AND (${block !== null} OR (height IS NULL AND state IN ('seen', 'dropped')))
      RETURNING id`;
    if (updated.length > 0) return;
    const [known] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM deposits WHERE chain = ${chain.id} AND tx_id = ${transfer.txId} AND place = ${transfer.place}`;
    if (known === undefined) await this.insert(tx, chain, transfer, sighting);
  }

  private async insert(
    tx: Tx,
    chain: Chain,
    transfer: IncomingTransfer,
    { feeOk, seenAt, block }: Sighting,
  ): Promise<void> {
    const [own] = await tx.$queryRaw<OwnAddress[]>`
      SELECT id, created_at, wallet_id, lease_id, tenant_id FROM addresses WHERE chain = ${chain.id} AND address = ${transfer.address}`;
    if (own === undefined) throw new Error(`${chain.id} driver reported ${transfer.address}, which is not watched`);
    // A sweep into the hot wallet or change is no deposit: the send that made it books it.
    if (own.lease_id === null && (await this.wallets.isOwnTransaction(transfer.txId))) return;
    const id = newId('deposit');
    await tx.$executeRaw`
      INSERT INTO deposits (id, chain, tx_id, place, address_id, wallet_id, lease_id, tenant_id, asset, reference,
        units, state, spendable, fee_rate, fee_ok, seen_at, height, block_hash, block_time)
      VALUES (${id}, ${chain.id}, ${transfer.txId}, ${transfer.place}, ${own.id}, ${own.wallet_id}, ${own.lease_id},
        ${own.tenant_id}, ${transfer.asset}, ${transfer.reference}, ${transfer.units.toString()}::numeric, 'seen',
        ${transfer.spendable}, ${transfer.feeRate?.toString() ?? null}::numeric, ${feeOk},
        ${later(seenAt, own.created_at)},
        ${block?.height ?? null}, ${block?.hash ?? null}, ${block?.time ?? null})`;
    await this.outbox.write(tx, [
      {
        type: 'deposit.seen',
        subject: id,
        tenantId: own.tenant_id,
        data: { ...transferData(chain.assets, transfer), depositId: id, leaseId: own.lease_id },
      },
    ]);
  }
}

const later = (a: Date, b: Date): Date => (a > b ? a : b);
const earlier = (a: Date, b: Date): Date => (a < b ? a : b);
