import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DEV_ADDRESS, DEV_MNEMONIC } from '../../devnet/akash/genesis.ts';
import { freshAddress } from '../../devnet/stack/on-chain.ts';
import { KeysService } from '../../src/access/keys.service.ts';
import { Chains } from '../../src/adapters/chains/index.ts';
import { AssetCatalog } from '../../src/markets/catalog.ts';
import { Clock } from '../../src/platform/clock.ts';
import { Outbox } from '../../src/platform/outbox.ts';
import { PayeeReader } from '../../src/payees/payee-reader.service.ts';
import { PayeeChanges } from '../../src/payees/payee-changes.service.ts';
import { changeText, type WantedChange } from '../../src/payees/change-text.ts';
import { Payees } from '../../src/payees/payees.service.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/id.ts';
import { Wallets } from '../../src/wallets/wallets.service.ts';
import { signAdr36 } from '../support/adr36.ts';
import { type Reply, startApp, type TestApp, type TestKey } from '../support/app.ts';
import { asOwner, createDatabase, type TestDatabase } from '../support/database.ts';
import { ALL_CHAINS } from '../support/markets.ts';

const START = new Date('2026-03-01T12:00:00Z');
const HOUR_MS = 3_600_000;
const DELAY_MS = 48 * HOUR_MS;
const OTHER_MNEMONIC = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
const NEW_HOME = freshAddress.akash();

let db: TestDatabase;
let service: TestApp;
let tenant: TestKey;
let payeeId: string;
let expiresAt: string;

beforeAll(async () => {
  db = await createDatabase();
  await db.setClock(START);
  service = await startApp(db, ALL_CHAINS);
});
afterAll(async () => {
  await service?.close();
  await db?.drop();
});

/** A provider of its own for each test would need a key of its own: the rows of the one before are moved away. */
beforeEach(async () => {
  await asOwner(db.ownerUrl, (client) =>
    client.query(`UPDATE payees SET address = id WHERE address = $1`, [DEV_ADDRESS]),
  );
  tenant = await service.tenantKey();
  payeeId = await ensure(tenant.ownerId, DEV_ADDRESS);
  expiresAt = new Date((await now()).getTime() + HOUR_MS).toISOString();
});

const get = <T>(type: abstract new (...given: never[]) => T): T => service.app.get(type, { strict: false });
const rows = <Row>(sql: string, ...values: unknown[]): Promise<Row[]> =>
  asOwner(db.ownerUrl, async (client) => (await client.query(sql, values)).rows);
const now = async (): Promise<Date> => (await rows<{ now: Date }>('SELECT lockstep_now() AS now'))[0]?.now ?? START;

async function ensure(tenantId: string, address: string, asset = 'AKT'): Promise<string> {
  const chain = asset === 'AKT' ? 'akash' : 'ethereum';
  const found = await get(Database).transaction((tx) =>
    get(Payees).ensure(tx, { tenantId, asset, payee: { chain, address } }),
  );
  return found.payeeId;
}

interface Signing {
  readonly mnemonic?: string;
  readonly nonce?: string;
  readonly expiresAt?: string;
  /** What is signed, where it is not what is asked for. */
  readonly signed?: WantedChange;
}

async function proofFor(id: string, wanted: WantedChange, signing: Signing = {}) {
  const { mnemonic = DEV_MNEMONIC, nonce = newId('request'), signed = wanted } = signing;
  const until = signing.expiresAt ?? expiresAt;
  const { pubkey, signature } = await signAdr36(mnemonic, changeText(id, signed, nonce, until));
  return { pubKey: pubkey, signature, nonce, expiresAt: until };
}

const patch = (key: TestKey, id: string, body: object): Promise<Reply> =>
  service.send('PATCH', `/v1/payees/${id}`, { key, body });

const change = async (wanted: WantedChange, signing: Signing = {}): Promise<Reply> =>
  patch(tenant, payeeId, { ...wanted, proof: await proofFor(payeeId, wanted, signing) });

const read = async (): Promise<Record<string, unknown>> =>
  (await service.send('GET', `/v1/payees/${payeeId}`, { key: tenant })).body;

const eventsOf = (id: string) =>
  rows<{ type: string; tenant_id: string | null }>(
    'SELECT type, tenant_id FROM outbox WHERE subject = $1 ORDER BY created_at, type',
    id,
  );

describe('a change with the proof of the provider', () => {
  test('waits for the delay, is announced, and then holds for lines to come', async () => {
    const reply = await change({ destination: NEW_HOME, intervalMs: HOUR_MS, minimum: '1.5' });
    expect(reply).toMatchObject({ status: 200, body: { destination: DEV_ADDRESS } });
    const effectiveAt = new Date((await now()).getTime() + DELAY_MS).toISOString();
    expect(reply.body['pendingChange']).toMatchObject({
      destination: NEW_HOME,
      intervalMs: HOUR_MS,
      minimum: { asset: 'AKT', amount: '1.500000' },
      effectiveAt,
    });
    expect(await eventsOf(payeeId)).toEqual([{ type: 'payee.change_requested', tenant_id: tenant.ownerId }]);

    await db.advanceClock(DELAY_MS - 1);
    await get(PayeeChanges).applyDue();
    expect(await read()).toMatchObject({ destination: DEV_ADDRESS, pendingChange: { destination: NEW_HOME } });
    const allowed = 'SELECT active_from FROM allowed_destinations WHERE address = $1';
    expect(await rows(allowed, NEW_HOME)).toEqual([]);

    await db.advanceClock(1);
    await get(PayeeChanges).applyDue();
    await get(PayeeChanges).applyDue();
    expect(await read()).toMatchObject({ destination: NEW_HOME, intervalMs: HOUR_MS, pendingChange: null });
    expect((await rows(allowed, NEW_HOME)).length).toBe(1);
    expect((await eventsOf(payeeId)).filter(({ type }) => type === 'payee.changed')).toHaveLength(1);
    const line = await get(Database).transaction((tx) =>
      get(Payees).ensure(tx, {
        tenantId: tenant.ownerId,
        asset: 'AKT',
        payee: { chain: 'akash', address: DEV_ADDRESS },
      }),
    );
    expect(line).toEqual({ payeeId, destination: NEW_HOME });
  });

  test('given twice is one request; its nonce stands for no other text', async () => {
    const nonce = newId('request');
    const body = { minimum: '2', proof: await proofFor(payeeId, { minimum: '2' }, { nonce }) };
    const [first, again] = [await patch(tenant, payeeId, body), await patch(tenant, payeeId, body)];
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body).toEqual(first.body);
    expect(await rows('SELECT 1 FROM payee_changes WHERE payee_id = $1', payeeId)).toHaveLength(1);
    expect(await change({ minimum: '3' }, { nonce })).toMatchObject({ status: 409, body: { code: 'proof_reused' } });
  });

  test('is cancelled by another, and then never takes effect', async () => {
    const asked = await change({ destination: NEW_HOME });
    expect(await change({ minimum: '9' })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await change({ cancel: true })).toMatchObject({ status: 200, body: { pendingChange: null } });
    expect(asked.body['pendingChange']).not.toBeNull();
    await db.advanceClock(2 * DELAY_MS);
    await get(PayeeChanges).applyDue();
    expect(await read()).toMatchObject({ destination: DEV_ADDRESS });
    expect(await eventsOf(payeeId)).toContainEqual({ type: 'payee.change_cancelled', tenant_id: tenant.ownerId });
  });

  test('is cancelled by the key of the payee without a proof, which changes nothing else without one', async () => {
    await change({ destination: NEW_HOME });
    const key = await service.payeeKey(payeeId);
    expect(await patch(key, payeeId, { minimum: '1' })).toMatchObject({ status: 403, body: { code: 'invalid_proof' } });
    expect(await patch(key, payeeId, { cancel: true })).toMatchObject({ status: 200, body: { pendingChange: null } });
  });
});

describe('a change is refused', () => {
  const stored = async () => [
    ...(await rows('SELECT id FROM payee_changes WHERE payee_id = $1', payeeId)),
    ...(await rows('SELECT nonce FROM payee_proofs WHERE payee_id = $1', payeeId)),
  ];
  const wanted = { destination: NEW_HOME };
  const at = (ms: number) => new Date(Date.parse(expiresAt) - HOUR_MS + ms).toISOString();

  test.each<[string, () => Promise<Reply>, number, string, string]>([
    ['without a proof', () => patch(tenant, payeeId, wanted), 403, 'invalid_proof', 'proof'],
    [
      'signed by another key',
      () => change(wanted, { mnemonic: OTHER_MNEMONIC }),
      403,
      'invalid_proof',
      'proof.signature',
    ],
    [
      'that is not what was signed',
      () => change(wanted, { signed: { destination: DEV_ADDRESS } }),
      403,
      'invalid_proof',
      'proof.signature',
    ],
    [
      'signed for another payee',
      async () => patch(tenant, payeeId, { ...wanted, proof: await proofFor(newId('payee'), wanted) }),
      403,
      'invalid_proof',
      'proof.signature',
    ],
    [
      'with a proof that has expired',
      () => change(wanted, { expiresAt: at(0) }),
      400,
      'invalid_field',
      'proof.expiresAt',
    ],
    [
      'with a proof that lives too long',
      () => change(wanted, { expiresAt: at(HOUR_MS + 1) }),
      400,
      'invalid_field',
      'proof.expiresAt',
    ],
    [
      'to an address of our own',
      () => change({ destination: get(Wallets).hotAddress('akash') }),
      400,
      'own_address',
      'destination',
    ],
    [
      'to an address of another network',
      () => change({ destination: 'cosmos1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5lzv7xu' }),
      400,
      'invalid_address',
      'destination',
    ],
    ['to a minimum below a base unit', () => change({ minimum: '0.0000001' }), 400, 'invalid_amount', 'minimum'],
    ['that changes nothing', () => change({}), 400, 'invalid_field', 'cancel'],
    ['that cancels and changes', () => change({ minimum: '1', cancel: true }), 400, 'invalid_field', 'cancel'],
    ['to cancel what is not there', () => change({ cancel: true }), 409, 'conflict', 'cancel'],
  ])('%s', async (_what, send, status, code, field) => {
    expect(await send()).toMatchObject({ status, body: { code, field } });
    expect(await stored()).toEqual([]);
  });

  test('to pay oftener than hourly in production', async () => {
    const strict = new PayeeChanges(
      get(Database),
      new Config({ ...get(Config).settings, NODE_ENV: 'production' }),
      get(Clock),
      get(AssetCatalog),
      get(Chains),
      get(Wallets),
      get(Payees),
      get(PayeeReader),
      get(KeysService),
      get(Outbox),
    );
    const wish = { intervalMs: HOUR_MS - 1 };
    const caller = { role: 'tenant', tenantId: tenant.ownerId, keyId: 'key', scopes: [], expiresAt: null } as const;
    const proof = await proofFor(payeeId, wish);
    const asked = get(Database).transaction((tx) => strict.request(tx, caller, payeeId, wish, proof));
    await expect(asked).rejects.toMatchObject({ code: 'invalid_field', detail: { field: 'intervalMs' } });
  });
});

test('an API key of the payee is given out once, after the delay, for the proof that asked for it', async () => {
  const proof = await proofFor(payeeId, { apiKey: true });
  const ask = () => service.send('POST', `/v1/payees/${payeeId}/keys`, { key: tenant, body: { name: 'mine', proof } });
  expect(await ask()).toMatchObject({
    status: 200,
    body: { keyId: null, secret: null, payee: { pendingChange: { apiKey: true } } },
  });
  await db.advanceClock(DELAY_MS - 1);
  expect(await ask()).toMatchObject({ status: 200, body: { keyId: null, secret: null } });
  await db.advanceClock(1);
  const given = await ask();
  expect(given).toMatchObject({ status: 200, body: { secret: expect.stringMatching(/^lsk_/) } });
  expect(await ask()).toMatchObject({ status: 409, body: { code: 'conflict' } });
  const key = { secret: String(given.body['secret']), keyId: String(given.body['keyId']), ownerId: payeeId };
  expect(await service.send('GET', '/v1/payees', { key })).toMatchObject({
    status: 200,
    body: { data: [{ id: payeeId }] },
  });
});

test("a tenant's own payee needs no proof, and another tenant does not see it", async () => {
  const address = '0x00000000000000000000000000000000000000Aa';
  const own = await ensure(tenant.ownerId, address, 'USDC.ethereum');
  const reply = await patch(tenant, own, { minimum: '25' });
  expect(reply).toMatchObject({
    status: 200,
    body: { kind: 'service', pendingChange: { minimum: { amount: '25.000000' } } },
  });
  const stranger = await service.tenantKey();
  expect(await patch(stranger, own, { minimum: '1' })).toMatchObject({ status: 404 });
  expect((await service.send('GET', '/v1/payees', { key: stranger })).body).toMatchObject({ data: [] });
  expect((await service.send('GET', '/v1/payees', { key: await service.operatorKey() })).text).toContain(own);
});
