import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import { Accrual } from '../escrow/accrual.service.ts';
import { Escrow, type Payable } from '../escrow/escrow.service.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import { Clock } from '../platform/clock.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { feeShare, isWorthSending } from './fee.ts';

/** Outputs a fee is shared among when it is estimated, before the batch is known. */
const FEE_OUTPUTS = 1;

/** How soon a payee is looked at again for whom nothing could leave. */
const LOOK_AGAIN_MS = 600_000;

interface DuePayee {
  readonly id: string;
  readonly asset: string;
  readonly intervalMs: number;
  readonly minimumUnits: string;
}

/** Turns payables into payouts when a payee's time has come. */
@Injectable()
export class Payouts {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
    private readonly chains: Chains,
    private readonly ledger: Ledger,
    private readonly accrual: Accrual,
    private readonly escrow: Escrow,
    private readonly outbox: Outbox,
  ) {}

  /** Payees whose time has come and who may be owed something. */
  async duePayees(): Promise<string[]> {
    const now = await this.clock.now();
    const rows = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT p.id FROM payees p WHERE p.next_payout_at <= ${now}
        AND EXISTS (SELECT 1 FROM lines l WHERE l.payee_id = p.id AND (l.state = 'running' OR l.paid_out_units < l.accrued_units))
      ORDER BY p.next_payout_at, p.id LIMIT 200`;
    return rows.map(({ id }) => id);
  }

  /**
   * Settles a payee's leases and plans a payout of everything that may leave: one an asset and destination. Less than
   * the payee's minimum, or too little for its fee, waits for the next time.
   */
  async planFor(payeeId: string): Promise<void> {
    // The fee is asked for outside of the transaction: a slow node must not hold the lease rows.
    const feeRate = await this.feeRateFor(payeeId);
    await this.database.transaction(async (tx) => {
      const now = await this.clock.now(tx);
      const payee = await this.lockDue(tx, payeeId, now);
      if (payee === undefined) return;
      const due = await this.dueOf(tx, payeeId);
      // With nothing released there is no turn to lose: what is released meanwhile does not wait a whole interval.
      const waitMs = due.length === 0 ? Math.min(payee.intervalMs, LOOK_AGAIN_MS) : payee.intervalMs;
      const next = new Date(now.getTime() + waitMs);
      await tx.$executeRaw`UPDATE payees SET next_payout_at = ${next} WHERE id = ${payeeId}`;
      for (const part of Map.groupBy(due, ({ asset, destination }) => `${asset} ${destination}`).values()) {
        await this.planPart(tx, payee, part, feeRate, now);
      }
    });
  }

  /** Payables of one asset to one destination. The payee's minimum is in its own asset; others wait for the fee alone. */
  private async planPart(tx: Tx, payee: DuePayee, part: readonly Payable[], feeRate: bigint, now: Date): Promise<void> {
    const [first] = part;
    if (first === undefined) return;
    const units = part.reduce((sum, line) => sum + line.units, 0n);
    const asset = this.catalog.require(first.asset);
    const minimum = asset.id === payee.asset ? BigInt(payee.minimumUnits) : 0n;
    if (units < minimum) return;
    const usd = (id: string) => this.markets.price(id, now).mid;
    const fee = feeShare(this.chains.get(asset.chain), asset, feeRate, FEE_OUTPUTS, usd);
    if (isWorthSending(units, fee)) await this.store(tx, payee.id, part, { ...first, units, fee, now });
  }

  private async feeRateFor(payeeId: string): Promise<bigint> {
    const [row] = await this.database.prisma.$queryRaw<
      { chain: string }[]
    >`SELECT chain FROM payees WHERE id = ${payeeId}`;
    return row === undefined ? 0n : this.chains.get(row.chain).feeRate(6);
  }

  private async lockDue(tx: Tx, payeeId: string, now: Date): Promise<DuePayee | undefined> {
    const [row] = await tx.$queryRaw<DuePayee[]>`
      SELECT id, asset, interval_ms::float8 AS "intervalMs", minimum_units::text AS "minimumUnits"
      FROM payees WHERE id = ${payeeId} AND next_payout_at <= ${now} FOR UPDATE`;
    return row;
  }

  private async dueOf(tx: Tx, payeeId: string): Promise<Payable[]> {
    for (const leaseId of await this.escrow.leasesOfPayee(tx, payeeId)) {
      const lease = await this.escrow.lock(tx, leaseId);
      await this.accrual.settle(tx, lease);
    }
    return this.escrow.takePayable(tx, payeeId);
  }

  private async store(
    tx: Tx,
    payeeId: string,
    due: readonly Payable[],
    { asset, destination, units, fee, now }: Omit<Payable, 'lineId'> & { readonly fee: bigint; readonly now: Date },
  ): Promise<void> {
    const id = newId('payout');
    const { chain } = this.catalog.require(asset);
    await tx.$executeRaw`
      INSERT INTO payouts (id, payee_id, chain, asset, address, units, fee_units, net_units, state, created_at)
      VALUES (${id}, ${payeeId}, ${chain}, ${asset}, ${destination}, ${units.toString()}::numeric,
              ${fee.toString()}::numeric, ${(units - fee).toString()}::numeric, 'planned', ${now})`;
    for (const line of due) {
      await tx.$executeRaw`
        INSERT INTO payout_items (payout_id, line_id, units) VALUES (${id}, ${line.lineId}, ${line.units.toString()}::numeric)`;
    }
    await this.escrow.markPaidOut(tx, due);
    const fees = fee === 0n ? [] : [{ from: `payout:${id}`, to: 'recovery:network', asset, units: fee }];
    await this.ledger.post(tx, [
      {
        key: `payout.planned:${id}`,
        kind: 'payout.planned',
        cause: id,
        effectiveAt: now,
        tenantId: null,
        transfers: [
          ...due.map((line) => ({
            from: `payable:${line.lineId}`,
            to: `payout:${id}`,
            asset,
            units: line.units,
          })),
          ...fees,
        ],
      },
    ]);
    const data = { payoutId: id, payeeId, asset };
    await this.outbox.write(tx, [{ type: 'payout.planned', subject: id, tenantId: null, data }]);
    crashpoint('payout.planned');
  }
}
