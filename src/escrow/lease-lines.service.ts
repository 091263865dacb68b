import { Injectable } from '@nestjs/common';
import { maxUnits } from '../money/money.ts';
import { Database } from '../platform/database.ts';
import { Refusal } from '../platform/refusal.ts';
import { type LeaseLine, LeaseLines } from '../quotes/lease-lines.ts';
import { PRICE_SCALE } from '../quotes/quote.ts';
import { linesOf, lotsOf } from './rows.ts';

/** A lease's lines for a further quote. */
@Injectable()
export class EscrowLeaseLines extends LeaseLines {
  constructor(private readonly database: Database) {
    super();
  }

  override async linesOf(tenantId: string, leaseId: string): Promise<readonly LeaseLine[]> {
    const tx = this.database.prisma;
    const [lease] = await tx.$queryRaw<{ state: string }[]>`
      SELECT state FROM leases WHERE id = ${leaseId} AND tenant_id = ${tenantId}`;
    if (lease === undefined) throw new Refusal('not_found', { field: 'leaseId' });
    if (lease.state === 'closed' || lease.state === 'expired') {
      throw new Refusal('lease_state', { field: 'leaseId', facts: { state: lease.state } });
    }
    const lines = await linesOf(tx, [leaseId]);
    const lots = await lotsOf(
      tx,
      lines.map(({ id }) => id),
    );
    const payees = await tx.$queryRaw<{ id: string; chain: string; address: string }[]>`
      SELECT id, chain, address FROM payees WHERE id = ANY(${lines.map(({ payeeId }) => payeeId)})`;
    return lines.map((line) => {
      const payee = payees.find(({ id }) => id === line.payeeId);
      if (payee === undefined) throw new Error(`payee ${line.payeeId} is gone`);
      const credited = lots
        .filter(({ lineId }) => lineId === line.id)
        .reduce((sum, lot) => sum + lot.creditedUnits - lot.withdrawnUnits, 0n);
      return {
        payee: { chain: payee.chain, address: payee.address },
        asset: line.asset,
        clock: line.clock,
        priceNumerator:
          line.clock === 'once' ? maxUnits(line.priceNumerator - credited * PRICE_SCALE, 0n) : line.priceNumerator,
      };
    });
  }
}
