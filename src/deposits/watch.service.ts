import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import type { BlockRef, Chain, ChainBlock, IncomingTransfer } from '../adapters/chain.ts';
import { Clock } from '../platform/clock.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Addresses } from './addresses.service.ts';
import { Observations } from './observations.service.ts';

interface Cursor {
  readonly height: number;
  readonly hash: string;
}

interface StoredCursor extends Cursor {
  /** When this was the newest block there was; null if more were to be read. */
  readonly newestAt: Date | null;
}

/** Blocks kept to find a fork; a deeper reorganisation stops the reader with an error. */
const BLOCKS_KEPT = 2_000;
const BLOCKS_PER_PASS = 500;

/**
 * Reads a chain block by block. What a block shows and how far was read are stored in one transaction; nothing else
 * happens here. A block that does not follow the last one read starts the search for the fork.
 */
@Injectable()
export class ChainWatch {
  constructor(
    private readonly chains: Chains,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly addresses: Addresses,
    private readonly observations: Observations,
  ) {}

  /** Reads what is new on a chain; returns how many blocks. One reader at a time: a second one returns 0 at once. */
  async run(chainId: string): Promise<number> {
    const chain = this.chains.get(chainId);
    const lock = await this.database.pool.connect();
    try {
      const name = `watch:${chainId}`;
      const { rows } = await lock.query<{ ok: boolean }>('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS ok', [
        name,
      ]);
      if (rows[0]?.ok !== true) return 0;
      try {
        return await this.read(chain);
      } finally {
        await lock.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
      }
    } finally {
      lock.release();
    }
  }

  private async read(chain: Chain): Promise<number> {
    const tip = await chain.tip();
    const stored = await this.cursor(chain.id);
    let cursor: Cursor = stored ?? (await this.start(chain, tip));
    const still = await chain.blockRef(cursor.height);
    if (still?.hash !== cursor.hash) cursor = await this.rewind(chain, cursor);
    let blocks = 0;
    while (cursor.height < tip.height && blocks < BLOCKS_PER_PASS) {
      const block = await chain.block(cursor.height + 1, await this.addresses.watched(chain));
      if (block === null) break;
      if (block.parentHash !== cursor.hash) {
        cursor = await this.rewind(chain, cursor);
        continue;
      }
      await this.store(chain, block, Math.max(tip.height, block.height), stored?.newestAt ?? null);
      crashpoint('watch.stored');
      cursor = block;
      blocks += 1;
    }
    if (blocks === 0) await this.touch(chain, tip);
    if (cursor.height >= tip.height) await this.readMempool(chain);
    return blocks;
  }

  private async cursor(chainId: string): Promise<StoredCursor | undefined> {
    const rows = await this.database.prisma.$queryRaw<StoredCursor[]>`
      SELECT height::integer AS height, hash, CASE WHEN height >= tip_height THEN read_at END AS "newestAt"
      FROM chain_cursors WHERE chain = ${chainId}`;
    return rows[0];
  }

  /** A chain is read from its tip of the first start: no address of ours is older than that. */
  private async start(chain: Chain, tip: BlockRef): Promise<Cursor> {
    const now = await this.clock.now();
    await this.database.transaction(async (tx) => {
      await tx.$executeRaw`
        INSERT INTO chain_cursors (chain, height, hash, block_time, tip_height, final_height, read_at)
        VALUES (${chain.id}, ${tip.height}, ${tip.hash}, ${tip.time}, ${tip.height}, 0, ${now})
        ON CONFLICT (chain) DO NOTHING`;
      await keepBlock(tx, chain.id, tip);
    });
    return tip;
  }

  private async store(chain: Chain, block: ChainBlock, tipHeight: number, notBefore: Date | null): Promise<void> {
    const finalHeight = Math.min(await chain.finalHeight(), tipHeight);
    const now = await this.clock.now();
    await this.database.transaction(async (tx) => {
      await this.observations.included(tx, chain, block, { now, notBefore });
      await keepBlock(tx, chain.id, block);
      await tx.$executeRaw`
        UPDATE chain_cursors SET height = ${block.height}, hash = ${block.hash}, block_time = ${block.time},
          tip_height = ${tipHeight}, final_height = greatest(final_height, ${finalHeight}), read_at = ${now}
        WHERE chain = ${chain.id}`;
      await tx.$executeRaw`DELETE FROM chain_blocks WHERE chain = ${chain.id} AND height < ${block.height - BLOCKS_KEPT}`;
    });
  }

  private async touch(chain: Chain, tip: BlockRef): Promise<void> {
    const finalHeight = Math.min(await chain.finalHeight(), tip.height);
    await this.database.prisma.$executeRaw`
      UPDATE chain_cursors SET tip_height = ${tip.height}, read_at = ${await this.clock.now()},
        final_height = greatest(final_height, ${finalHeight})
      WHERE chain = ${chain.id}`;
  }

  /** Goes back to the last block that is still in the chain and takes back what the blocks above it showed. */
  private async rewind(chain: Chain, from: Cursor): Promise<Cursor> {
    const kept = await this.database.prisma.$queryRaw<{ height: number; hash: string; time: Date }[]>`
      SELECT height::integer AS height, hash, time FROM chain_blocks WHERE chain = ${chain.id} AND height < ${from.height} ORDER BY height DESC`;
    for (const row of kept) {
      const { height } = row;
      const there = await chain.blockRef(height);
      if (there?.hash !== row.hash) continue;
      const now = await this.clock.now();
      await this.database.transaction(async (tx) => {
        await this.observations.orphaned(tx, chain.id, height, now);
        await tx.$executeRaw`DELETE FROM chain_blocks WHERE chain = ${chain.id} AND height > ${height}`;
        await tx.$executeRaw`
          UPDATE chain_cursors SET height = ${height}, hash = ${row.hash}, block_time = ${row.time}, read_at = ${now}
          WHERE chain = ${chain.id}`;
      });
      crashpoint('watch.rewound');
      return { height, hash: row.hash };
    }
    throw new Error(
      `${chain.id} was reorganised below height ${kept.at(-1)?.height ?? from.height}: deeper than is kept`,
    );
  }

  private async readMempool(chain: Chain): Promise<void> {
    const transfers: readonly IncomingTransfer[] = await chain.mempool(await this.addresses.watched(chain));
    const target = transfers.length > 0 ? await chain.feeRate(6) : 0n;
    const now = await this.clock.now();
    const missing = await this.observations.unmined(chain.id);
    const gone: string[] = [];
    const present = new Set(transfers.map(({ txId, place }) => `${txId} ${place}`));
    for (const { id, txId, place } of missing) {
      // It may have been mined a moment ago: only a node that does not know it at all says that it is gone.
      if (!present.has(`${txId} ${place}`) && (await chain.find(txId)).kind === 'unknown') gone.push(id);
    }
    if (transfers.length === 0 && gone.length === 0) return;
    await this.database.transaction(async (tx) => {
      await this.observations.pending(tx, chain, transfers, target, now);
      await this.observations.dropped(tx, gone);
    });
  }
}

async function keepBlock(tx: Tx, chainId: string, block: BlockRef): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO chain_blocks (chain, height, hash, time) VALUES (${chainId}, ${block.height}, ${block.hash}, ${block.time})
    ON CONFLICT (chain, height) DO UPDATE SET hash = excluded.hash, time = excluded.time`;
}
