import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Anchor } from '../../src/adapters/chain.ts';
import { asOwner, createDatabase, type TestDatabase } from '../support/database.ts';
import { ScriptedChain } from '../support/scripted-chain.ts';
import { payment, type Sender, startSender, writeKeyFile } from '../support/wallets.ts';

const BTC = { id: 'BTC', ticker: 'BTC', chain: 'bitcoin', decimals: 8, reference: null, caip19: 'test' };
const AKT = { id: 'AKT', ticker: 'AKT', chain: 'akash', decimals: 6, reference: 'uakt', caip19: 'test' };

const keys = writeKeyFile({ 'bitcoin-hot': 'secret', 'akash-hot': 'secret' });
let database: TestDatabase;
let bitcoin: ScriptedChain;
let akash: ScriptedChain;
let sender: Sender;
const started: Sender[] = [];

beforeEach(async () => {
  database = await createDatabase();
  bitcoin = new ScriptedChain(BTC, 'bitcoin');
  akash = new ScriptedChain(AKT, 'akash');
  sender = await startSender({ appUrl: database.appUrl, keyFile: keys.path, chains: [bitcoin, akash] });
  started.push(sender);
}, 60_000);

afterAll(async () => {
  for (const one of started) await one.close();
  keys.remove();
});

const akt = (cause: string, payee = 'payee') =>
  payment('akash-hot', cause, [{ address: payee, asset: 'AKT', units: 500_000n }]);
const btc = (cause: string, units = 500_000n) =>
  payment('bitcoin-hot', cause, [{ address: 'payee', asset: 'BTC', units }]);

const coin = (txId: string, units: bigint) =>
  sender.database.transaction((tx) =>
    sender.wallets.registerCoin(
      tx,
      { chain: 'bitcoin', txId, vout: 0, units, address: 'bitcoin:0/5', path: '0/5', height: 90 },
      { depositId: `dep-${txId}`, released: true },
    ),
  );

const query = (sql: string, values: readonly unknown[] = []) =>
  asOwner(database.ownerUrl, async (client) => (await client.query(sql, [...values])).rows);
const events = async (type: string) =>
  (await query('SELECT data FROM outbox WHERE type = $1 ORDER BY created_at', [type])).map(({ data }) => data);
const state = async (id: string) => (await sender.wallets.status(id)).state;
const anchorOf = async (id: string) => {
  const [row] = await query('SELECT anchor FROM sends WHERE id = $1', [id]);
  return row?.anchor as Anchor;
};

describe('failure needs evidence', () => {
  test('included and reverted: the fee and the sequence are gone, nothing was paid, another cause may pay', async () => {
    akash.failing = 1;
    const id = await sender.plan(akt('first'));
    await sender.settle();
    akash.mine();
    await sender.settle();
    expect(await state(id)).toBe('included');
    expect(await events('send.failed')).toEqual([]);
    akash.mine(3);
    await sender.settle();
    expect(await sender.wallets.status(id)).toMatchObject({
      state: 'failed',
      feeUnits: 1000n,
      note: 'code 11: out of gas',
    });
    const balance = (account: string) => sender.ledger.balance(sender.database.prisma, account, 'AKT');
    expect(await balance('payout:first')).toBe(500_000n);
    expect(await balance('external:akash-hot')).toBe(1000n);
    expect(await events('send.failed')).toMatchObject([{ sendId: id, cause: 'first', reason: 'code 11: out of gas' }]);
    expect(await sender.plan(akt('first'))).toBe(id);
    await sender.plan(akt('second'));
    await sender.settle();
    akash.mine(4);
    await sender.settle();
    expect(akash.payments).toMatchObject([{ address: 'payee', units: 500_000n }]);
    expect(await query('SELECT slot::text, state FROM slots ORDER BY slot')).toEqual([
      { slot: '0', state: 'used' },
      { slot: '1', state: 'used' },
    ]);
  });

  test('refused by the node, whatever the words: still the same bytes', async () => {
    for (const code of ['sequence', 'invalid', 'conflict', 'funds', 'other'] as const)
      akash.script.push({ kind: 'refused', code, reason: code });
    const id = await sender.plan(akt('a'));
    for (let n = 0; n < 6; n += 1) await sender.wallets.advance();
    expect(await state(id)).toBe('broadcast');
    expect(new Set(akash.broadcasts).size).toBe(1);
    akash.mine(4);
    await sender.settle();
    expect(await state(id)).toBe('confirmed');
  });

  test('a node that does not know it proves nothing, however long it takes', async () => {
    const id = await sender.plan(akt('a'));
    await sender.settle();
    for (let n = 0; n < 5; n += 1) {
      akash.forget();
      akash.mine(3);
      akash.script.push('not delivered');
      await sender.wallets.advance();
    }
    expect(await state(id)).toBe('broadcast');
    await sender.wallets.advance();
    akash.mine(4);
    await sender.settle();
    expect(await state(id)).toBe('confirmed');
    expect(akash.payments).toHaveLength(1);
  });

  test('a sequence used by hand: failed once that is final and the chain names who used it', async () => {
    const [lost, next] = [await sender.plan(akt('a', 'first')), await sender.plan(akt('b', 'second'))];
    akash.script.push('not delivered');
    await sender.wallets.advance();
    akash.useElsewhere(await anchorOf(lost), 'by hand');
    await sender.wallets.advance();
    expect(await state(lost)).toBe('signed');
    akash.mine(3);
    await sender.settle();
    expect(await state(lost)).toBe('failed');
    await sender.settle();
    akash.mine(4);
    await sender.settle();
    expect(await state(next)).toBe('confirmed');
    expect(akash.payments.map(({ address }) => address)).toEqual(['second']);
  });

  test('used by a transaction the chain cannot name: it may be ours, so it is not failed', async () => {
    const id = await sender.plan(akt('a'));
    akash.script.push('not delivered');
    await sender.wallets.advance();
    akash.useElsewhere(await anchorOf(id), null);
    akash.mine(5);
    for (let n = 0; n < 3; n += 1) await sender.wallets.advance();
    expect(await state(id)).not.toBe('failed');
  });

  test('one of two coins spent elsewhere: failed, the other coin is free again, the spent one is not', async () => {
    await coin('c1', 400_000n);
    await coin('c2', 300_000n);
    const id = await sender.plan(btc('a'));
    bitcoin.script.push('not delivered');
    await sender.wallets.advance();
    bitcoin.useElsewhere(await anchorOf(id), 'thief');
    bitcoin.mine(3);
    await sender.settle();
    expect(await state(id)).toBe('failed');
    expect(await query('SELECT tx_id, state FROM coins ORDER BY tx_id')).toEqual([
      { tx_id: 'c1', state: 'spent' },
      { tx_id: 'c2', state: 'free' },
    ]);
  });
});

describe('books', () => {
  test('a confirmed send books its settlement and fee, spends its coins and adds its change, all at once', async () => {
    await coin('c1', 900_000n);
    const id = await sender.plan(btc('a'));
    await sender.settle();
    bitcoin.mine(4);
    await sender.settle();
    const { txId, feeUnits } = await sender.wallets.status(id);
    const balance = (account: string) => sender.ledger.balance(sender.database.prisma, account, 'BTC');
    expect(await balance('payout:a')).toBe(0n);
    expect(await balance('external:bitcoin-hot')).toBe(501_000n);
    expect(await balance('expense:network')).toBe(-1000n);
    expect(feeUnits).toBe(1000n);
    const [change] = await query("SELECT tx_id, units::text, state, path FROM coins WHERE state = 'free'");
    expect(change).toEqual({ tx_id: txId, units: '399000', state: 'free', path: '1/1' });
    expect(await query('SELECT state FROM coins WHERE tx_id = $1', ['c1'])).toEqual([{ state: 'spent' }]);
    expect(await sender.wallets.isOwnAddress('bitcoin', 'bitcoin:1/1')).toBe(true);
    expect(await sender.wallets.isOwnTransaction(txId ?? '')).toBe(true);
    const [place] = (await sender.wallets.places()).filter(({ walletId }) => walletId === 'bitcoin-hot');
    expect(place?.coins).toMatchObject([{ txId, units: 399_000n }]);
  });
});
