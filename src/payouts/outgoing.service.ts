import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import type { Chain } from '../adapters/chain.ts';
import { Clock } from '../platform/clock.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { Prisma } from '../platform/prisma/client.ts';
import { hotWallet } from '../wallets/wallet-list.ts';
import { Wallets } from '../wallets/wallets.service.ts';
import { Reconcile } from './reconcile.service.ts';

/** Outputs of one transaction, by chain family: EVM sends one transfer each. */
const OUTPUTS_MAX: Readonly<Record<Chain['family'], number>> = { akash: 100, bitcoin: 100, handshake: 100, evm: 1 };

export type OutgoingKind = 'payout' | 'refund';

interface OutgoingRow {
  readonly id: string;
  readonly chain: string;
  readonly asset: string;
  readonly address: string;
  readonly netUnits: string;
  readonly tenantId: string | null;
}

/**
 * Payouts and refunds on their way out. `planned`: its money is in its own account. `sent`: one output of a send. That
 * send confirms, and it is `confirmed` with it; or it is refuted, and it is `planned` again, for another send. A refund
 * that costs more than it brings is `held`.
 */
@Injectable()
export class Outgoing {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly chains: Chains,
    private readonly wallets: Wallets,
    private readonly outbox: Outbox,
    private readonly reconcile: Reconcile,
  ) {}

  /**
   * Gathers what is planned into sends, one a chain and asset and as many outputs as one transaction takes. An asset whose
   * books stand above the chain waits.
   */
  async send(kind: OutgoingKind): Promise<void> {
    const groups = await this.database.prisma.$queryRaw<{ chain: string; asset: string }[]>`
      SELECT DISTINCT chain, asset FROM ${TABLES[kind]} WHERE state = 'planned'`;
    const stopped = await this.reconcile.stoppedAssets();
    for (const { chain, asset } of groups) {
      if (stopped.has(asset)) continue;
      while ((await this.sendBatch(kind, this.chains.get(chain), asset)) > 0) crashpoint('outgoing.batched');
    }
  }

  /** Marks what has confirmed, and plans anew what was refuted. */
  async settle(kind: OutgoingKind): Promise<void> {
    const open = await this.database.prisma.$queryRaw<{ sendId: string }[]>`
      SELECT DISTINCT send_id AS "sendId" FROM ${TABLES[kind]} WHERE state = 'sent' LIMIT 500`;
    for (const { sendId } of open) {
      const { state, txId } = await this.wallets.status(sendId);
      if (state === 'confirmed') await this.confirm(kind, sendId, txId);
      if (state === 'failed') {
        await this.database.prisma.$executeRaw`
          UPDATE ${TABLES[kind]} SET state = 'planned', send_id = NULL WHERE send_id = ${sendId} AND state = 'sent'`;
      }
    }
  }

  private async sendBatch(kind: OutgoingKind, chain: Chain, asset: string): Promise<number> {
    return this.database.transaction(async (tx) => {
      const tenant = kind === 'refund' ? Prisma.sql`tenant_id` : Prisma.sql`NULL::text`;
      const rows = await tx.$queryRaw<OutgoingRow[]>`
        SELECT id, chain, asset, address, net_units::text AS "netUnits", ${tenant} AS "tenantId" FROM ${TABLES[kind]}
        WHERE chain = ${chain.id} AND asset = ${asset} AND state = 'planned'
        ORDER BY created_at, id LIMIT ${OUTPUTS_MAX[chain.family]} FOR UPDATE SKIP LOCKED`;
      if (rows.length === 0) return 0;
      const walletId = hotWallet(chain.id);
      const sendId = await this.wallets.plan(tx, {
        purpose: kind,
        cause: newId('send'),
        walletId,
        outputs: rows.map((row) => ({ address: row.address, asset, units: BigInt(row.netUnits) })),
        settlement: rows.map((row) => ({
          from: `${kind}:${row.id}`,
          to: `external:${walletId}`,
          asset,
          units: BigInt(row.netUnits),
        })),
        tenantId: rows.length === 1 ? (rows[0]?.tenantId ?? null) : null,
      });
      const ids = rows.map(({ id }) => id);
      await tx.$executeRaw`UPDATE ${TABLES[kind]} SET state = 'sent', send_id = ${sendId} WHERE id = ANY(${ids})`;
      return rows.length;
    });
  }

  private async confirm(kind: OutgoingKind, sendId: string, txId: string | null): Promise<void> {
    const now = await this.clock.now();
    await this.database.transaction(async (tx: Tx) => {
      const tenant = kind === 'refund' ? Prisma.sql`tenant_id` : Prisma.sql`NULL::text`;
      const rows = await tx.$queryRaw<{ id: string; tenantId: string | null; asset: string }[]>`
        UPDATE ${TABLES[kind]} SET state = 'confirmed', confirmed_at = ${now}, tx_id = ${txId}
        WHERE send_id = ${sendId} AND state = 'sent' RETURNING id, ${tenant} AS "tenantId", asset`;
      await this.outbox.write(
        tx,
        rows.map(({ id, tenantId, asset }) => ({
          type: `${kind}.confirmed`,
          subject: id,
          tenantId,
          data: { [`${kind}Id`]: id, asset, txId },
        })),
      );
    });
  }
}

const TABLES: Readonly<Record<OutgoingKind, Prisma.Sql>> = { payout: Prisma.sql`payouts`, refund: Prisma.sql`refunds` };
