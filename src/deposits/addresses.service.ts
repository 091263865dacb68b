import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import type { Chain, WatchList } from '../adapters/chain.ts';
import { WatchedKeys } from '../adapters/watch-list.ts';
import { Clock } from '../platform/clock.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { depositWallet, hotWallet, WALLETS } from '../wallets/wallet-list.ts';
import { Wallets } from '../wallets/wallets.service.ts';

export interface DepositAddress {
  readonly id: string;
  readonly chain: string;
  readonly address: string;
}

interface WatchedRow {
  readonly address: string;
  readonly watch_key: string;
}

/** Deposit addresses: one for each lease and chain, never used for another, watched for ever. */
@Injectable()
export class Addresses {
  private readonly lists = new Map<string, AddressList>();

  constructor(
    private readonly chains: Chains,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly wallets: Wallets,
  ) {}

  /** The lease's address on a chain; made at the first call. */
  async open(
    tx: Tx,
    chainId: string,
    lease: { readonly id: string; readonly tenantId: string },
  ): Promise<DepositAddress> {
    const [known] = await tx.$queryRaw<DepositAddress[]>`
      SELECT id, chain, address FROM addresses WHERE lease_id = ${lease.id} AND chain = ${chainId}`;
    if (known !== undefined) return known;
    const chain = this.chains.get(chainId);
    const [row] = await tx.$queryRaw<{ index: number }[]>`SELECT nextval('address_index')::integer AS index`;
    if (row === undefined) throw new Error('address_index gave no number');
    const salt = createHash('sha256').update(lease.id).digest('hex');
    return this.store(tx, chain, depositWallet(chainId), { ...chain.depositAddress(row.index, salt), salt }, lease);
  }

  /** Makes the operator's own address of each chain, the hot wallet's first, watched: money there is float. Run at start. */
  async openFloat(): Promise<void> {
    for (const chain of this.chains.all()) {
      await this.database.transaction(async (tx) => {
        const walletId = hotWallet(chain.id);
        // Several workers may start at once; wallets are never changed, so there is no row to lock.
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`float:${chain.id}`}, 0))`;
        const [wallet] = await tx.$queryRaw<{ address: string }[]>`SELECT address FROM wallets WHERE id = ${walletId}`;
        if (wallet === undefined) throw new Error(`wallet ${walletId} is not stored`);
        const [known] = await tx.$queryRaw<{ id: string }[]>`
          SELECT id FROM addresses WHERE chain = ${chain.id} AND address = ${wallet.address}`;
        // The wallet's own address is registered with it.
        const path = WALLETS.find(({ id }) => id === walletId)?.path ?? '';
        if (known === undefined)
          await this.store(tx, chain, walletId, { address: wallet.address, path, salt: '' }, null);
      });
    }
  }

  /** The operator's address on each chain. */
  async floatAddresses(): Promise<DepositAddress[]> {
    return this.database.prisma.$queryRaw<DepositAddress[]>`
      SELECT id, chain, address FROM addresses WHERE lease_id IS NULL ORDER BY chain`;
  }

  /** All addresses of a chain, up to date with everything committed before the call. */
  async watched(chain: Chain): Promise<WatchList> {
    const list = this.lists.get(chain.id) ?? new AddressList();
    this.lists.set(chain.id, list);
    // Rows of transactions that were still open at the last look have an xid at or above its snapshot's floor.
    const { rows: floor } = await this.database.pool.query<{ xmin: string }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin',
    );
    const { rows } = await this.database.pool.query<WatchedRow>(
      'SELECT address, watch_key FROM addresses WHERE chain = $1 AND xid >= $2::xid8',
      [chain.id, list.floor],
    );
    list.load(rows, floor[0]?.xmin ?? list.floor);
    return list;
  }

  private async store(
    tx: Tx,
    chain: Chain,
    walletId: string,
    at: { readonly address: string; readonly path: string; readonly salt: string },
    lease: { readonly id: string; readonly tenantId: string } | null,
  ): Promise<DepositAddress> {
    const id = newId('address');
    await tx.$executeRaw`
      INSERT INTO addresses (id, chain, address, watch_key, wallet_id, path, salt, lease_id, tenant_id, created_at)
      VALUES (${id}, ${chain.id}, ${at.address}, ${chain.watchKey(at.address)}, ${walletId}, ${at.path}, ${at.salt},
              ${lease?.id ?? null}, ${lease?.tenantId ?? null}, ${await this.clock.now(tx)})`;
    await this.wallets.registerAddress(tx, { chain: chain.id, address: at.address, path: at.path });
    return { id, chain: chain.id, address: at.address };
  }
}

/** A chain's addresses, and how far they were loaded. */
class AddressList extends WatchedKeys {
  /** Rows of transactions from this one on may be missing. */
  floor = '0';

  load(rows: readonly WatchedRow[], floor: string): void {
    for (const row of rows) this.add(row.watch_key, row.address);
    this.floor = floor;
  }
}
