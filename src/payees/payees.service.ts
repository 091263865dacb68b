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

/** How a line names its payee. */
export type NamedPayee = { readonly chain: string; readonly address: string } | { readonly id: string };

/** A payee as a new line pays it. */
export interface LinePayee {
  readonly payeeId: string;
  readonly destination: string;
}

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
  async checkDestination(assetId: AssetId, address: string, field: string, reader?: Tx): Promise<string> {
    const asset = this.catalog.require(assetId);
    const check = this.chains.get(asset.chain).checkAddress(address);
    if (check.kind === 'invalid') throw new Refusal('invalid_address', { field, expected: check.reason });
    if (await this.wallets.isOwnAddress(asset.chain, check.canonical, reader))
      throw new Refusal('own_address', { field });
    return check.canonical;
  }

  /**
   * The payee of a line, and where it is paid from now on: a provider by its address on Akash, made known at its first
   * lease, or one of the tenant's own.
   * @throws Refusal not_found for a payee of another tenant or asset
   */
  async ensure(tx: Tx, wanted: { tenantId: string; asset: AssetId; payee: NamedPayee }): Promise<LinePayee> {
    const found =
      'id' in wanted.payee
        ? await this.requireOwn(tx, wanted.tenantId, wanted.payee.id, wanted.asset)
        : await this.ensureAddress(tx, wanted.tenantId, wanted.asset, wanted.payee.address);
    await tx.$executeRaw`
      INSERT INTO payee_tenants (payee_id, tenant_id) VALUES (${found.payeeId}, ${wanted.tenantId}) ON CONFLICT DO NOTHING`;
    return found;
  }

  private async ensureAddress(tx: Tx, ofTenant: string, assetId: AssetId, address: string): Promise<LinePayee> {
    const { chain, decimals } = this.catalog.require(assetId);
    const kind = chain === 'akash' ? 'provider' : 'service';
    const tenantId = kind === 'provider' ? null : ofTenant;
    const now = await this.clock.now(tx);
    const intervalMs = this.config.settings.PAYOUT_INTERVAL_MS;
    const minimum = parseUnits(policyOf(this.config, assetId).payoutMinimum, decimals);
    if (typeof minimum !== 'bigint') throw new Error(`settings: POLICY ${assetId} payoutMinimum has too many decimals`);
    const id = newId('payee');
    await tx.$executeRaw`
      INSERT INTO payees (id, kind, tenant_id, chain, asset, address, destination, interval_ms, minimum_units, created_at, next_payout_at)
      VALUES (${id}, ${kind}, ${tenantId}, ${chain}, ${assetId}, ${address}, ${address}, ${intervalMs},
              ${minimum.toString()}::numeric, ${now}, ${new Date(now.getTime() + intervalMs)})
      ON CONFLICT DO NOTHING`;
    const [row] = await tx.$queryRaw<LinePayee[]>`
      SELECT id AS "payeeId", destination FROM payees
      WHERE kind = ${kind} AND chain = ${chain} AND address = ${address}
        AND (kind = 'provider' OR (tenant_id = ${tenantId} AND asset = ${assetId}))`;
    if (row === undefined) throw new Error(`payee ${address} was not stored`);
    if (row.payeeId === id) await this.wallets.allow(tx, { chain, address, why: 'payee', activeFrom: now });
    return row;
  }

  private async requireOwn(tx: Tx, tenantId: string, id: string, asset: AssetId): Promise<LinePayee> {
    const [row] = await tx.$queryRaw<LinePayee[]>`
      SELECT id AS "payeeId", destination FROM payees WHERE id = ${id} AND asset = ${asset} AND (tenant_id = ${tenantId} OR kind = 'provider')`;
    if (row === undefined)
      throw new Refusal('not_found', { field: 'payee', expected: `a payee of yours that is paid in ${asset}` });
    return row;
  }
}
