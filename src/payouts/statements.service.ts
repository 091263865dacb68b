import { Injectable } from '@nestjs/common';
import type { Caller } from '../access/caller.ts';
import { viewMoney, viewTime } from '../access/fields.ts';
import { LeaseReader } from '../escrow/lease-reader.service.ts';
import { Books, type MovementRow } from '../ledger/books.service.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { formatUnits } from '../money/codec.ts';
import { PayeeReader } from '../payees/payee-reader.service.ts';
import { Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { Prisma } from '../platform/prisma/client.ts';
import { ENTRY_KINDS, entryKind, type LeaseStatement } from './lease-statement.ts';
import type { PayeeStatement } from './payee-statement.ts';
import { PayoutReader } from './payout-reader.service.ts';
import type { PayoutRecord } from './payout-view.ts';

/** Journals that are a single lease's in whole: their transfers between own accounts are its costs. */
const OWN_JOURNALS = ['deposit.credited', 'refund.planned', 'deposit.unwound'];
const HELD = ['suspense', 'escrow', 'payable', 'refund'] as const;

interface PayeeLine {
  readonly id: string;
  readonly leaseId: string;
  readonly asset: string;
}

/** Statements, read from the ledger itself: what they list is what is booked. */
@Injectable()
export class Statements {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly books: Books,
    private readonly leases: LeaseReader,
    private readonly payees: PayeeReader,
    private readonly payouts: PayoutReader,
  ) {}

  /** The tenant's receipt of a lease. @throws Refusal not_found */
  async ofLease(caller: Caller, tenantId: string | undefined, id: string): Promise<LeaseStatement> {
    const lease = await this.database.transaction((tx) => this.leases.view(tx, id, tenantId));
    const accounts = await this.accountsOf(
      id,
      lease.lines.map((line) => line.id),
    );
    const movements = await this.books.movements(accounts, OWN_JOURNALS);
    const payouts = await this.payoutsOf(caller, movements);
    const entries = movements.map((row) => {
      const payout = payouts.get(refOf(row.to, 'payout') ?? '');
      return {
        at: viewTime(row.effectiveAt),
        kind: entryKind(row.from, row.to),
        asset: row.asset,
        amount: this.amount(row.asset, BigInt(row.units)),
        lineId: lineOf(row),
        reference: payout?.id ?? refOf(row.from, 'refund') ?? refOf(row.to, 'refund') ?? row.cause,
        txId: payout?.txId ?? row.placeTx,
      };
    });
    return {
      leaseId: id,
      reference: lease.reference,
      at: viewTime(await this.clock.now()),
      locks: lease.locks.map(({ id: lockId, quoteId, lockedAt, size, paid }) => ({
        lockId,
        quoteId,
        lockedAt,
        size,
        paid,
      })),
      entries,
      totals: this.totals(movements),
      balances: await this.balances(accounts),
    };
  }

  /** What a payee's lines accrued and were paid in a period; a tenant sees its own lines alone. @throws Refusal not_found */
  async ofPayee(
    caller: Caller,
    id: string,
    period: { readonly from: Date; readonly to: Date },
  ): Promise<PayeeStatement> {
    await this.payees.require(caller, id);
    const lines = await this.linesOf(caller, id);
    const byId = new Map(lines.map((line) => [line.id, line]));
    const movements = await this.books.movements(
      lines.map((line) => `payable:${line.id}`),
      [],
      period,
    );
    const payouts = await this.payoutsOf(caller, movements);
    const entries = movements.flatMap((row) => {
      const line = byId.get(lineOf(row) ?? '');
      return line === undefined ? [] : [{ row, line, payout: payouts.get(refOf(row.to, 'payout') ?? '') }];
    });
    const payables = await this.books.balancesOf(lines.map((line) => `payable:${line.id}`));
    const balances = new Map(payables.map(({ account, asset, units }) => [`${account} ${asset}`, units]));
    return {
      payeeId: id,
      from: viewTime(period.from),
      to: viewTime(period.to),
      lines: lines.map((line) => {
        const own = entries.filter((entry) => entry.line.id === line.id);
        const sum = (units: (entry: (typeof own)[number]) => bigint) =>
          own.reduce((total, entry) => total + units(entry), 0n);
        const asset = this.catalog.require(line.asset);
        const paid = sum(({ row, payout }) => (payout === undefined ? 0n : BigInt(row.units)));
        const fees = sum(({ payout }) => feeOf(payout, line.id));
        return {
          lineId: line.id,
          leaseId: line.leaseId,
          accrued: viewMoney(
            asset,
            sum(({ row }) => (row.to === `payable:${line.id}` ? BigInt(row.units) : 0n)),
          ),
          paid: viewMoney(asset, paid),
          fees: viewMoney(asset, fees),
          payable: viewMoney(asset, balances.get(`payable:${line.id} ${line.asset}`) ?? 0n),
        };
      }),
      entries: entries.map(({ row, line, payout }) => {
        const fee = feeOf(payout, line.id);
        return {
          at: viewTime(row.effectiveAt),
          kind: payout === undefined ? ('accrued' as const) : ('paid' as const),
          leaseId: line.leaseId,
          lineId: line.id,
          asset: line.asset,
          amount: this.amount(line.asset, BigInt(row.units)),
          fee: this.amount(line.asset, fee),
          net: this.amount(line.asset, BigInt(row.units) - fee),
          payoutId: payout?.id ?? null,
          state: payout?.state ?? null,
          txId: payout?.txId ?? null,
        };
      }),
    };
  }

  /** Every account that ever held money of a lease. */
  private async accountsOf(leaseId: string, lineIds: readonly string[]): Promise<string[]> {
    const deposits = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM deposits WHERE lease_id = ${leaseId} ORDER BY id`;
    const refunds = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM refunds WHERE lease_id = ${leaseId} ORDER BY id`;
    return [
      ...lineIds.flatMap((id) => [`escrow:${id}`, `payable:${id}`]),
      ...deposits.flatMap(({ id }) => [`suspense:${id}`, `reorg:${id}`]),
      ...refunds.map(({ id }) => `refund:${id}`),
    ];
  }

  private linesOf(caller: Caller, payeeId: string): Promise<PayeeLine[]> {
    const visible = caller.role === 'tenant' ? Prisma.sql`e.tenant_id = ${caller.tenantId}` : Prisma.sql`true`;
    return this.database.prisma.$queryRaw<PayeeLine[]>`
      SELECT l.id, l.lease_id AS "leaseId", l.asset FROM lines l JOIN leases e ON e.id = l.lease_id
      WHERE l.payee_id = ${payeeId} AND ${visible} ORDER BY l.id`;
  }

  private payoutsOf(caller: Caller, movements: readonly MovementRow[]): Promise<Map<string, PayoutRecord>> {
    const ids = movements.flatMap(({ to }) => refOf(to, 'payout') ?? []);
    return this.payouts.byIds(caller, [...new Set(ids)]);
  }

  private totals(movements: readonly MovementRow[]): LeaseStatement['totals'] {
    return ENTRY_KINDS.flatMap((kind) => {
      const sums = new Map<string, bigint>();
      for (const { from, to, asset, units } of movements) {
        if (entryKind(from, to) === kind) sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(units));
      }
      return [...sums].map(([asset, units]) => ({ kind, total: viewMoney(this.catalog.require(asset), units) }));
    });
  }

  private async balances(accounts: readonly string[]): Promise<LeaseStatement['balances']> {
    const rows = await this.books.balancesOf(accounts);
    return HELD.flatMap((kind) => {
      const own = rows.filter(({ account }) => account.startsWith(`${kind}:`));
      return [...Map.groupBy(own, ({ asset }) => asset)].map(([asset, balances]) => {
        const units = balances.reduce((sum, balance) => sum + balance.units, 0n);
        return { kind, balance: viewMoney(this.catalog.require(asset), units) };
      });
    });
  }

  private amount(asset: string, units: bigint): string {
    return formatUnits(units, this.catalog.require(asset).decimals);
  }
}

const refOf = (account: string, kind: string): string | undefined =>
  account.startsWith(`${kind}:`) ? account.slice(kind.length + 1) : undefined;

const lineOf = ({ from, to }: MovementRow): string | null =>
  refOf(from, 'escrow') ?? refOf(from, 'payable') ?? refOf(to, 'escrow') ?? refOf(to, 'payable') ?? null;

const feeOf = (payout: PayoutRecord | undefined, lineId: string): bigint =>
  payout?.items.find((item) => item.lineId === lineId)?.feeUnits ?? 0n;
