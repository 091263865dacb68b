import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import { next } from '../deposits/deposit.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import type { Transfer } from '../ledger/transfer.ts';
import { policyOf } from '../markets/policy.ts';
import { minUnits } from '../money/money.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { Locks } from '../quotes/locks.service.ts';
import { Accrual } from './accrual.service.ts';
import { Escrow } from './escrow.service.ts';
import { leftUnits, type LotRow, linesOf, lockLease, lotsOf } from './rows.ts';

/** After this a deposit that has not been mined again is unwound. */
const GIVE_UP_MS = 86_400_000;

interface ReorgedRow {
  readonly id: string;
  readonly chain: string;
  readonly txId: string;
  readonly leaseId: string | null;
  readonly tenantId: string | null;
  readonly asset: string;
  readonly units: string;
  readonly from: string;
  readonly reversals: number;
  readonly reorgedAt: Date;
  readonly returnUnits: string;
  readonly heldUnits: string;
}

/** What a reorganised chain means for leases: payouts wait, and what never comes back is unwound. */
@Injectable()
export class EscrowReorg {
  constructor(
    private readonly chains: Chains,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly ledger: Ledger,
    private readonly locks: Locks,
    private readonly accrual: Accrual,
    private readonly escrow: Escrow,
    private readonly outbox: Outbox,
  ) {}

  /** Settles the lease of a reorganised deposit and holds or frees its payouts, whichever its deposits now ask for. */
  async review(leaseId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const lease = await lockLease(tx, leaseId);
      if (lease === undefined) return;
      await this.accrual.settle(tx, lease);
      await tx.$executeRaw`
        UPDATE leases SET payouts_frozen =
          EXISTS (SELECT 1 FROM deposits WHERE lease_id = ${leaseId} AND state = 'reorged' AND reorged_from = 'credited')
        WHERE id = ${leaseId}`;
    });
  }

  /** Leases whose payouts are held and need not be, or the other way round. */
  async leasesToReview(): Promise<string[]> {
    const rows = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT l.id FROM leases l JOIN deposits d ON d.lease_id = l.id
      WHERE NOT l.payouts_frozen AND d.state = 'reorged' AND d.reorged_from = 'credited'
      UNION
      SELECT l.id FROM leases l WHERE l.payouts_frozen
        AND NOT EXISTS (SELECT 1 FROM deposits d WHERE d.lease_id = l.id AND d.state = 'reorged' AND d.reorged_from = 'credited')`;
    return rows.map(({ id }) => id);
  }

  /** Reorganised deposits that cannot or did not come back. */
  async lost(): Promise<string[]> {
    const now = await this.clock.now();
    const rows = await this.database.prisma.$queryRaw<
      Pick<ReorgedRow, 'id' | 'chain' | 'txId' | 'reorgedAt' | 'asset'>[]
    >`
      SELECT id, chain, tx_id AS "txId", reorged_at AS "reorgedAt", asset
      FROM deposits WHERE state = 'reorged' AND height IS NULL ORDER BY reorged_at LIMIT 200`;
    const lost: string[] = [];
    for (const row of rows) if (await this.isLost(row, now)) lost.push(row.id);
    return lost;
  }

  /**
   * Lost: a day has passed, or the node does not know the transaction any more (a conflicting one took its coins, else it
   * would have gone back to the mempool) and the chain has grown by the release depth since.
   */
  private async isLost(
    row: Pick<ReorgedRow, 'id' | 'chain' | 'txId' | 'reorgedAt' | 'asset'>,
    now: Date,
  ): Promise<boolean> {
    if (now.getTime() - row.reorgedAt.getTime() >= GIVE_UP_MS) return true;
    const chain = this.chains.get(row.chain);
    const [grown] = await this.database.prisma.$queryRaw<{ blocks: bigint }[]>`
      SELECT count(*) AS blocks FROM chain_blocks b JOIN deposits d ON d.chain = b.chain
      WHERE d.id = ${row.id} AND b.time >= d.reorged_at - interval '1 second'`;
    if ((grown?.blocks ?? 0n) < BigInt(policyOf(this.config, row.asset).releaseDepth)) return false;
    return (await chain.find(row.txId)).kind === 'unknown';
  }

  /** Takes a lost deposit back out of the books. Does nothing unless it is still out of the chain. */
  async unwind(depositId: string): Promise<void> {
    const now = await this.clock.now();
    await this.database.transaction(async (tx) => {
      const [found] = await tx.$queryRaw<
        { leaseId: string | null }[]
      >`SELECT lease_id AS "leaseId" FROM deposits WHERE id = ${depositId}`;
      const lease = found?.leaseId == null ? undefined : await lockLease(tx, found.leaseId);
      if (lease !== undefined) await this.accrual.settle(tx, lease);
      const [row] = await tx.$queryRaw<ReorgedRow[]>`
        SELECT id, asset, units::text AS units, reorged_from AS "from", reversals, lease_id AS "leaseId",
               tenant_id AS "tenantId", return_units::text AS "returnUnits", held_units::text AS "heldUnits"
        FROM deposits WHERE id = ${depositId} AND state = 'reorged' AND height IS NULL FOR UPDATE`;
      if (row === undefined) return;
      const transfers = await this.transfers(tx, row);
      await this.ledger.post(tx, [
        {
          key: `deposit.unwound:${row.id}:${row.reversals}`,
          kind: 'deposit.unwound',
          cause: row.id,
          effectiveAt: now,
          tenantId: row.tenantId,
          transfers,
        },
      ]);
      await tx.$executeRaw`
        UPDATE deposits SET state = ${next('reorged', 'unwind')}, return_units = 0, held_units = 0, released_at = NULL WHERE id = ${row.id}`;
      if (row.leaseId !== null) await this.accrual.reschedule(tx, row.leaseId);
      await this.outbox.write(tx, [
        {
          type: 'deposit.unwound',
          subject: row.id,
          tenantId: row.tenantId,
          data: { depositId: row.id, leaseId: row.leaseId },
        },
      ]);
    });
  }

  /**
   * Gives `reorg:<deposit>` back what was booked: from what is still in suspense, from what the desk got for escrow that
   * has not accrued, and the rest from `loss:reorg`. Payables already accrued stay the payees'.
   */
  private async transfers(tx: Tx, row: ReorgedRow): Promise<Transfer[]> {
    const to = `reorg:${row.id}`;
    const inSuspense = await this.ledger.balance(tx, `suspense:${row.id}`, row.asset);
    const lots = await this.lotsOfDeposit(tx, row.id);
    const transfers: Transfer[] = [];
    let left = BigInt(row.units);
    const take = (from: string, units: bigint) => {
      const part = minUnits(units, left);
      if (part > 0n) transfers.push({ from, to, asset: row.asset, units: part });
      left -= part;
    };
    take(`suspense:${row.id}`, inSuspense);
    for (const { lot, asset } of lots) {
      const back = leftUnits(lot);
      if (back > 0n) {
        transfers.push({ from: `escrow:${lot.lineId}`, to: 'desk:main', asset, units: back });
        take('desk:main', ((lot.paidUnits - lot.feeUnits) * back) / lot.creditedUnits);
        await this.escrow.withdraw(tx, { lot, units: back });
      }
      if (lot.lockId !== null) await this.locks.recordPaid(tx, lot.lockId, -lot.paidUnits);
    }
    take('loss:reorg', left);
    return transfers;
  }

  private async lotsOfDeposit(tx: Tx, depositId: string): Promise<{ lot: LotRow; asset: string }[]> {
    const leases = await tx.$queryRaw<{ lease_id: string }[]>`
      SELECT DISTINCT l.lease_id FROM lots t JOIN lines l ON l.id = t.line_id WHERE t.deposit_id = ${depositId}`;
    const lines = await linesOf(
      tx,
      leases.map(({ lease_id }) => lease_id),
    );
    const lots = await lotsOf(
      tx,
      lines.map(({ id }) => id),
    );
    const assets = new Map(lines.map(({ id, asset }) => [id, asset]));
    return lots
      .filter((lot) => lot.depositId === depositId)
      .map((lot) => ({ lot, asset: assets.get(lot.lineId) ?? '' }));
  }
}
