import { Injectable } from '@nestjs/common';
import type { AssetId } from '../money/asset.ts';
import { parseUnits } from '../money/codec.ts';
import { policyOf } from '../markets/policy.ts';
import { Config } from '../platform/config.ts';
import type { Tx } from '../platform/database.ts';
import { Refusal } from '../platform/refusal.ts';

/**
 * What the desk still risks on a lock: `window` while it may be paid, `right` while a bought right may be used,
 * `unhedged` from the payment until the desk has traded it, `unreleased` while a credit could be reorganised away.
 */
export type ExposureKind = 'window' | 'right' | 'unhedged' | 'unreleased';

/** What is reserved for one lock, in micro-dollars: its value, and what it could cost under stress. */
export interface Reservation {
  readonly asset: AssetId;
  readonly tenantId: string;
  readonly notionalUsdMicros: bigint;
  readonly stressUsdMicros: bigint;
  /** When it is released without anyone asking; null for never. */
  readonly until: Date | null;
}

/** A part of a reservation, as a fraction of what it holds now. */
export interface Part {
  readonly num: bigint;
  readonly den: bigint;
}

const WHOLE: Part = { num: 1n, den: 1n };

interface Row {
  readonly asset: string;
  readonly tenant_id: string;
  readonly notional: string;
  readonly stress: string;
}

/**
 * The stress of all open locks against its caps: in total, by asset, by tenant. Every change takes the caps' rows in that
 * order in the caller's transaction, so writers cannot deadlock on them and no interleaving passes a cap.
 */
@Injectable()
export class Exposure {
  constructor(private readonly config: Config) {}

  /** Reserves, adding to what the lock holds under that kind. @throws Refusal exposure_cap, and nothing is reserved. */
  async reserve(tx: Tx, lockId: string, kind: ExposureKind, wanted: Reservation): Promise<void> {
    await this.raise(tx, wanted.asset, wanted.tenantId, wanted.stressUsdMicros);
    await tx.$executeRaw`
      INSERT INTO exposures AS e (lock_id, kind, asset, tenant_id, notional_usd_micros, stress_usd_micros, until)
      VALUES (${lockId}, ${kind}, ${wanted.asset}, ${wanted.tenantId}, ${wanted.notionalUsdMicros.toString()}::numeric,
              ${wanted.stressUsdMicros.toString()}::numeric, ${wanted.until})
      ON CONFLICT (lock_id, kind) DO UPDATE SET
        notional_usd_micros = e.notional_usd_micros + excluded.notional_usd_micros,
        stress_usd_micros = e.stress_usd_micros + excluded.stress_usd_micros,
        until = greatest(e.until, excluded.until)`;
  }

  /** Gives back what a lock holds under a kind, or a part of it (rounded down). Nothing held: nothing happens. */
  async release(tx: Tx, lockId: string, kind: ExposureKind, part: Part = WHOLE): Promise<void> {
    const taken = await this.take(tx, lockId, kind, part);
    if (taken === null) return;
    await this.lower(tx, taken.asset, taken.tenantId, taken.stressUsdMicros);
  }

  /** Re-labels what a lock holds under a kind, or a part of it. The caps do not change. */
  async move(
    tx: Tx,
    lockId: string,
    from: ExposureKind,
    to: ExposureKind,
    part: Part = WHOLE,
    until: Date | null = null,
  ): Promise<void> {
    const taken = await this.take(tx, lockId, from, part);
    if (taken === null) return;
    await tx.$executeRaw`
      INSERT INTO exposures AS e (lock_id, kind, asset, tenant_id, notional_usd_micros, stress_usd_micros, until)
      VALUES (${lockId}, ${to}, ${taken.asset}, ${taken.tenantId}, ${taken.notionalUsdMicros.toString()}::numeric,
              ${taken.stressUsdMicros.toString()}::numeric, ${until})
      ON CONFLICT (lock_id, kind) DO UPDATE SET
        notional_usd_micros = e.notional_usd_micros + excluded.notional_usd_micros,
        stress_usd_micros = e.stress_usd_micros + excluded.stress_usd_micros,
        until = greatest(e.until, excluded.until)`;
  }

  /** Locks whose reservation of a kind ran out. */
  async expired(tx: Tx, kind: ExposureKind, now: Date, limit: number): Promise<readonly string[]> {
    const rows = await tx.$queryRaw<{ lock_id: string }[]>`
      SELECT lock_id FROM exposures WHERE kind = ${kind} AND until <= ${now} ORDER BY until LIMIT ${limit}`;
    return rows.map(({ lock_id }) => lock_id);
  }

  private async take(tx: Tx, lockId: string, kind: ExposureKind, part: Part): Promise<Reservation | null> {
    const [row] = await tx.$queryRaw<Row[]>`
      SELECT asset, tenant_id, notional_usd_micros::text AS notional, stress_usd_micros::text AS stress
      FROM exposures WHERE lock_id = ${lockId} AND kind = ${kind} FOR UPDATE`;
    if (row === undefined) return null;
    const [notional, stress] = [BigInt(row.notional), BigInt(row.stress)];
    const taken = {
      asset: row.asset,
      tenantId: row.tenant_id,
      notionalUsdMicros: (notional * part.num) / part.den,
      stressUsdMicros: (stress * part.num) / part.den,
      until: null,
    };
    if (part.num >= part.den) {
      await tx.$executeRaw`DELETE FROM exposures WHERE lock_id = ${lockId} AND kind = ${kind}`;
      return { ...taken, notionalUsdMicros: notional, stressUsdMicros: stress };
    }
    await tx.$executeRaw`
      UPDATE exposures SET notional_usd_micros = notional_usd_micros - ${taken.notionalUsdMicros.toString()}::numeric,
                           stress_usd_micros = stress_usd_micros - ${taken.stressUsdMicros.toString()}::numeric
      WHERE lock_id = ${lockId} AND kind = ${kind}`;
    return taken;
  }

  private async raise(tx: Tx, asset: AssetId, tenantId: string, stress: bigint): Promise<void> {
    const { EXPOSURE_CAP_USD, EXPOSURE_TENANT_CAP_USD } = this.config.settings;
    const caps = [EXPOSURE_CAP_USD, policyOf(this.config, asset).exposureCapUsd, EXPOSURE_TENANT_CAP_USD].map(
      usdMicros,
    );
    const raised = await tx.$queryRaw<{ scope: string }[]>`
      INSERT INTO exposure_caps AS c (scope, used_usd_micros, cap_usd_micros)
      SELECT s.scope, ${stress.toString()}::numeric, s.cap
      FROM unnest(${scopesOf(asset, tenantId)}::text[], ${caps.map(String)}::numeric[]) WITH ORDINALITY AS s(scope, cap, n)
      WHERE ${stress.toString()}::numeric <= s.cap ORDER BY s.n
      ON CONFLICT (scope) DO UPDATE
        SET used_usd_micros = c.used_usd_micros + excluded.used_usd_micros, cap_usd_micros = excluded.cap_usd_micros
        WHERE c.used_usd_micros + excluded.used_usd_micros <= excluded.cap_usd_micros
      RETURNING scope`;
    const refused = scopesOf(asset, tenantId).find((scope) => !raised.some((row) => row.scope === scope));
    if (refused === undefined) return;
    const [scope = ''] = refused.split(':');
    throw new Refusal('exposure_cap', { facts: { cap: scope } });
  }

  private async lower(tx: Tx, asset: AssetId, tenantId: string, stress: bigint): Promise<void> {
    for (const scope of scopesOf(asset, tenantId)) {
      await tx.$executeRaw`
        UPDATE exposure_caps SET used_usd_micros = used_usd_micros - ${stress.toString()}::numeric WHERE scope = ${scope}`;
    }
  }
}

const scopesOf = (asset: AssetId, tenantId: string): string[] => ['total', `asset:${asset}`, `tenant:${tenantId}`];

function usdMicros(text: string): bigint {
  const units = parseUnits(text, 6);
  if (typeof units !== 'bigint')
    throw new Error(`settings: an exposure cap of ${text} USD is not an amount (${units})`);
  return units;
}
