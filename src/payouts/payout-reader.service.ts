import { Injectable } from '@nestjs/common';
import type { Caller } from '../access/caller.ts';
import { readCursor } from '../access/page.ts';
import { Database } from '../platform/database.ts';
import { Prisma } from '../platform/prisma/client.ts';
import { Refusal } from '../platform/refusal.ts';
import { type PayoutItem, type PayoutRecord, withFees } from './payout-view.ts';

type Stored = Omit<PayoutRecord, 'items' | 'feeUnits'> & { readonly feeUnits: string };
type StoredItem = Omit<PayoutItem, 'units' | 'feeUnits'> & { readonly payoutId: string; readonly units: string };

/** Payouts as callers see them: a payee its own, a tenant its leases' part of each, an operator all. */
@Injectable()
export class PayoutReader {
  constructor(private readonly database: Database) {}

  /** @throws Refusal not_found, also for a payout the caller may not see */
  async require(caller: Caller, id: string): Promise<PayoutRecord> {
    const [row] = await this.read(caller, Prisma.sql`o.id = ${id}`, 1);
    if (row === undefined) throw new Refusal('not_found', { field: 'id' });
    return row;
  }

  /** Newest first, `limit + 1` rows after the cursor. */
  async list(caller: Caller, limit: number, cursor?: string): Promise<PayoutRecord[]> {
    const position = readCursor('payouts', cursor, /^\d{1,15} out_[\w-]{22}$/);
    const [ms = '', id = ''] = position?.split(' ') ?? [];
    const after =
      position === undefined
        ? Prisma.sql`true`
        : Prisma.sql`(o.created_at, o.id) < (to_timestamp(${ms}::numeric / 1000), ${id})`;
    return this.read(caller, after, limit + 1);
  }

  /** Payouts by id, as far as the caller may see them. */
  async byIds(caller: Caller, ids: readonly string[]): Promise<Map<string, PayoutRecord>> {
    const rows = await this.read(caller, Prisma.sql`o.id = ANY(${[...ids]})`, ids.length);
    return new Map(rows.map((row) => [row.id, row]));
  }

  private async read(caller: Caller, where: Prisma.Sql, limit: number): Promise<PayoutRecord[]> {
    const rows = await this.database.prisma.$queryRaw<Stored[]>`
      SELECT o.id, o.payee_id AS "payeeId", o.chain, o.asset, o.address, o.state, o.fee_units::text AS "feeUnits",
        o.tx_id AS "txId", date_trunc('milliseconds', o.created_at) AS "createdAt", o.confirmed_at AS "confirmedAt"
      FROM payouts o WHERE ${where} AND ${visibleTo(caller)} ORDER BY o.created_at DESC, o.id DESC LIMIT ${limit}`;
    const stored = await this.database.prisma.$queryRaw<StoredItem[]>`
      SELECT i.payout_id AS "payoutId", i.line_id AS "lineId", e.id AS "leaseId", e.tenant_id AS "tenantId",
        i.units::text AS units
      FROM payout_items i JOIN lines l ON l.id = i.line_id JOIN leases e ON e.id = l.lease_id
      WHERE i.payout_id = ANY(${rows.map(({ id }) => id)}) ORDER BY i.line_id`;
    const items = Map.groupBy(stored, ({ payoutId }) => payoutId);
    return rows.map((row) => {
      const feeUnits = BigInt(row.feeUnits);
      const all = (items.get(row.id) ?? []).map(({ payoutId: _, ...item }) => ({ ...item, units: BigInt(item.units) }));
      const visible = withFees(all, feeUnits).filter(
        ({ tenantId }) => caller.role !== 'tenant' || caller.tenantId === tenantId,
      );
      return { ...row, feeUnits, items: visible };
    });
  }
}

function visibleTo(caller: Caller): Prisma.Sql {
  if (caller.role === 'operator') return Prisma.sql`true`;
  if (caller.role === 'payee') return Prisma.sql`o.payee_id = ${caller.payeeId}`;
  return Prisma.sql`EXISTS (
    SELECT 1 FROM payout_items i JOIN lines l ON l.id = i.line_id JOIN leases e ON e.id = l.lease_id
    WHERE i.payout_id = o.id AND e.tenant_id = ${caller.tenantId})`;
}
