import { Injectable } from '@nestjs/common';
import { readCursor } from '../access/page.ts';
import type { VenueFee } from '../adapters/venue.ts';
import type { AssetId } from '../money/asset.ts';
import type { Money } from '../money/money.ts';
import type { Tx } from '../platform/database.ts';
import { Prisma } from '../platform/prisma/client.ts';
import type { TradeReason } from './flatten.ts';
import { type Placed, readFees, readPlaced, toJson } from './placed.ts';
import type { LostRoute } from './route.ts';
import type { LegState, SwapState } from './swap.ts';

export interface LegRow {
  readonly id: string;
  readonly swapId: string;
  readonly n: number;
  readonly venue: string;
  readonly state: LegState;
  readonly fromAsset: AssetId;
  readonly toAsset: AssetId;
  readonly inputUnits: bigint;
  readonly expectedUnits: bigint;
  readonly minimumUnits: bigint;
  /** Until then it is placed, or once it is placed executed. */
  readonly deadline: Date;
  readonly placed: Placed | null;
  /** Allowances asked for so far, and the send of the last. */
  readonly allowances: number;
  readonly allowanceSendId: string | null;
  readonly sendId: string | null;
  /** Taken of the input, and what came of it, once it is done. */
  readonly spentUnits: bigint | null;
  readonly outputUnits: bigint | null;
  readonly fees: readonly VenueFee[];
  readonly note: string | null;
}

export interface SwapRow {
  readonly id: string;
  readonly state: SwapState;
  readonly reason: TradeReason;
  readonly fromAsset: AssetId;
  readonly toAsset: AssetId;
  readonly inputUnits: bigint;
  readonly expectedUnits: bigint;
  readonly minimumUnits: bigint;
  readonly outputUnits: bigint | null;
  readonly lost: readonly LostRoute[];
  readonly evidenceIds: readonly string[];
  readonly note: string | null;
  readonly createdAt: Date;
  readonly doneAt: Date | null;
  /** In their order. */
  readonly legs: readonly LegRow[];
}

export type NewLeg = Pick<
  LegRow,
  'id' | 'venue' | 'fromAsset' | 'toAsset' | 'inputUnits' | 'expectedUnits' | 'minimumUnits' | 'deadline'
>;
export type NewSwap = Omit<SwapRow, 'state' | 'outputUnits' | 'note' | 'createdAt' | 'doneAt' | 'legs'> & {
  readonly legs: readonly NewLeg[];
};

type Text<T> = {
  readonly [K in keyof T]: T[K] extends bigint ? string : T[K] extends bigint | null ? string | null : T[K];
};
type RawLeg = Text<Omit<LegRow, 'placed' | 'fees'>> & { readonly placed: unknown; readonly fees: unknown };
type RawSwap = Text<Omit<SwapRow, 'legs'>>;

const OPEN = Prisma.sql`done_at IS NULL`;

/** The tables of swaps and their legs. */
@Injectable()
export class SwapRows {
  async insert(tx: Tx, swap: NewSwap): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO swaps (id, state, reason, from_asset, to_asset, input_units, expected_units, minimum_units, lost,
                         evidence_ids, created_at)
      VALUES (${swap.id}, 'planned', ${swap.reason}, ${swap.fromAsset}, ${swap.toAsset},
              ${String(swap.inputUnits)}::numeric, ${String(swap.expectedUnits)}::numeric,
              ${String(swap.minimumUnits)}::numeric, ${JSON.stringify(swap.lost)}::jsonb, ${[...swap.evidenceIds]},
              lockstep_now())`;
    for (const [index, leg] of swap.legs.entries()) {
      await tx.$executeRaw`
        INSERT INTO legs (id, swap_id, n, venue, state, from_asset, to_asset, input_units, expected_units, minimum_units,
                          deadline)
        VALUES (${leg.id}, ${swap.id}, ${index + 1}, ${leg.venue}, 'ready', ${leg.fromAsset}, ${leg.toAsset},
                ${String(leg.inputUnits)}::numeric, ${String(leg.expectedUnits)}::numeric,
                ${String(leg.minimumUnits)}::numeric, ${leg.deadline})`;
    }
  }

  /** A swap under its row lock, which is taken before any of its legs changes. */
  async lock(tx: Tx, id: string): Promise<SwapRow> {
    await tx.$queryRaw`SELECT 1 FROM swaps WHERE id = ${id} FOR UPDATE`;
    const [swap] = await this.select(tx, Prisma.sql`id = ${id}`, Prisma.sql`created_at`, 1);
    if (swap === undefined) throw new Error(`there is no swap ${id}`);
    return swap;
  }

  async find(tx: Tx, id: string): Promise<SwapRow | undefined> {
    const [swap] = await this.select(tx, Prisma.sql`id = ${id}`, Prisma.sql`created_at`, 1);
    return swap;
  }

  /** Swaps that have not ended, oldest first. */
  open(tx: Tx, limit: number): Promise<SwapRow[]> {
    return this.select(tx, OPEN, Prisma.sql`created_at, id`, limit);
  }

  /** Newest first, `limit + 1` rows after the cursor. @throws Refusal `invalid_cursor` */
  list(tx: Tx, state: SwapState | undefined, limit: number, cursor: string | undefined): Promise<SwapRow[]> {
    const position = readCursor('swaps', cursor, /^\d{1,15} swp_[\w-]{22}$/);
    const [ms = '', id = ''] = position?.split(' ') ?? [];
    const after = Prisma.sql`(date_trunc('milliseconds', created_at), id) < (to_timestamp(${ms}::numeric / 1000), ${id})`;
    const where = [
      ...(position === undefined ? [] : [after]),
      ...(state === undefined ? [] : [Prisma.sql`state = ${state}`]),
    ];
    const filter = where.length === 0 ? Prisma.sql`true` : Prisma.join(where, ' AND ');
    const newest = Prisma.sql`date_trunc('milliseconds', created_at) DESC, id DESC`;
    return this.select(tx, filter, newest, limit + 1);
  }

  /** What open swaps are expected to bring, by asset. */
  async expected(tx: Tx): Promise<Money[]> {
    const rows = await tx.$queryRaw<{ asset: AssetId; units: string }[]>`
      SELECT to_asset AS asset, sum(expected_units)::text AS units FROM swaps WHERE ${OPEN} GROUP BY to_asset`;
    return rows.map(({ asset, units }) => ({ asset, units: BigInt(units) }));
  }

  /** Inputs of legs that will still be sold from wallets, by asset. */
  async selling(tx: Tx, exceptVenue: string): Promise<ReadonlyMap<AssetId, bigint>> {
    const rows = await tx.$queryRaw<{ asset: AssetId; units: string }[]>`
      SELECT l.from_asset AS asset, sum(l.input_units)::text AS units FROM legs l JOIN swaps s ON s.id = l.swap_id
      WHERE s.done_at IS NULL AND l.venue <> ${exceptVenue} AND l.state IN ('ready', 'intent', 'sent', 'seen', 'doubt')
      GROUP BY l.from_asset`;
    return new Map(rows.map(({ asset, units }) => [asset, BigInt(units)]));
  }

  /** Whether another leg sells this asset now. */
  async sold(tx: Tx, { id, fromAsset }: LegRow): Promise<boolean> {
    const rows = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM legs
      WHERE from_asset = ${fromAsset} AND id <> ${id} AND state IN ('intent', 'sent', 'seen', 'doubt')`;
    return rows.length > 0;
  }

  /** Pairs with a swap that failed after `since`. */
  async failedSince(tx: Tx, since: Date): Promise<{ fromAsset: AssetId; toAsset: AssetId }[]> {
    return tx.$queryRaw`
      SELECT DISTINCT from_asset AS "fromAsset", to_asset AS "toAsset" FROM swaps
      WHERE state = 'failed' AND done_at > ${since}`;
  }

  /** Writes a leg as it now is. Its swap is locked. */
  async saveLeg(tx: Tx, leg: LegRow): Promise<void> {
    const numeric = (units: bigint | null) => Prisma.sql`${units === null ? null : String(units)}::numeric`;
    await tx.$executeRaw`
      UPDATE legs SET state = ${leg.state}, input_units = ${numeric(leg.inputUnits)},
        expected_units = ${numeric(leg.expectedUnits)}, minimum_units = ${numeric(leg.minimumUnits)},
        deadline = ${leg.deadline}, placed = ${leg.placed === null ? null : toJson(leg.placed)}::jsonb,
        allowances = ${leg.allowances}, allowance_send_id = ${leg.allowanceSendId}, send_id = ${leg.sendId},
        spent_units = ${numeric(leg.spentUnits)}, output_units = ${numeric(leg.outputUnits)},
        fees = ${toJson(leg.fees)}::jsonb, note = ${leg.note}
      WHERE id = ${leg.id}`;
  }

  async saveState(
    tx: Tx,
    id: string,
    state: SwapState,
    outputUnits: bigint | null,
    note: string | null,
  ): Promise<void> {
    const ended = state === 'done' || state === 'failed';
    await tx.$executeRaw`
      UPDATE swaps SET state = ${state}, note = ${note},
        output_units = ${outputUnits === null ? null : String(outputUnits)}::numeric,
        done_at = CASE WHEN ${ended} THEN lockstep_now() END
      WHERE id = ${id}`;
  }

  private async select(tx: Tx, where: Prisma.Sql, order: Prisma.Sql, limit: number): Promise<SwapRow[]> {
    const swaps = await tx.$queryRaw<RawSwap[]>`
      SELECT id, state, reason, from_asset AS "fromAsset", to_asset AS "toAsset", input_units::text AS "inputUnits",
             expected_units::text AS "expectedUnits", minimum_units::text AS "minimumUnits",
             output_units::text AS "outputUnits", lost, evidence_ids AS "evidenceIds", note,
             date_trunc('milliseconds', created_at) AS "createdAt", done_at AS "doneAt"
      FROM swaps WHERE ${where} ORDER BY ${order} LIMIT ${limit}`;
    const legs = await tx.$queryRaw<RawLeg[]>`
      SELECT id, swap_id AS "swapId", n, venue, state, from_asset AS "fromAsset", to_asset AS "toAsset",
             input_units::text AS "inputUnits", expected_units::text AS "expectedUnits",
             minimum_units::text AS "minimumUnits", deadline, placed, allowances,
             allowance_send_id AS "allowanceSendId", send_id AS "sendId", spent_units::text AS "spentUnits",
             output_units::text AS "outputUnits", fees, note
      FROM legs WHERE swap_id = ANY(${swaps.map(({ id }) => id)}) ORDER BY swap_id, n`;
    return swaps.map((swap) => ({
      ...swap,
      inputUnits: BigInt(swap.inputUnits),
      expectedUnits: BigInt(swap.expectedUnits),
      minimumUnits: BigInt(swap.minimumUnits),
      outputUnits: unitsOrNull(swap.outputUnits),
      legs: legs.filter(({ swapId }) => swapId === swap.id).map(legOf),
    }));
  }
}

const unitsOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

const legOf = (leg: RawLeg): LegRow => ({
  ...leg,
  inputUnits: BigInt(leg.inputUnits),
  expectedUnits: BigInt(leg.expectedUnits),
  minimumUnits: BigInt(leg.minimumUnits),
  spentUnits: unitsOrNull(leg.spentUnits),
  outputUnits: unitsOrNull(leg.outputUnits),
  placed: leg.placed === null ? null : readPlaced(leg.placed),
  fees: leg.fees === null ? [] : readFees(leg.fees),
});
