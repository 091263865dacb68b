import { Database } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/id.ts';
import type { QuoteDetail } from '../../src/quotes/quote-detail.ts';
import type { TestApp, TestKey } from './app.ts';

/**
 * How a tenant gets an object of each path that takes an id and is open to tenants or payees. The walk over all routes
 * fails for a path that is missing here. Each gives the id of a new object that `owner` may read or change.
 */
export const OWNED: Readonly<Record<string, (service: TestApp, owner: TestKey) => Promise<string>>> = {
  '/v1/deposits/{id}': createDeposit,
  '/v1/deposits/{id}/claim': createDeposit,
  '/v1/keys/{id}': createKey,
  '/v1/keys/{id}/rotate': createKey,
  '/v1/leases/{id}': createLease,
  '/v1/leases/{id}/close': createLease,
  '/v1/leases/{id}/locks': createLease,
  '/v1/leases/{id}/statement': createLease,
  '/v1/payees/{id}': createPayee,
  '/v1/payees/{id}/keys': createPayee,
  '/v1/payees/{id}/statement': createPayee,
  '/v1/payouts/{id}': createPayout,
  '/v1/quotes/{id}': createQuote,
  '/v1/refunds/{id}': createRefund,
};

/** A quote as it is stored: without lines, paid in BTC. */
const QUOTE_DETAIL: QuoteDetail = {
  fix: 'duration',
  payAsset: 'BTC',
  blockTimeUs: '6000000',
  seconds: '3600',
  lines: [],
  costs: { premium: '0', fee: '0', swap: '0', network: '0', right: '0' },
  right: null,
  evidence: [],
  terms: { short: 'proportion', over: 'return', late: 'currentRate', afterDepletion: 'resume', refund: 'market' },
  depositMinimum: '0.0002',
  fundByMs: 3_600_000,
  confirmAfterMs: 7_200_000,
  notionalUsdMicros: '0',
  stressUsdMicros: '0',
  rightNotionalUsdMicros: '0',
  rightStressUsdMicros: '0',
};

async function createKey(service: TestApp, owner: TestKey): Promise<string> {
  const body = { name: 'an object of its owner', scopes: ['keys:read'] };
  const created = await service.send('POST', '/v1/keys', { key: owner, body });
  return String(created.body['id']);
}

/** Runs statements as the service's own role, with the owner's id as the first parameter of each. */
async function insert(service: TestApp, owner: TestKey, ...statements: readonly string[]): Promise<void> {
  const { pool } = service.app.get(Database);
  for (const sql of statements) await pool.query(sql, sql.includes('$1') ? [owner.ownerId] : []);
}

async function createQuote(service: TestApp, owner: TestKey): Promise<string> {
  const id = newId('quote');
  const detail = JSON.stringify(QUOTE_DETAIL);
  await insert(
    service,
    owner,
    `INSERT INTO quotes (id, tenant_id, state, pay_asset, pay_units, detail, created_at, expires_at)
     VALUES ('${id}', $1, 'open', 'BTC', 100000, '${detail}', now(), now() + interval '1 minute')`,
  );
  return id;
}

/** A lease that waits for money, with the Akash clock running. */
async function createLease(service: TestApp, owner: TestKey): Promise<string> {
  const id = newId('lease');
  await insert(
    service,
    owner,
    `INSERT INTO chain_cursors (chain, height, hash, block_time, tip_height, final_height, read_at)
     VALUES ('akash', 1, 'first', now(), 1, 1, now()) ON CONFLICT DO NOTHING`,
    `INSERT INTO leases (id, tenant_id, reference, state, refund_mode, after_depletion, refund_addresses, created_at)
     VALUES ('${id}', $1, '${id}', 'awaiting', 'market', 'resume', '{}', now())`,
  );
  return id;
}

/** Money at the address of a lease that was set aside, so that it can be claimed. */
async function createDeposit(service: TestApp, owner: TestKey): Promise<string> {
  const [id, address] = [newId('deposit'), newId('address')];
  const leaseId = await createLease(service, owner);
  await insert(
    service,
    owner,
    `INSERT INTO wallets (id, chain, role, address, created_at)
     VALUES ('bitcoin-hot', 'bitcoin', 'hot', 'hot', now()) ON CONFLICT DO NOTHING`,
    `INSERT INTO addresses (id, chain, address, watch_key, wallet_id, path, salt, lease_id, tenant_id, created_at)
     VALUES ('${address}', 'bitcoin', '${address}', '${address}', 'bitcoin-hot', '0/1', '', '${leaseId}', $1, now())`,
    `INSERT INTO deposits (id, chain, tx_id, place, address_id, wallet_id, lease_id, tenant_id, asset, units, state, reason,
       spendable, fee_ok, seen_at, height, block_hash, block_time)
     VALUES ('${id}', 'bitcoin', '${id}', 'vout:0', '${address}', 'bitcoin-hot', '${leaseId}', $1, 'BTC', 1000, 'unclaimed',
       'below-minimum', true, true, now(), 1, 'first', now())`,
  );
  return id;
}

/** A payee of the tenant's own. */
async function createPayee(service: TestApp, owner: TestKey): Promise<string> {
  const id = newId('payee');
  const address = `0x${id.slice(-8)}`;
  await insert(
    service,
    owner,
    `INSERT INTO payees (id, kind, tenant_id, chain, asset, address, destination, interval_ms, minimum_units, created_at,
       next_payout_at)
     VALUES ('${id}', 'service', $1, 'ethereum', 'USDC.ethereum', '${address}', '${address}', 86400000, 0, now(), now())`,
  );
  return id;
}

/** A payout for a line of the tenant's, not sent yet. */
async function createPayout(service: TestApp, owner: TestKey): Promise<string> {
  const [id, lineId] = [newId('payout'), newId('line')];
  const leaseId = await createLease(service, owner);
  const payeeId = await createPayee(service, owner);
  await insert(
    service,
    owner,
    `INSERT INTO lines (id, lease_id, n, payee_id, destination, asset, clock, price_numerator, state, accrued_units,
       paid_out_units)
     VALUES ('${lineId}', '${leaseId}', 0, '${payeeId}', '0x1', 'USDC.ethereum', 'once', 1, 'idle', 1000, 1000)`,
    `INSERT INTO payouts (id, payee_id, chain, asset, address, units, fee_units, net_units, state, created_at)
     VALUES ('${id}', '${payeeId}', 'ethereum', 'USDC.ethereum', '0x1', 1000, 10, 990, 'planned', now())`,
    `INSERT INTO payout_items (payout_id, line_id, units) VALUES ('${id}', '${lineId}', 1000)`,
  );
  return id;
}

/** A refund that waits for lower fees. */
async function createRefund(service: TestApp, owner: TestKey): Promise<string> {
  const id = newId('refund');
  const depositId = await createDeposit(service, owner);
  await insert(
    service,
    owner,
    `INSERT INTO refunds (id, tenant_id, lease_id, reason, deposit_id, reversals, mode, from_asset, from_units, chain, asset,
       address, units, fee_units, net_units, state, created_at)
     SELECT '${id}', $1, lease_id, 'return', id, 0, 'inKind', 'BTC', 1000, 'bitcoin', 'BTC', 'back', 1000, 1000, 0, 'held',
       now() FROM deposits WHERE id = '${depositId}'`,
  );
  return id;
}
