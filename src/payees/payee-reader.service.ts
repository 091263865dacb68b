import { Injectable } from '@nestjs/common';
import type { Caller } from '../access/caller.ts';
import { readCursor } from '../access/page.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Prisma } from '../platform/prisma/client.ts';
import { Refusal } from '../platform/refusal.ts';
import type { PayeeRecord } from './view.ts';

/** Payees as callers see them: a tenant those its lines pay, a payee itself, an operator all. */
@Injectable()
export class PayeeReader {
  constructor(private readonly database: Database) {}

  /** @throws Refusal not_found, also for a payee the caller may not see */
  async require(caller: Caller, id: string, reader: Tx = this.database.prisma): Promise<PayeeRecord> {
    const [row] = await this.select(reader, Prisma.sql`p.id = ${id} AND ${visibleTo(caller)}`, 1);
    if (row === undefined) throw new Refusal('not_found', { field: 'id' });
    return row;
  }

  /** Newest first, `limit + 1` rows after the cursor. */
  async list(caller: Caller, limit: number, cursor?: string): Promise<PayeeRecord[]> {
    const position = readCursor('payees', cursor, /^\d{1,15} pay_[\w-]{22}$/);
    const [ms = '', id = ''] = position?.split(' ') ?? [];
    const after =
      position === undefined
        ? Prisma.sql`true`
        : Prisma.sql`(p.created_at, p.id) < (to_timestamp(${ms}::numeric / 1000), ${id})`;
    return this.select(this.database.prisma, Prisma.sql`${visibleTo(caller)} AND ${after}`, limit + 1);
  }

  private select(reader: Tx, where: Prisma.Sql, limit: number): Promise<PayeeRecord[]> {
    return reader.$queryRaw<PayeeRecord[]>`
      SELECT p.id, p.kind, p.tenant_id AS "tenantId", p.chain, p.asset, p.address, p.destination,
        p.interval_ms::float8 AS "intervalMs", p.minimum_units::text AS "minimumUnits", p.created_at AS "createdAt",
        p.next_payout_at AS "nextPayoutAt",
        CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('id', c.id, 'destination', c.destination,
          'intervalMs', c.interval_ms, 'minimumUnits', c.minimum_units::text, 'apiKey', c.api_key,
          'requestedAt', c.requested_at, 'effectiveAt', c.effective_at) END AS change
      FROM payees p LEFT JOIN payee_changes c ON c.payee_id = p.id AND c.state = 'pending'
      WHERE ${where} ORDER BY p.created_at DESC, p.id DESC LIMIT ${limit}`;
  }
}

function visibleTo(caller: Caller): Prisma.Sql {
  if (caller.role === 'operator') return Prisma.sql`true`;
  if (caller.role === 'payee') return Prisma.sql`p.id = ${caller.payeeId}`;
  return Prisma.sql`(p.tenant_id = ${caller.tenantId}
    OR EXISTS (SELECT 1 FROM payee_tenants t WHERE t.payee_id = p.id AND t.tenant_id = ${caller.tenantId}))`;
}
