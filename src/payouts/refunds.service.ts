import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import { Escrow, type UnspentLot } from '../escrow/escrow.service.ts';
import type { LeaseRow } from '../escrow/rows.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import type { Transfer } from '../ledger/transfer.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import type { Asset, AssetId } from '../money/asset.ts';
import { minUnits } from '../money/money.ts';
import { divide } from '../money/rate.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { offeredRate } from '../quotes/quote.ts';
import { feeShare } from './fee.ts';

/** A refund to be written down, with the transfers that fill its account. */
interface Draft {
  readonly reason: 'unspent' | 'fee' | 'return';
  readonly mode: 'market' | 'inKind';
  readonly lotId: string | null;
  readonly depositId: string;
  readonly reversals: number;
  readonly from: { readonly asset: AssetId; readonly units: bigint };
  readonly asset: AssetId;
  readonly units: bigint;
  /** Given the refund's account: what moves into it. */
  readonly fill: (account: string) => Transfer[];
}

interface HeldRow {
  readonly id: string;
  readonly tenantId: string;
  readonly leaseId: string;
  readonly chain: string;
  readonly asset: AssetId;
  readonly units: string;
}

/** Sends back what was not spent and what did not fit. */
@Injectable()
export class Refunds {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
    private readonly chains: Chains,
    private readonly ledger: Ledger,
    private readonly escrow: Escrow,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Refunds what is unspent of an ended lease, per lot, by the mode its first quote fixed.
   * @throws Refusal no_price while a lot that is sold at market has no price: it waits
   */
  async refundLease(leaseId: string): Promise<void> {
    const feeRates = await this.feeRates();
    await this.database.transaction(async (tx) => {
      const lease = await this.escrow.lock(tx, leaseId);
      const now = await this.clock.now(tx);
      for (const unspent of await this.escrow.unspent(tx, lease)) {
        const reversals = await this.reversalsOf(tx, unspent.lot.depositId);
        const drafts =
          lease.refundMode === 'market' ? [this.atMarket(unspent, reversals, now)] : inKind(unspent, reversals);
        await this.escrow.withdraw(tx, unspent);
        for (const draft of drafts) if (draft.units > 0n) await this.store(tx, lease, draft, feeRates, now);
      }
      crashpoint('refund.planned');
    });
  }

  /** Sends back a deposit, or the part of it, that its quote's rules do not convert. */
  async returnDeposit(depositId: string): Promise<void> {
    const feeRates = await this.feeRates();
    await this.database.transaction(async (tx) => {
      const due = await this.escrow.takeReturn(tx, depositId);
      if (due === undefined) return;
      const lease = await this.escrow.lock(tx, due.leaseId);
      const { asset, units, reversals } = due;
      const draft: Draft = {
        reason: 'return',
        mode: 'inKind',
        lotId: null,
        depositId,
        reversals,
        from: { asset, units },
        asset,
        units,
        fill: (account) => [{ from: `suspense:${depositId}`, to: account, asset, units }],
      };
      await this.store(tx, lease, draft, feeRates, await this.clock.now(tx));
    });
  }

  /** Refunds that cost more than they bring, oldest first. */
  async heldRefunds(): Promise<string[]> {
    const rows = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM refunds WHERE state = 'held' ORDER BY created_at, id LIMIT 200`;
    return rows.map(({ id }) => id);
  }

  /** Plans a refund that was held, if it is worth its fee by now. @throws Refusal no_price */
  async retryHeld(refundId: string): Promise<void> {
    const [row] = await this.database.prisma.$queryRaw<HeldRow[]>`
      SELECT id, tenant_id AS "tenantId", lease_id AS "leaseId", chain, asset, units::text AS units
      FROM refunds WHERE id = ${refundId} AND state = 'held'`;
    if (row === undefined) return;
    const feeRates = new Map([[row.chain, await this.chains.get(row.chain).feeRate(6)]]);
    await this.database.transaction((tx) => this.release(tx, row, feeRates));
  }

  private async release(tx: Tx, row: HeldRow, feeRates: ReadonlyMap<string, bigint>): Promise<void> {
    const { id, tenantId, leaseId } = row;
    const now = await this.clock.now(tx);
    const asset = this.catalog.require(row.asset);
    const units = BigInt(row.units);
    const fee = this.feeOf(asset, feeRates, now);
    if (fee >= units) return;
    const released = await tx.$executeRaw`
      UPDATE refunds SET state = 'planned', fee_units = ${fee.toString()}::numeric, net_units = units - ${fee.toString()}::numeric
      WHERE id = ${id} AND state = 'held'`;
    if (released === 0) return;
    const transfers = positive({ from: `refund:${id}`, to: 'recovery:network', asset: asset.id, units: fee });
    const key = `refund.released:${id}`;
    if (transfers.length > 0) {
      await this.ledger.post(tx, [{ key, kind: 'refund.released', cause: id, effectiveAt: now, tenantId, transfers }]);
    }
    const data = { refundId: id, leaseId, asset: asset.id };
    await this.outbox.write(tx, [{ type: 'refund.planned', subject: id, tenantId, data }]);
  }

  private feeOf(asset: Asset, feeRates: ReadonlyMap<string, bigint>, now: Date): bigint {
    const usd = (of: string) => this.markets.price(of, now).mid;
    return feeShare(this.chains.get(asset.chain), asset, feeRates.get(asset.chain) ?? 0n, 1, usd);
  }

  /** Unspent escrow sold at the bid of now, and the service fee in proportion, both in the asset paid. */
  private atMarket({ lot, line, units }: UnspentLot, reversals: number, now: Date): Draft {
    const [from, to] = [this.catalog.require(line.asset), this.catalog.require(lot.paidAsset)];
    const spread = BigInt(this.config.settings.SPREAD_BPS);
    const { offered } =
      from.id === to.id
        ? { offered: { num: 1n, den: 1n } }
        : offeredRate(from, to, this.markets.price(from.id, now), this.markets.price(to.id, now), spread);
    const sold = divide(units * offered.num, offered.den, 'floor');
    const fee = feePart({ lot, units });
    const toDesk: Transfer = { from: `escrow:${line.id}`, to: 'desk:main', asset: line.asset, units };
    return {
      reason: 'unspent',
      mode: 'market',
      lotId: lot.id,
      depositId: lot.depositId,
      reversals,
      from: { asset: line.asset, units },
      asset: lot.paidAsset,
      units: sold + fee,
      fill: (account) => [
        toDesk,
        ...positive({ from: 'desk:main', to: account, asset: lot.paidAsset, units: sold }),
        ...positive({ from: 'revenue:fee', to: account, asset: lot.paidAsset, units: fee }),
      ],
    };
  }

  private async store(
    tx: Tx,
    lease: LeaseRow,
    draft: Draft,
    feeRates: ReadonlyMap<string, bigint>,
    now: Date,
  ): Promise<void> {
    const id = newId('refund');
    const asset = this.catalog.require(draft.asset);
    const address = lease.refundAddresses[asset.chain];
    if (address === undefined) throw new Error(`lease ${lease.id} has no refund address on ${asset.chain}`);
    const fee = minUnits(this.feeOf(asset, feeRates, now), draft.units);
    const net = draft.units - fee;
    await tx.$executeRaw`
      INSERT INTO refunds (id, tenant_id, lease_id, reason, lot_id, deposit_id, reversals, mode, from_asset, from_units, chain,
        asset, address, units, fee_units, net_units, state, created_at)
      VALUES (${id}, ${lease.tenantId}, ${lease.id}, ${draft.reason}, ${draft.lotId}, ${draft.depositId}, ${draft.reversals},
        ${draft.mode}, ${draft.from.asset}, ${draft.from.units.toString()}::numeric, ${asset.chain}, ${draft.asset}, ${address},
        ${draft.units.toString()}::numeric, ${fee.toString()}::numeric, ${net.toString()}::numeric,
        ${net === 0n ? 'held' : 'planned'}, ${now})`;
    const account = `refund:${id}`;
    // A refund that costs more than it brings keeps all of its money until fees fall.
    const fees = net === 0n ? [] : positive({ from: account, to: 'recovery:network', asset: draft.asset, units: fee });
    const key = `refund.planned:${id}`;
    const transfers = [...draft.fill(account), ...fees];
    await this.ledger.post(tx, [
      { key, kind: 'refund.planned', cause: id, effectiveAt: now, tenantId: lease.tenantId, transfers },
    ]);
    const data = { refundId: id, leaseId: lease.id, asset: draft.asset };
    await this.outbox.write(tx, [{ type: 'refund.planned', subject: id, tenantId: lease.tenantId, data }]);
  }

  private async feeRates(): Promise<Map<string, bigint>> {
    const rates = await Promise.all(
      this.chains.all().map(async (chain) => [chain.id, await chain.feeRate(6)] as const),
    );
    return new Map(rates);
  }

  private async reversalsOf(tx: Tx, depositId: string): Promise<number> {
    const [row] = await tx.$queryRaw<{ reversals: number }[]>`SELECT reversals FROM deposits WHERE id = ${depositId}`;
    return row?.reversals ?? 0;
  }
}

/** The service fee of what a lot did not spend. */
const feePart = ({ lot, units }: Pick<UnspentLot, 'lot' | 'units'>): bigint =>
  lot.creditedUnits === 0n ? 0n : (lot.feeUnits * units) / lot.creditedUnits;

const positive = (transfer: Transfer): Transfer[] => (transfer.units > 0n ? [transfer] : []);

/** Unspent escrow as it is, and the service fee in proportion in the asset paid. */
function inKind(unspent: UnspentLot, reversals: number): Draft[] {
  const { lot, line, units } = unspent;
  const fee = feePart(unspent);
  const common = { mode: 'inKind', lotId: lot.id, depositId: lot.depositId, reversals } as const;
  const escrow = { asset: line.asset, units };
  const paid = { asset: lot.paidAsset, units: fee };
  return [
    {
      ...common,
      reason: 'unspent',
      from: escrow,
      ...escrow,
      fill: (account) => [{ from: `escrow:${line.id}`, to: account, ...escrow }],
    },
    {
      ...common,
      reason: 'fee',
      from: paid,
      ...paid,
      fill: (account) => [{ from: 'revenue:fee', to: account, ...paid }],
    },
  ];
}
