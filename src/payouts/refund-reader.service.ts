import { Injectable } from '@nestjs/common';
import { readCursor } from '../access/page.ts';
import { Database } from '../platform/database.ts';
import { Prisma } from '../platform/prisma/client.ts';
import { Refusal } from '../platform/refusal.ts';
import type { RefundRecord } from './refund-view.ts';

/** Refunds as their tenant sees them; undefined stands for an operator, who sees all. */
@Injectable()
export class RefundReader {
  constructor(private readonly database: Database) {}

  /** @throws Refusal not_found, also for another tenant's refund */
  async require(tenantId: string | undefined, id: string): Promise<RefundRecord> {
    const [row] = await this.select(Prisma.sql`id = ${id} AND ${ownedBy(tenantId)}`, 1);
    if (row === undefined) throw new Refusal('not_found', { field: 'id' });
    return row;
  }

  /** Newest first, `limit + 1` rows after the cursor. */
  async list(
    { tenantId, leaseId }: { readonly tenantId: string | undefined; readonly leaseId?: string | undefined },
    limit: number,
    cursor?: string,
  ): Promise<RefundRecord[]> {
    const position = readCursor('refunds', cursor, /^\d{1,15} ref_[\w-]{22}$/);
    const [ms = '', id = ''] = position?.split(' ') ?? [];
    const after =
      position === undefined
        ? Prisma.sql`true`
        : Prisma.sql`(created_at, id) < (to_timestamp(${ms}::numeric / 1000), ${id})`;
    const lease = leaseId === undefined ? Prisma.sql`true` : Prisma.sql`lease_id = ${leaseId}`;
    return this.select(Prisma.sql`${ownedBy(tenantId)} AND ${lease} AND ${after}`, limit + 1);
  }

  private select(where: Prisma.Sql, limit: number): Promise<RefundRecord[]> {
    return this.database.prisma.$queryRaw<RefundRecord[]>`
      SELECT id, lease_id AS "leaseId", deposit_id AS "depositId", lot_id AS "lotId", reason, mode, from_asset AS "fromAsset",
        from_units::text AS "fromUnits", chain, asset, address, state, units::text AS units, fee_units::text AS "feeUnits",
        net_units::text AS "netUnits", tx_id AS "txId", date_trunc('milliseconds', created_at) AS "createdAt",
        confirmed_at AS "confirmedAt"
      FROM refunds WHERE ${where} ORDER BY created_at DESC, id DESC LIMIT ${limit}`;
  }
}

const ownedBy = (tenantId: string | undefined) =>
  tenantId === undefined ? Prisma.sql`true` : Prisma.sql`tenant_id = ${tenantId}`;
