import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { Prisma } from '../platform/prisma/client.ts';
import { readCursor } from '../access/page.ts';
import { Refusal } from '../platform/refusal.ts';
import { type DepositState, next } from './deposit.ts';
import type { DepositRecord } from './view.ts';

export interface DepositFilter {
  /** Undefined for an operator, who sees all. */
  readonly tenantId?: string | undefined;
  readonly leaseId?: string | undefined;
  readonly state?: string | undefined;
}

/** Deposits as their tenant sees them. */
@Injectable()
export class Deposits {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
  ) {}

  /** One deposit, if the tenant may see it. */
  async find(
    id: string,
    tenantId: string | undefined,
    reader: Tx = this.database.prisma,
  ): Promise<DepositRecord | undefined> {
    const [row] = await this.select(reader, Prisma.sql`d.id = ${id} AND ${ownedBy(tenantId)}`, 1);
    return row;
  }

  /** Newest first, `limit + 1` rows after the cursor. */
  async list(
    filter: DepositFilter,
    limit: number,
    cursor?: string,
    reader: Tx = this.database.prisma,
  ): Promise<DepositRecord[]> {
    const position = readCursor('deposits', cursor, /^\d{1,15} dep_[\w-]{22}$/);
    const [ms = '', id = ''] = position?.split(' ') ?? [];
    const after =
      position === undefined
        ? Prisma.sql`true`
        : Prisma.sql`(d.seen_at, d.id) < (to_timestamp(${ms}::numeric / 1000), ${id})`;
    const lease = filter.leaseId === undefined ? Prisma.sql`true` : Prisma.sql`d.lease_id = ${filter.leaseId}`;
    const state = filter.state === undefined ? Prisma.sql`true` : Prisma.sql`d.state = ${filter.state}`;
    return this.select(
      reader,
      Prisma.sql`${ownedBy(filter.tenantId)} AND ${lease} AND ${state} AND ${after}`,
      limit + 1,
    );
  }

  /**
   * Claims money that was set aside: it goes back to the lease's refund address, less the network fee.
   * @throws Refusal not_found; lease_state unless it is unclaimed and of an asset that is known
   */
  async claim(tx: Tx, tenantId: string, id: string): Promise<void> {
    const [row] = await tx.$queryRaw<{ state: DepositState; asset: string | null }[]>`
      SELECT state, asset FROM deposits WHERE id = ${id} AND tenant_id = ${tenantId} FOR UPDATE`;
    if (row === undefined) throw new Refusal('not_found', { field: 'id' });
    if (row.state !== 'unclaimed' || row.asset === null) {
      throw new Refusal('lease_state', {
        expected: 'an unclaimed deposit of an asset that is known',
        facts: { state: row.state },
      });
    }
    await tx.$executeRaw`
      UPDATE deposits SET state = ${next(row.state, 'return')}, return_units = units, credited_at = lockstep_now() WHERE id = ${id}`;
    const data = { depositId: id, asset: row.asset };
    await this.outbox.write(tx, [{ type: 'deposit.return-due', subject: id, tenantId, data }]);
  }

  private select(reader: Tx, where: Prisma.Sql, limit: number): Promise<DepositRecord[]> {
    return reader.$queryRaw<DepositRecord[]>`
      SELECT d.id, d.chain, d.tx_id, d.place, a.address, d.lease_id, d.asset, d.reference, d.units::text AS units, d.state, d.reason,
             date_trunc('milliseconds', d.seen_at) AS seen_at, d.height::integer AS height,
             coalesce(c.tip_height - d.height + 1, 0)::integer AS confirmations, d.credited_at, d.released_at
      FROM deposits d JOIN addresses a ON a.id = d.address_id LEFT JOIN chain_cursors c ON c.chain = d.chain
      WHERE ${where} ORDER BY d.seen_at DESC, d.id DESC LIMIT ${limit}`;
  }
}

const ownedBy = (tenantId: string | undefined) =>
  tenantId === undefined ? Prisma.sql`true` : Prisma.sql`d.tenant_id = ${tenantId}`;
