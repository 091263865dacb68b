import { Injectable } from '@nestjs/common';
import type { Caller } from '../access/caller.ts';
import { KeysService } from '../access/keys.service.ts';
import { scopesOf } from '../access/scopes.ts';
import { Chains } from '../adapters/chains/index.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { parseUnits } from '../money/codec.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { Refusal } from '../platform/refusal.ts';
import { Wallets } from '../wallets/wallets.service.ts';
import { changeText, type WantedChange } from './change-text.ts';
import { PayeeReader } from './payee-reader.service.ts';
import { Payees } from './payees.service.ts';
import type { PayeeRecord } from './view.ts';

const PROOF_LIFE_MAX_MS = 3_600_000;
const INTERVAL_MIN_MS = 3_600_000;
const BATCH = 200;

/** A signature by the payee's own key, as the request has it. */
export interface Proof {
  readonly pubKey: string;
  readonly signature: string;
  readonly nonce: string;
  readonly expiresAt: string;
}

interface DueChange {
  readonly id: string;
  readonly payeeId: string;
  readonly destination: string | null;
  readonly effectiveAt: Date;
}

/**
 * Changes of a payee: asked for with a proof, `pending` for a delay in which they are announced and can be cancelled,
 * then `active`. One is pending at a time. The same proof again is the same request.
 */
@Injectable()
export class PayeeChanges {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly chains: Chains,
    private readonly wallets: Wallets,
    private readonly payees: Payees,
    private readonly reader: PayeeReader,
    private readonly keys: KeysService,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Asks for a change, or cancels the pending one.
   * @throws Refusal not_found, invalid_proof, proof_reused, invalid_field (expiry, interval), conflict (another change is
   * pending, or none to cancel), invalid_address, own_address, invalid_amount
   */
  async request(tx: Tx, caller: Caller, id: string, wanted: WantedChange, proof: Proof | undefined): Promise<void> {
    const payee = await this.lock(tx, caller, id);
    checkWish(wanted);
    const nonce = await this.authorise(tx, caller, payee, wanted, proof);
    if (nonce === 'repeated') return;
    if (wanted.cancel === true) await this.cancel(tx, payee);
    else await this.store(tx, payee, wanted, nonce);
  }

  /**
   * Asks for an API key of the payee. Given again with the same proof once the delay is over, gives the key out, once.
   * @throws Refusal as `request`; conflict when the key was given out or its request cancelled
   */
  async requestKey(
    tx: Tx,
    caller: Caller,
    id: string,
    name: string,
    proof: Proof,
  ): Promise<{ keyId: string; secret: string } | undefined> {
    const payee = await this.lock(tx, caller, id);
    const nonce = await this.authorise(tx, caller, payee, { apiKey: true }, proof);
    if (nonce !== 'repeated') {
      await this.store(tx, payee, { apiKey: true }, nonce);
      if (this.config.settings.PAYEE_CHANGE_DELAY_MS > 0) return undefined;
    }
    return this.giveKey(tx, payee, name, proof.nonce);
  }

  /** Puts changes into effect whose time has come. For the job. */
  async applyDue(): Promise<void> {
    await this.database.transaction(async (tx) => {
      const now = await this.clock.now(tx);
      const due = await tx.$queryRaw<DueChange[]>`
        SELECT id, payee_id AS "payeeId", destination, effective_at AS "effectiveAt" FROM payee_changes
        WHERE state = 'pending' AND effective_at <= ${now} ORDER BY payee_id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`;
      for (const change of due) await this.apply(tx, change);
    });
  }

  private async lock(tx: Tx, caller: Caller, id: string): Promise<PayeeRecord> {
    await tx.$queryRaw`SELECT 1 FROM payees WHERE id = ${id} FOR UPDATE`;
    return this.reader.require(caller, id, tx);
  }

  /**
   * The nonce of a proof that holds, noted as used; `repeated` for the same text again; null where a tenant's own payee
   * needs none.
   */
  private async authorise(
    tx: Tx,
    caller: Caller,
    payee: PayeeRecord,
    wanted: WantedChange,
    proof: Proof | undefined,
  ): Promise<string | null> {
    if (proof === undefined) {
      const owned = caller.role === 'tenant' && caller.tenantId === payee.tenantId;
      const cancels = wanted.cancel === true && caller.role === 'payee';
      if (owned || cancels) return null;
      throw new Refusal('invalid_proof', { field: 'proof', expected: `an ADR-36 signature by ${payee.address}` });
    }
    const text = changeText(payee.id, wanted, proof.nonce, proof.expiresAt);
    const [used] = await tx.$queryRaw<{ signedText: string }[]>`
      SELECT signed_text AS "signedText" FROM payee_proofs WHERE payee_id = ${payee.id} AND nonce = ${proof.nonce}`;
    if (used !== undefined && used.signedText !== text) throw new Refusal('proof_reused', { field: 'proof.nonce' });
    const now = await this.clock.now(tx);
    if (used === undefined) checkExpiry(proof.expiresAt, now);
    const signed = { address: payee.address, pubkey: proof.pubKey, signature: proof.signature, data: text };
    const chain = this.chains.has(payee.chain) ? this.chains.get(payee.chain) : undefined;
    if (chain?.verifyOwnership?.(signed) !== true) {
      throw new Refusal('invalid_proof', { field: 'proof.signature', expected: `a signature by ${payee.address}` });
    }
    if (used !== undefined) return 'repeated';
    await tx.$executeRaw`
      INSERT INTO payee_proofs (payee_id, nonce, signed_text, used_at) VALUES (${payee.id}, ${proof.nonce}, ${text}, ${now})`;
    return proof.nonce;
  }

  private async store(tx: Tx, payee: PayeeRecord, wanted: WantedChange, nonce: string | null): Promise<void> {
    if (payee.change !== null) {
      throw new Refusal('conflict', { expected: 'no pending change', facts: { pendingChange: payee.change.id } });
    }
    const { intervalMs = null, minimum } = wanted;
    if (this.config.production && intervalMs !== null && intervalMs < INTERVAL_MIN_MS) {
      throw new Refusal('invalid_field', { field: 'intervalMs', expected: 'at least one hour' });
    }
    const destination =
      wanted.destination === undefined
        ? null
        : await this.payees.checkDestination(payee.asset, wanted.destination, 'destination');
    const units = minimum === undefined ? null : this.minimumUnits(payee.asset, minimum);
    const id = newId('change');
    const now = await this.clock.now(tx);
    const effectiveAt = new Date(now.getTime() + this.config.settings.PAYEE_CHANGE_DELAY_MS);
    await tx.$executeRaw`
      INSERT INTO payee_changes (id, payee_id, destination, interval_ms, minimum_units, api_key, nonce, state, requested_at, effective_at)
      VALUES (${id}, ${payee.id}, ${destination}, ${intervalMs}, ${units}::numeric, ${wanted.apiKey === true}, ${nonce},
              'pending', ${now}, ${effectiveAt})`;
    const data = { changeId: id, destination, intervalMs, minimum: minimum ?? null, apiKey: wanted.apiKey === true };
    await this.tell(tx, 'payee.change_requested', payee.id, { ...data, effectiveAt: effectiveAt.toISOString() });
  }

  private minimumUnits(assetId: string, amount: string): string {
    const { decimals } = this.catalog.require(assetId);
    const units = parseUnits(amount, decimals);
    if (typeof units === 'bigint') return units.toString();
    throw new Refusal('invalid_amount', { field: 'minimum', expected: `at most ${decimals} decimals` });
  }

  private async cancel(tx: Tx, payee: PayeeRecord): Promise<void> {
    if (payee.change === null) throw new Refusal('conflict', { field: 'cancel', expected: 'a change that is pending' });
    await tx.$executeRaw`UPDATE payee_changes SET state = 'cancelled' WHERE id = ${payee.change.id} AND state = 'pending'`;
    await this.tell(tx, 'payee.change_cancelled', payee.id, { changeId: payee.change.id });
  }

  private async giveKey(tx: Tx, payee: PayeeRecord, name: string, nonce: string) {
    const [change] = await tx.$queryRaw<{ id: string; state: string; keyId: string | null; due: boolean }[]>`
      SELECT id, state, key_id AS "keyId", effective_at <= ${await this.clock.now(tx)} AS due
      FROM payee_changes WHERE payee_id = ${payee.id} AND nonce = ${nonce} AND api_key FOR UPDATE`;
    if (change === undefined || change.state === 'cancelled' || change.keyId !== null) {
      throw new Refusal('conflict', { field: 'proof.nonce', expected: 'a request whose key was not given out' });
    }
    if (!change.due) return undefined;
    const owner = { role: 'payee', payeeId: payee.id } as const;
    const { key, secret } = await this.keys.issue(tx, owner, { name, scopes: scopesOf('payee'), expiresAt: null });
    await tx.$executeRaw`UPDATE payee_changes SET state = 'active', key_id = ${key.id} WHERE id = ${change.id}`;
    await this.tell(tx, 'payee.key_issued', payee.id, { keyId: key.id });
    return { keyId: key.id, secret };
  }

  private async apply(tx: Tx, { id, payeeId, destination, effectiveAt }: DueChange): Promise<void> {
    const [payee] = await tx.$queryRaw<{ chain: string }[]>`
      UPDATE payees p SET destination = coalesce(c.destination, p.destination),
        interval_ms = coalesce(c.interval_ms, p.interval_ms), minimum_units = coalesce(c.minimum_units, p.minimum_units),
        next_payout_at = least(p.next_payout_at, ${effectiveAt}::timestamptz + c.interval_ms * interval '1 millisecond')
      FROM payee_changes c WHERE c.id = ${id} AND p.id = c.payee_id RETURNING p.chain`;
    if (payee === undefined) throw new Error(`payee ${payeeId} is gone`);
    await tx.$executeRaw`UPDATE payee_changes SET state = 'active' WHERE id = ${id}`;
    // Only now: the signer must not pay to what may still be cancelled.
    if (destination !== null) {
      await this.wallets.allow(tx, { chain: payee.chain, address: destination, why: 'payee', activeFrom: effectiveAt });
    }
    await this.tell(tx, 'payee.changed', payeeId, { changeId: id });
  }

  /** Tells every tenant whose lines pay it; the house where there is none. */
  private async tell(tx: Tx, type: string, payeeId: string, data: Record<string, unknown>): Promise<void> {
    const rows = await tx.$queryRaw<{ tenantId: string }[]>`
      SELECT tenant_id AS "tenantId" FROM payee_tenants WHERE payee_id = ${payeeId}
      UNION SELECT tenant_id FROM payees WHERE id = ${payeeId} AND tenant_id IS NOT NULL`;
    const tenants = rows.length === 0 ? [null] : rows.map(({ tenantId }) => tenantId);
    await this.outbox.write(
      tx,
      tenants.map((tenantId) => ({ type, subject: payeeId, tenantId, data: { payeeId, ...data } })),
    );
  }
}

/** Something is changed, or `cancel` stands alone. */
function checkWish({ destination, intervalMs, minimum, cancel }: WantedChange): void {
  const changes = [destination, intervalMs, minimum].some((given) => given !== undefined);
  if (changes === (cancel === true)) {
    throw new Refusal('invalid_field', { field: 'cancel', expected: 'a change, or `cancel` alone' });
  }
}

function checkExpiry(expiresAt: string, now: Date): void {
  const leftMs = Date.parse(expiresAt) - now.getTime();
  if (leftMs > 0 && leftMs <= PROOF_LIFE_MAX_MS) return;
  throw new Refusal('invalid_field', {
    field: 'proof.expiresAt',
    expected: 'a time in the future, an hour from now at the most',
  });
}
