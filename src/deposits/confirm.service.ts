import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import type { Chain } from '../adapters/chain.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import { policyOf } from '../markets/policy.ts';
import { parseUnits } from '../money/codec.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { Refusal } from '../platform/refusal.ts';
import { Wallets } from '../wallets/wallets.service.ts';
import { creditDepth, type DepositState, next, usdMicros } from './deposit.ts';
import { confirmJournal, restoreJournal } from './journals.ts';

export interface DueRow {
  readonly id: string;
  readonly chain: string;
  readonly tx_id: string;
  readonly place: string;
  readonly state: 'seen' | 'reorged';
  readonly reversals: number;
  readonly wallet_id: string;
  readonly lease_id: string | null;
  readonly tenant_id: string | null;
  readonly asset: string;
  readonly units: string;
  readonly height: number;
  readonly tip: number;
  readonly final: number;
  /** Index of its output, on chains that have coins. */
  readonly vout: number | null;
  readonly block_time: Date;
  readonly address: string;
  readonly path: string;
  readonly reorged_from: string | null;
}

interface ReleaseRow {
  readonly id: string;
  readonly asset: string;
  readonly depth: number;
  readonly final: boolean;
  readonly tenant_id: string | null;
  readonly address: string;
}

/** Deposits of one pass; more wait for the next. */
const BATCH = 200;

/** Books deposits that are deep enough, restores those mined again, and releases what is final. */
@Injectable()
export class ConfirmDeposits {
  constructor(
    private readonly chains: Chains,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
    private readonly ledger: Ledger,
    private readonly wallets: Wallets,
    private readonly outbox: Outbox,
  ) {}

  /** Confirms and restores what is due on a chain; returns how many. */
  async confirm(chainId: string): Promise<number> {
    const now = await this.clock.now();
    const confirmed = await this.database.transaction(async (tx) => {
      const rows = await tx.$queryRaw<DueRow[]>`
        SELECT d.id, d.chain, d.tx_id, d.place, d.state, d.reversals, d.wallet_id, d.lease_id, d.tenant_id, d.asset,
               d.units::text AS units, d.height::integer AS height, c.tip_height::integer AS tip, c.final_height::integer AS final,
               d.block_time, a.address, a.path, substring(d.place FROM '^vout:([0-9]+)$')::integer AS vout,
               d.reorged_from
        FROM deposits d JOIN chain_cursors c ON c.chain = d.chain JOIN addresses a ON a.id = d.address_id
        WHERE d.chain = ${chainId} AND d.state IN ('seen', 'reorged') AND d.height IS NOT NULL AND d.asset IS NOT NULL
          AND d.spendable
        ORDER BY d.height, d.tx_id, d.place
        LIMIT ${BATCH} FOR UPDATE OF d SKIP LOCKED`;
      const due: DueRow[] = [];
      for (const row of rows) if (await this.isDeep(tx, row)) due.push(row);
      await this.book(tx, due, now);
      return due.length;
    });
    if (confirmed > 0) crashpoint('deposit.confirmed');
    return confirmed;
  }

  /** Lists tokens that are not ours to credit as unclaimed, once they are in a block. Nothing is booked for them. */
  async setAsideUnknown(chainId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const rows = await tx.$queryRaw<{ id: string; tenant_id: string | null }[]>`
        UPDATE deposits SET state = 'unclaimed', reason = 'unknown-token'
        WHERE chain = ${chainId} AND state = 'seen' AND asset IS NULL AND height IS NOT NULL RETURNING id, tenant_id`;
      await this.outbox.write(
        tx,
        rows.map(({ id, tenant_id }) => unclaimed(id, tenant_id, 'unknown-token')),
      );
    });
  }

  /** Releases booked deposits that are final or at their release depth: their coin may be spent, their lots paid. */
  async release(chainId: string): Promise<number> {
    const now = await this.clock.now();
    return this.database.transaction(async (tx) => {
      const rows = await tx.$queryRaw<ReleaseRow[]>`
        SELECT d.id, d.asset, (c.tip_height - d.height + 1)::integer AS depth, d.height <= c.final_height AS final, d.tenant_id, a.address
        FROM deposits d JOIN chain_cursors c ON c.chain = d.chain JOIN addresses a ON a.id = d.address_id
        WHERE d.chain = ${chainId} AND d.released_at IS NULL AND d.asset IS NOT NULL AND d.height IS NOT NULL
          AND d.state IN ('credited', 'float', 'returned', 'unclaimed')
        ORDER BY d.height LIMIT ${BATCH} FOR UPDATE OF d SKIP LOCKED`;
      const due = rows.filter(({ asset, depth, final }) => final || depth >= policyOf(this.config, asset).releaseDepth);
      for (const { id, address, asset } of due) {
        await tx.$executeRaw`UPDATE deposits SET released_at = ${now} WHERE id = ${id}`;
        await this.wallets.releaseCoin(tx, id);
        await this.wallets.noteArrival(tx, { chain: chainId, address, asset });
      }
      await this.outbox.write(
        tx,
        due.map(({ id, tenant_id }) => ({
          type: 'deposit.released',
          subject: id,
          tenantId: tenant_id,
          data: { depositId: id },
        })),
      );
      return due.length;
    });
  }

  private async isDeep(tx: Tx, row: DueRow): Promise<boolean> {
    const policy = policyOf(this.config, row.asset);
    const micros = (usd: string) => BigInt(parseUnits(usd, 6));
    const rule = {
      creditDepth: policy.creditDepth,
      releaseDepth: policy.releaseDepth,
      largeDepositUsdMicros: micros(policy.largeDepositUsd),
      unreleasedCapUsdMicros: micros(policy.unreleasedCapUsd),
    };
    const value = this.valueUsdMicros(row.asset, BigInt(row.units));
    const [open] = await tx.$queryRaw<{ units: string }[]>`
      SELECT coalesce(sum(units), 0)::text AS units FROM deposits
      WHERE chain = ${row.chain} AND asset = ${row.asset} AND state = 'credited' AND released_at IS NULL`;
    const unreleased = this.valueUsdMicros(row.asset, BigInt(open?.units ?? 0)) ?? 0n;
    return row.height <= row.final || row.tip - row.height + 1 >= creditDepth(value, unreleased, rule);
  }

  private valueUsdMicros(asset: string, units: bigint): bigint | null {
    try {
      return usdMicros(units, this.catalog.require(asset).decimals, this.markets.price(asset).ask);
    } catch (error) {
      // Without a price the deeper rule holds.
      if (error instanceof Refusal && error.code === 'no_price') return null;
      throw error;
    }
  }

  private async book(tx: Tx, due: readonly DueRow[], now: Date): Promise<void> {
    await this.ledger.post(
      tx,
      due.map((row) => (row.state === 'reorged' ? restoreJournal(row, now) : confirmJournal(row))),
    );
    for (const row of due) {
      const state = row.state === 'reorged' ? row.reorged_from : stateOnceDeep(row.lease_id);
      await tx.$executeRaw`
        UPDATE deposits SET state = ${state}, confirmed_at = coalesce(confirmed_at, ${now}), reorged_from = NULL,
          reorged_at = NULL, released_at = NULL WHERE id = ${row.id}`;
      await this.registerCoin(tx, this.chains.get(row.chain), row);
    }
    await this.outbox.write(
      tx,
      due.map((row) => ({
        type: row.state === 'reorged' ? 'deposit.restored' : 'deposit.confirmed',
        subject: row.id,
        tenantId: row.tenant_id,
        data: { depositId: row.id, leaseId: row.lease_id },
      })),
    );
  }

  private async registerCoin(tx: Tx, chain: Chain, row: DueRow): Promise<void> {
    const vout = row.vout;
    if (vout === null || (chain.family !== 'bitcoin' && chain.family !== 'handshake')) return;
    const { chain: chainId, tx_id: txId, address, path } = row;
    await this.wallets.registerCoin(
      tx,
      { chain: chainId, txId, vout, units: BigInt(row.units), address, path, height: row.height },
      { depositId: row.id, released: false },
    );
  }
}

/** A lease's deposit waits to be decided; the operator's own is float at once. */
function stateOnceDeep(leaseId: string | null): DepositState {
  const confirmed = next('seen', 'deep-enough');
  return leaseId === null ? next(confirmed, 'own-float') : confirmed;
}

export const unclaimed = (id: string, tenantId: string | null, reason: string) => ({
  type: 'deposit.unclaimed',
  subject: id,
  tenantId,
  data: { depositId: id, reason },
});
