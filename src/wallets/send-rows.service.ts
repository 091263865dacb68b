import { Injectable } from '@nestjs/common';
import type { Anchor, Output } from '../adapters/chain.ts';
import type { Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import type { Transfer } from '../ledger/transfer.ts';
import { anchorJson } from './anchor.ts';
import { next, type Payload, type SendEvent, type SendPurpose, type SendState } from './send.ts';

/** A send as it is worked on. */
export interface SendRow extends Payload {
  readonly id: string;
  readonly chain: string;
  readonly walletId: string;
  readonly purpose: SendPurpose;
  readonly cause: string;
  readonly tenantId: string | null;
  readonly state: SendState;
  readonly settlement: readonly Transfer[];
  readonly anchor: Anchor | null;
  /** Most that all attempts together may cost, in the chain's fee asset; null until it is known. */
  readonly feeBudgetUnits: bigint | null;
  readonly txId: string | null;
  readonly height: number | null;
  /** Why it waits. */
  readonly note: string | null;
}

export interface AttemptRow {
  readonly id: string;
  readonly sendId: string;
  readonly n: number;
  readonly txId: string;
  readonly raw: string;
  readonly feeRate: bigint;
  readonly feeMaxUnits: bigint;
  readonly state: 'stored' | 'broadcast' | 'included' | 'final' | 'dead';
  readonly refusal: string | null;
  readonly storedHeight: number;
}

/** What changes with a send's state; its place stays as it is when not given. */
export interface Moved {
  readonly note?: string | null;
  readonly place?: { readonly txId: string; readonly height: number } | null;
}

const placeOf = ({ txId, height }: SendRow) => (txId === null || height === null ? null : { txId, height });

interface RawSend extends Omit<SendRow, 'outputs' | 'call' | 'settlement' | 'anchor' | 'feeBudgetUnits'> {
  readonly outputs: readonly { readonly address: string; readonly asset: string; readonly units: string }[];
  readonly call: { readonly to: string; readonly data: string; readonly value: string } | null;
  readonly settlement: readonly (Omit<Transfer, 'units'> & { readonly units: string })[];
  readonly anchor: unknown;
  readonly feeBudgetUnits: string | null;
}
type RawAttempt = Omit<AttemptRow, 'feeRate' | 'feeMaxUnits'> & {
  readonly feeRate: string;
  readonly feeMaxUnits: string;
};

/** Bigints as decimal strings, as jsonb keeps them. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item));

const withUnits = <T extends { readonly units: string }>(item: T): Omit<T, 'units'> & { readonly units: bigint } => ({
  ...item,
  units: BigInt(item.units),
});

const sendOf = (raw: RawSend): SendRow => ({
  ...raw,
  outputs: raw.outputs.map(withUnits) satisfies readonly Output[],
  call: raw.call === null ? null : { ...raw.call, value: BigInt(raw.call.value) },
  settlement: raw.settlement.map(withUnits),
  anchor: raw.anchor === null ? null : anchorJson.parse(raw.anchor),
  feeBudgetUnits: raw.feeBudgetUnits === null ? null : BigInt(raw.feeBudgetUnits),
});

/** Rows of `sends`, `attempts` and `slots`. */
@Injectable()
export class SendRows {
  /** The send with its row locked until the transaction ends; null when another worker has it. */
  async lock(tx: Tx, id: string): Promise<SendRow | null> {
    const [raw] = await tx.$queryRaw<RawSend[]>`
      SELECT id, chain, wallet_id AS "walletId", purpose, cause, tenant_id AS "tenantId", state, outputs, call, settlement,
             anchor, fee_budget_units::text AS "feeBudgetUnits", tx_id AS "txId", height, note
      FROM sends WHERE id = ${id} FOR UPDATE SKIP LOCKED`;
    return raw === undefined ? null : sendOf(raw);
  }

  /** Sends in these states, in the order they were planned. */
  async inStates(tx: Tx, states: readonly SendState[], limit: number, walletId?: string): Promise<SendRow[]> {
    const rows = await tx.$queryRaw<RawSend[]>`
      SELECT id, chain, wallet_id AS "walletId", purpose, cause, tenant_id AS "tenantId", state, outputs, call, settlement,
             anchor, fee_budget_units::text AS "feeBudgetUnits", tx_id AS "txId", height, note
      FROM sends
      WHERE settled_at IS NULL AND state = ANY(${[...states]}) AND wallet_id = coalesce(${walletId ?? null}, wallet_id)
      ORDER BY seq LIMIT ${limit}`;
    return rows.map(sendOf);
  }

  async attempts(tx: Tx, sendId: string): Promise<AttemptRow[]> {
    const rows = await tx.$queryRaw<RawAttempt[]>`
      SELECT id, send_id AS "sendId", n, tx_id AS "txId", raw, fee_rate::text AS "feeRate",
             fee_max_units::text AS "feeMaxUnits", state, refusal, stored_height AS "storedHeight"
      FROM attempts WHERE send_id = ${sendId} ORDER BY n`;
    return rows.map((row) => ({ ...row, feeRate: BigInt(row.feeRate), feeMaxUnits: BigInt(row.feeMaxUnits) }));
  }

  async storeAttempt(tx: Tx, attempt: Omit<AttemptRow, 'id' | 'state' | 'refusal'> & { readonly body: string }) {
    await tx.$executeRaw`
      INSERT INTO attempts (id, send_id, n, tx_id, raw, body, fee_rate, fee_max_units, state, stored_at, stored_height)
      VALUES (${newId('attempt')}, ${attempt.sendId}, ${attempt.n}, ${attempt.txId}, ${attempt.raw}, ${attempt.body},
              ${String(attempt.feeRate)}::numeric, ${String(attempt.feeMaxUnits)}::numeric, 'stored', lockstep_now(),
              ${attempt.storedHeight})`;
  }

  /** Moves a send on by an event, compare-and-set. False when the event cannot happen in the state it is in. */
  async move(
    tx: Tx,
    send: SendRow,
    event: SendEvent,
    { note = null, place = placeOf(send) }: Moved = {},
  ): Promise<boolean> {
    const to = next(send.state, event);
    if (to === undefined) return false;
    const moved = await tx.$executeRaw`
      UPDATE sends SET state = ${to}, note = ${note}, tx_id = ${place?.txId ?? null}, height = ${place?.height ?? null},
        settled_at = CASE WHEN ${to} IN ('confirmed', 'failed') THEN lockstep_now() END
      WHERE id = ${send.id} AND state = ${send.state}`;
    return moved === 1;
  }

  /** Says why a send waits, without moving it. */
  async note(tx: Tx, id: string, note: string): Promise<void> {
    await tx.$executeRaw`UPDATE sends SET note = ${note} WHERE id = ${id} AND settled_at IS NULL`;
  }

  /** Binds a send to its anchor for good. */
  async bind(tx: Tx, send: SendRow, anchor: Anchor, feeBudget: bigint): Promise<void> {
    await tx.$executeRaw`
      UPDATE sends SET state = 'signed', anchor = ${toJson(anchor)}::jsonb, signed_at = lockstep_now(), note = NULL,
        fee_budget_units = ${String(feeBudget)}::numeric
      WHERE id = ${send.id} AND state IN ('planned', 'unfunded')`;
  }
}
