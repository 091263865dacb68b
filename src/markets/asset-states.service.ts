import { Injectable } from '@nestjs/common';
import type { AssetId } from '../money/asset.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';

/**
 * What may be done with an asset, each state less than the one before:
 * `quotable` everything; `pay-only` no new quotes, open locks are paid and credited; `refund-only` money that arrives
 * goes back in kind; `halted` nothing moves until the operator says so.
 */
export const ASSET_STATES = ['quotable', 'pay-only', 'refund-only', 'halted'] as const;
export type AssetState = (typeof ASSET_STATES)[number];

export interface AssetStateRecord {
  readonly state: AssetState;
  readonly reason: string;
  /** `system`, or the operator's id. */
  readonly changedBy: string;
  readonly changedAt: Date;
}

/** The states of assets, as last read from the database. */
@Injectable()
export class AssetStates {
  private records: ReadonlyMap<AssetId, AssetStateRecord> = new Map();

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
  ) {}

  /** Reads all states; other processes' changes are seen from then on. */
  async load(): Promise<void> {
    const rows = await this.database.prisma.assetState.findMany();
    this.records = new Map(rows.map((row) => [row.asset, { ...row, state: stateOf(row.state) }]));
  }

  /** The record of an asset, or null: quotable, and never changed. */
  record(asset: AssetId): AssetStateRecord | null {
    return this.records.get(asset) ?? null;
  }

  state(asset: AssetId): AssetState {
    return this.record(asset)?.state ?? 'quotable';
  }

  /** Sets a state, with the event `asset.state_changed`. Processes see it when they next `load`. */
  async set(tx: Tx, asset: AssetId, state: AssetState, reason: string, changedBy: string): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO asset_states (asset, state, reason, changed_by, changed_at)
      VALUES (${asset}, ${state}, ${reason}, ${changedBy}, lockstep_now())
      ON CONFLICT (asset) DO UPDATE SET state = excluded.state, reason = excluded.reason,
        changed_by = excluded.changed_by, changed_at = excluded.changed_at`;
    await this.outbox.write(tx, [
      { type: 'asset.state_changed', subject: asset, tenantId: null, data: { asset, state, reason, changedBy } },
    ]);
  }

  /** Halts an asset that still takes business. One that is refund-only or halted already stays as it is. */
  async halt(asset: AssetId, reason: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`asset_states ${asset}`}, 0))`;
      const row = await tx.assetState.findUnique({ where: { asset } });
      if (row !== null && row.state !== 'quotable' && row.state !== 'pay-only') return;
      await this.set(tx, asset, 'halted', reason, 'system');
    });
    await this.load();
  }
}

function stateOf(text: string): AssetState {
  const state = ASSET_STATES.find((one) => one === text);
  if (state === undefined) throw new Error(`asset state ${text}`);
  return state;
}
