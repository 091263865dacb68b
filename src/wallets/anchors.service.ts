import { Injectable } from '@nestjs/common';
import type { Anchor, Chain, Coin } from '../adapters/chain.ts';
import type { Tx } from '../platform/database.ts';
import { slotOf } from './anchor.ts';
import { outpoint, selectCoins } from './coin-selection.ts';
import type { SendRow } from './send-rows.service.ts';
import { spent } from './send.ts';

/** Coins read for one payment; more small ones than this are left for a later one. */
const COINS_MAX = 500;

/** Sends of one signer that may be unconfirmed at once. On Cosmos a later sequence is only taken after the earlier one. */
const IN_FLIGHT_MAX = { evm: 16, akash: 1 } as const;

/** A contract call is estimated as the sweep of so many deposit addresses: about the gas of a swap over two pools. */
const CALL_INPUTS = { none: 0, one: 2 } as const;

export type AnchorChoice =
  | { readonly kind: 'chosen'; readonly anchor: Anchor }
  | { readonly kind: 'short'; readonly note: string }
  /** An earlier send of the signer has to confirm first. */
  | { readonly kind: 'wait' };

/** What the chain said before the transaction was opened. */
export interface ChainFacts {
  readonly feeRate: bigint;
  readonly tipHeight: number;
  /** Chain's next nonce or sequence of the wallet's signer; null on coin chains. */
  readonly nextSlot: bigint | null;
  /** What the signer's address holds, final, by asset; empty on coin chains. */
  readonly holdings: ReadonlyMap<string, bigint>;
}

/** Chooses and reserves what a send spends: coins, or the next nonce or sequence. Rows of `coins` and `slots`. */
@Injectable()
export class Anchors {
  /** The caller holds the wallet's lock, so nobody else chooses for it at the same time. */
  choose(tx: Tx, chain: Chain, send: SendRow, facts: ChainFacts): Promise<AnchorChoice> {
    return facts.nextSlot === null
      ? this.chooseCoins(tx, chain, send, facts.feeRate)
      : this.chooseSlot(tx, chain, send, { ...facts, nextSlot: facts.nextSlot });
  }

  /** Takes what was chosen. @throws Error when a coin is not free any more. */
  async reserve(tx: Tx, chain: Chain, send: SendRow, anchor: Anchor): Promise<void> {
    if (anchor.kind !== 'coins') {
      await tx.$executeRaw`
        INSERT INTO slots (chain, signer, slot, send_id, state)
        VALUES (${chain.id}, ${anchor.signer}, ${String(slotOf(anchor))}::numeric, ${send.id}, 'reserved')`;
      return;
    }
    const taken = await tx.$executeRaw`
      UPDATE coins SET state = 'reserved', send_id = ${send.id}
      WHERE chain = ${chain.id} AND state = 'free' AND released_at IS NOT NULL
        AND tx_id || ':' || vout = ANY(${anchor.coins.map(outpoint)})`;
    if (taken !== anchor.coins.length) throw new Error(`send ${send.id}: a coin it chose was taken`);
    await tx.$executeRaw`
      INSERT INTO wallet_addresses (chain, address, wallet_id, path, created_at)
      VALUES (${chain.id}, ${anchor.change.address}, ${send.walletId}, ${anchor.change.path}, lockstep_now())
      ON CONFLICT DO NOTHING`;
  }

  /** Marks what a final transaction of ours spent, and adds its change. */
  async spend(tx: Tx, send: SendRow, change: Coin | null, height: number): Promise<void> {
    await tx.$executeRaw`UPDATE slots SET state = 'used' WHERE send_id = ${send.id}`;
    await tx.$executeRaw`UPDATE coins SET state = 'spent' WHERE send_id = ${send.id}`;
    if (change === null) return;
    await tx.$executeRaw`
      INSERT INTO coins (chain, tx_id, vout, wallet_id, address, path, units, state, height, released_at)
      VALUES (${send.chain}, ${change.txId}, ${change.vout}, ${send.walletId}, ${change.address}, ${change.path},
              ${String(change.units)}::numeric, 'free', ${height}, lockstep_now())
      ON CONFLICT DO NOTHING`;
  }

  /** After somebody else used the anchor: `used` coins are spent, the rest is free again. */
  async giveUp(tx: Tx, send: SendRow, used: readonly Coin[]): Promise<void> {
    await tx.$executeRaw`UPDATE slots SET state = 'used' WHERE send_id = ${send.id}`;
    await tx.$executeRaw`
      UPDATE coins SET state = 'spent' WHERE send_id = ${send.id} AND tx_id || ':' || vout = ANY(${used.map(outpoint)})`;
    await tx.$executeRaw`UPDATE coins SET state = 'free', send_id = NULL WHERE send_id = ${send.id} AND state = 'reserved'`;
  }

  private async chooseCoins(tx: Tx, chain: Chain, send: SendRow, feeRate: bigint): Promise<AnchorChoice> {
    const rows = await tx.$queryRaw<(Omit<Coin, 'units'> & { units: string })[]>`
      SELECT tx_id AS "txId", vout, units::text AS units, address, path FROM coins
      WHERE wallet_id = ${send.walletId} AND state = 'free' AND released_at IS NOT NULL
      ORDER BY units DESC, tx_id, vout LIMIT ${COINS_MAX} FOR UPDATE`;
    const coins = rows.map((row) => ({ ...row, units: BigInt(row.units) }));
    const target = send.outputs.reduce((sum, { units }) => sum + units, 0n);
    const feeFor = (inputs: number) =>
      chain.estimateFee({ inputs, outputs: send.outputs.length + 1, asset: chain.feeAsset.id }, feeRate).units;
    const selection = selectCoins(coins, target, feeFor);
    if (selection === null) return { kind: 'short', note: `released coins do not cover ${target} and the fee` };
    const [row] = await tx.$queryRaw<{ k: bigint }[]>`SELECT nextval('wallet_change_index') AS k`;
    if (row === undefined) throw new Error('the change index gave no number');
    const path = `1/${row.k}`;
    const change = { address: chain.addressAt(path), path };
    return { kind: 'chosen', anchor: { kind: 'coins', coins: selection.coins, change } };
  }

  private async chooseSlot(
    tx: Tx,
    chain: Chain,
    send: SendRow,
    { feeRate, holdings, nextSlot }: ChainFacts & { readonly nextSlot: bigint },
  ): Promise<AnchorChoice> {
    const signer = chain.addressAt('0/0');
    const inFlight = await this.inFlight(tx, chain, send.walletId);
    const limit = chain.family === 'akash' ? IN_FLIGHT_MAX.akash : IN_FLIGHT_MAX.evm;
    if (inFlight.unconfirmed >= limit) return { kind: 'wait' };
    const asset = send.outputs[0]?.asset ?? chain.feeAsset.id;
    const fee = chain.estimateFee(
      { inputs: CALL_INPUTS[send.call === null ? 'none' : 'one'], outputs: send.outputs.length, asset },
      feeRate,
    );
    const needed = spent({ ...send, outputs: [...send.outputs, { address: '', ...fee }] }, chain.feeAsset.id);
    for (const [asset, units] of needed) {
      const free = (holdings.get(asset) ?? 0n) - (inFlight.units.get(asset) ?? 0n);
      if (free < units) return { kind: 'short', note: `${send.walletId} has ${free} of ${units} ${asset} free` };
    }
    const [row] = await tx.$queryRaw<{ after: string | null }[]>`
      SELECT (max(slot) + 1)::text AS after FROM slots WHERE chain = ${chain.id} AND signer = ${signer}`;
    const after = BigInt(row?.after ?? 0);
    const slot = after > nextSlot ? after : nextSlot;
    const anchor: Anchor =
      chain.family === 'akash' ? { kind: 'sequence', signer, sequence: slot } : { kind: 'nonce', signer, nonce: slot };
    return { kind: 'chosen', anchor };
  }

  /** Signed sends of a wallet that are not settled: what they still take, and how many are in no block. */
  private async inFlight(tx: Tx, chain: Chain, walletId: string) {
    const rows = await tx.$queryRaw<{ asset: string; units: string; unconfirmed: number }[]>`
      WITH open AS (
        SELECT s.*, (SELECT max(fee_max_units) FROM attempts WHERE send_id = s.id) AS fee FROM sends s
        WHERE s.wallet_id = ${walletId} AND s.state IN ('signed', 'broadcast', 'stuck', 'included')
      ), parts AS (
        SELECT o.value->>'asset' AS asset, (o.value->>'units')::numeric AS units FROM open, jsonb_array_elements(outputs) o
        UNION ALL
        SELECT ${chain.feeAsset.id}, fee + coalesce((call->>'value')::numeric, 0) FROM open
      )
      SELECT asset, sum(units)::text AS units,
             (SELECT count(*)::integer FROM open WHERE state <> 'included') AS unconfirmed
      FROM parts GROUP BY asset`;
    return {
      unconfirmed: rows[0]?.unconfirmed ?? 0,
      units: new Map(rows.map(({ asset, units }) => [asset, BigInt(units)])),
    };
  }
}
