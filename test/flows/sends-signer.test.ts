import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Output, Unsigned } from '../../src/adapters/chain.ts';
import { NoSigner, SigningRefused } from '../../src/wallets/signer.ts';
import { asOwner, createDatabase, type TestDatabase } from '../support/database.ts';
import { ScriptedChain } from '../support/scripted-chain.ts';
import { payment, type Sender, startSender, writeKeyFile } from '../support/wallets.ts';

const AKT = { id: 'AKT', ticker: 'AKT', chain: 'akash', decimals: 6, reference: 'uakt', caip19: 'test' };
const BTC = { id: 'BTC', ticker: 'BTC', chain: 'bitcoin', decimals: 8, reference: null, caip19: 'test' };
const START = new Date('2026-03-01T00:00:00Z');
const HOUR_MS = 3_600_000;

const keys = writeKeyFile({
  'akash-hot': { secret: 'secret', caps: { AKT: { send: '1000000', hour: '2500000' } } },
});
let database: TestDatabase;
let akash: ScriptedChain;
let sender: Sender;
const started: Sender[] = [];

beforeEach(async () => {
  database = await createDatabase();
  await database.setClock(START);
  akash = new ScriptedChain(AKT, 'akash');
  const chains = [akash, new ScriptedChain(BTC, 'bitcoin')];
  sender = await startSender({ appUrl: database.appUrl, keyFile: keys.path, chains });
  started.push(sender);
  await allow('payee', START);
}, 60_000);

afterAll(async () => {
  for (const one of started) await one.close();
  keys.remove();
});

const allow = (address: string, activeFrom: Date) =>
  sender.database.transaction((tx) => sender.wallets.allow(tx, { chain: 'akash', address, why: 'payout', activeFrom }));

const to = (address: string, units: bigint): Output[] => [{ address, asset: 'AKT', units }];

/** Straight at the signer, past everything that plans. */
const forge = async (sendId: string, outputs: Output[], claimed: Partial<Unsigned> = {}, walletId = 'akash-hot') => {
  const anchor = { kind: 'sequence' as const, signer: 'akash:0/0', sequence: 0n };
  const unsigned = await akash.build({ anchor, outputs, feeRate: 1n });
  return sender.signer.sign(walletId, sendId, { ...unsigned, ...claimed });
};

describe('the signer, asked directly', () => {
  test('signs for an allowed payee and for our own addresses, the same bytes each time', async () => {
    const first = await forge('s1', to('payee', 5n));
    expect(await forge('s1', to('payee', 5n))).toEqual(first);
    await forge('s2', to('akash:0/0', 5n));
  });

  test.each([
    ['a stranger', to('stranger', 5n)],
    ['a stranger among payees', [...to('payee', 5n), ...to('stranger', 1n)]],
    ['more than one send may carry', to('payee', 1_000_000n)],
  ])('refuses %s', async (_name, outputs) => {
    await expect(forge('s1', outputs)).rejects.toBeInstanceOf(SigningRefused);
    const logged = await asOwner(database.ownerUrl, (client) => client.query('SELECT 1 FROM signatures'));
    expect(logged.rowCount).toBe(0);
  });

  test('believes the bytes, not what is said about them', async () => {
    await expect(forge('s1', to('stranger', 5n), { outputs: to('payee', 5n) })).rejects.toThrow('stranger');
  });

  test('refuses another payment under the id of a send it signed', async () => {
    await forge('s1', to('payee', 5n));
    await expect(forge('s1', to('payee', 6n))).rejects.toThrow('signed before for something else');
  });

  test('refuses a wallet it has no key of, and a wallet of another chain', async () => {
    await expect(forge('s1', to('payee', 5n), {}, 'bitcoin-hot')).rejects.toBeInstanceOf(SigningRefused);
    await expect(forge('s1', to('payee', 5n), { chain: 'bitcoin' })).rejects.toBeInstanceOf(SigningRefused);
  });

  test('refuses a contract call that is none of ours', async () => {
    const anchor = { kind: 'sequence' as const, signer: 'akash:0/0', sequence: 0n };
    const call = { to: '0xabc', data: '0x00', value: 0n };
    const unsigned = await akash.build({ anchor, outputs: [], call, feeRate: 1n });
    await expect(sender.signer.sign('akash-hot', 's1', unsigned)).rejects.toBeInstanceOf(SigningRefused);
  });

  test('stops at the cap of the rolling hour, and goes on when it has rolled', async () => {
    for (const n of [1, 2]) await forge(`s${n}`, to('payee', 999_000n));
    await expect(forge('s3', to('payee', 999_000n))).rejects.toThrow('one hour');
    await forge('s2', to('payee', 999_000n));
    await database.advanceClock(HOUR_MS + 1000);
    await forge('s3', to('payee', 999_000n));
  });

  test('pays a new destination only from the time it is active', async () => {
    await allow('later', new Date(START.getTime() + HOUR_MS));
    await expect(forge('s1', to('later', 5n))).rejects.toBeInstanceOf(SigningRefused);
    await database.advanceClock(HOUR_MS);
    await forge('s1', to('later', 5n));
  });

  test('of a process without keys signs nothing', async () => {
    await expect(new NoSigner().sign()).rejects.toThrow('no key');
  });
});

test('a send the signer refuses waits, raises one alarm, and holds up no other', async () => {
  const refused = await sender.database.transaction((tx) =>
    sender.wallets.plan(tx, payment('akash-hot', 'bad', to('stranger', 5n))),
  );
  const good = await sender.plan(payment('akash-hot', 'good', to('payee', 500n)));
  await sender.settle();
  await sender.settle();
  akash.mine(4);
  await sender.settle();
  expect(await sender.wallets.status(refused)).toMatchObject({
    state: 'planned',
    note: expect.stringContaining('stranger'),
  });
  expect((await sender.wallets.status(good)).state).toBe('confirmed');
  const alarms = await asOwner(database.ownerUrl, (client) =>
    client.query("SELECT data FROM outbox WHERE type = 'send.refused'"),
  );
  expect(alarms.rows).toMatchObject([{ data: { sendId: refused, walletId: 'akash-hot' } }]);
});
