import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { policyOf } from '../markets/policy.ts';
import type { AssetId } from '../money/asset.ts';
import { parseUnits } from '../money/codec.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import type { Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Refusal } from '../platform/refusal.ts';
import { Wallets } from '../wallets/wallets.service.ts';

/** Where and how a payee is paid now. */
export interface Payee {
  readonly id: string;
  readonly kind: 'provider' | 'service';
  /** Null for a provider: it is global, known by its Akash address. */
  readonly tenantId: string | null;
  readonly chain: string;
  readonly asset: AssetId;
  readonly address: string;
  readonly destination: string;
  readonly intervalMs: bigint;
  readonly minimumUnits: bigint;
  readonly createdAt: Date;
  readonly nextPayoutAt: Date;
}

/** How a line names its payee. */
export type NamedPayee = { readonly chain: string; readonly address: string } | { readonly id: string };

/** Providers and other payees: who they are and where they are paid. */
@Injectable()
export class Payees {
  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly chains: Chains,
    private readonly wallets: Wallets,
  ) {}

  /**
   * The canonical form of an address a payee may have in an asset.
   * @throws Refusal `invalid_address` or `own_address`, naming `field`
   */
  async checkDestination(assetId: AssetId, address: string, field: string): Promise<string> {
    const asset = this.catalog.require(assetId);
    const check = this.chains.get(asset.chain).checkAddress(address);
    if (check.kind === 'invalid') throw new Refusal('invalid_address', { field, expected: check.reason });
    if (await this.wallets.isOwnAddress(asset.chain, check.canonical)) throw new Refusal('own_address', { field });
    return check.canonical;
  }

  /**
   * The payee of a line: a provider by its address on Akash, made known at its first lease, or one of the tenant's own.
   * @throws Refusal not_found for a payee of another tenant or asset
   */
  async ensure(tx: Tx, wanted: { tenantId: string; asset: AssetId; payee: NamedPayee }): Promise<string> {
    if ('id' in wanted.payee) return this.requireOwn(tx, wanted.tenantId, wanted.payee.id, wanted.asset);
    const { chain, decimals } = this.catalog.require(wanted.asset);
    const { address } = wanted.payee;
    const kind = chain === 'akash' ? 'provider' : 'service';
    const tenantId = kind === 'provider' ? null : wanted.tenantId;
    const now = await this.clock.now(tx);
    const intervalMs = this.config.settings.PAYOUT_INTERVAL_MS;
    const minimum = parseUnits(policyOf(this.config, wanted.asset).payoutMinimum, decimals);
    if (typeof minimum !== 'bigint')
      throw new Error(`settings: POLICY ${wanted.asset} payoutMinimum has too many decimals`);
    const id = newId('payee');
    await tx.$executeRaw`
      INSERT INTO payees (id, kind, tenant_id, chain, asset, address, destination, interval_ms, minimum_units, created_at, next_payout_at)
      VALUES (${id}, ${kind}, ${tenantId}, ${chain}, ${wanted.asset}, ${address}, ${address}, ${intervalMs},
              ${minimum.toString()}::numeric, ${now}, ${new Date(now.getTime() + intervalMs)})
      ON CONFLICT DO NOTHING`;
    const [row] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM payees
      WHERE kind = ${kind} AND chain = ${chain} AND address = ${address}
        AND (kind = 'provider' OR (tenant_id = ${tenantId} AND asset = ${wanted.asset}))`;
    if (row === undefined) throw new Error(`payee ${address} was not stored`);
    if (row.id === id) await this.wallets.allow(tx, { chain, address, why: 'payee', activeFrom: now });
    return row.id;
  }

  private async requireOwn(tx: Tx, tenantId: string, id: string, asset: AssetId): Promise<string> {
    const [row] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM payees WHERE id = ${id} AND asset = ${asset} AND (tenant_id = ${tenantId} OR kind = 'provider')`;
    if (row === undefined)
      throw new Refusal('not_found', { field: 'payee', expected: `a payee of yours that is paid in ${asset}` });
    return row.id;
  }
}
