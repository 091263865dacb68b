import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { asOwner, createDatabase, type TestDatabase } from '../support/database.ts';
import { ScriptedChain } from '../support/scripted-chain.ts';
import { payment, type Sender, startSender, writeKeyFile } from '../support/wallets.ts';

const BTC = { id: 'BTC', ticker: 'BTC', chain: 'bitcoin', decimals: 8, reference: null, caip19: 'test' };
const AKT = { id: 'AKT', ticker: 'AKT', chain: 'akash', decimals: 6, reference: 'uakt', caip19: 'test' };
const ETH = { id: 'ETH', ticker: 'ETH', chain: 'ethereum', decimals: 18, reference: null, caip19: 'test' };

const keys = writeKeyFile({ 'bitcoin-hot': 'secret', 'akash-hot': 'secret', 'ethereum-hot': 'secret' });
let database: TestDatabase;
let bitcoin: ScriptedChain;
let akash: ScriptedChain;
let ethereum: ScriptedChain;
let sender: Sender;
const started: Sender[] = [];

/** Another process of the service, or this one after a restart: same database and chain, nothing else in common. */
async function start(): Promise<Sender> {
  const one = await startSender({ appUrl: database.appUrl, keyFile: keys.path, chains: [bitcoin, akash, ethereum] });
  started.push(one);
  return one;
}

beforeEach(async () => {
  database = await createDatabase();
  bitcoin = new ScriptedChain(BTC, 'bitcoin');
  akash = new ScriptedChain(AKT, 'akash');
  ethereum = new ScriptedChain(ETH, 'evm');
  sender = await start();
}, 60_000);

afterAll(async () => {
  for (const one of started) await one.close();
  keys.remove();
});

/** Payments on the chain by payee: how often, and how much. */
function paid(chain: ScriptedChain): Record<string, string> {
  const sums = new Map<string, [number, bigint]>();
  for (const { address, units } of chain.payments) {
    const [count, sum] = sums.get(address) ?? [0, 0n];
    sums.set(address, [count + 1, sum + units]);
  }
  return Object.fromEntries([...sums].map(([address, [count, sum]]) => [address, `${count} × ${sum}`]));
}

const akt = (cause: string, units = 500_000n) =>
  payment('akash-hot', cause, [{ address: `payee-${cause}`, asset: 'AKT', units }]);
const btc = (cause: string, units = 500_000n) =>
  payment('bitcoin-hot', cause, [{ address: `payee-${cause}`, asset: 'BTC', units }]);
const eth = (cause: string, units = 500_000n) =>
  payment('ethereum-hot', cause, [{ address: `payee-${cause}`, asset: 'ETH', units }]);

/** A released coin of a deposit. */
const coin = (txId: string, units: bigint, released = true) =>
  sender.database.transaction((tx) =>
    sender.wallets.registerCoin(
      tx,
      { chain: 'bitcoin', txId, vout: 0, units, address: 'bitcoin:0/5', path: '0/5', height: 90 },
      { depositId: `dep-${txId}`, released },
    ),
  );

const events = (type: string) =>
  asOwner(database.ownerUrl, async (client) => {
    const { rows } = await client.query('SELECT data FROM outbox WHERE type = $1 ORDER BY created_at', [type]);
    return rows.map(({ data }) => data);
  });

describe('planning', () => {
  test('the same purpose and cause is one send', async () => {
    const [first, again] = [await sender.plan(akt('a')), await sender.plan(akt('a'))];
    expect(again).toBe(first);
    expect(await sender.plan({ ...akt('a'), purpose: 'refund' })).not.toBe(first);
    expect(await events('send.planned')).toHaveLength(2);
  });

  test('a send is taken back before it is signed, and never after', async () => {
    const [early, late] = [await sender.plan(akt('early')), await sender.plan(akt('late'))];
    const cancel = (id: string) => sender.database.transaction((tx) => sender.wallets.cancel(tx, id));
    expect(await cancel(early)).toBe(true);
    await sender.signing.signPlanned();
    expect(await cancel(late)).toBe(false);
    akash.mine();
    await sender.settle();
    akash.mine(3);
    await sender.settle();
    expect(paid(akash)).toEqual({ 'payee-late': '1 × 500000' });
  });

  test('a payout short of released coins or float waits and goes on by itself', async () => {
    await coin('unreleased', 10_000_000n, false);
    akash.float = 1000n;
    const [bitcoinSend, akashSend] = [await sender.plan(btc('a')), await sender.plan(akt('b'))];
    await sender.settle();
    await sender.settle();
    expect((await sender.wallets.status(bitcoinSend)).state).toBe('unfunded');
    expect((await sender.wallets.status(akashSend)).state).toBe('unfunded');
    expect(await events('send.unfunded')).toHaveLength(2);
    await sender.database.transaction((tx) => sender.wallets.releaseCoin(tx, 'dep-unreleased'));
    akash.float = 1_000_000n;
    await sender.settle();
    for (const chain of [bitcoin, akash]) chain.mine(4);
    await sender.settle();
    expect({ ...paid(bitcoin), ...paid(akash) }).toEqual({ 'payee-a': '1 × 500000', 'payee-b': '1 × 500000' });
  });
});

describe('a crash', () => {
  test('after signing: the next process sends the stored bytes, on every kind of chain', async () => {
    await coin('c1', 10_000_000n);
    await sender.plan(btc('a'));
    await sender.plan(akt('b'));
    await sender.plan(eth('c'));
    await sender.signing.signPlanned();
    const restarted = await start();
    await restarted.settle();
    for (const chain of [bitcoin, akash, ethereum]) chain.mine(4);
    await restarted.settle();
    for (const chain of [bitcoin, akash, ethereum]) {
      expect(Object.values(paid(chain))).toEqual(['1 × 500000']);
      expect(new Set(chain.broadcasts).size).toBe(1);
    }
  });

  test('after the node took it, before that was written down: nothing is built anew', async () => {
    await coin('c1', 10_000_000n);
    await coin('c2', 10_000_000n);
    for (const plan of [btc('a'), akt('b'), eth('c')]) await sender.plan(plan);
    for (const chain of [bitcoin, akash, ethereum]) chain.script.push('answer lost');
    await sender.signing.signPlanned();
    await sender.tracking.broadcastStored();
    for (const chain of [bitcoin, akash, ethereum]) chain.mine();
    const restarted = await start();
    await restarted.settle();
    for (const chain of [bitcoin, akash, ethereum]) chain.mine(3);
    await restarted.settle();
    for (const chain of [bitcoin, akash, ethereum]) {
      expect(Object.values(paid(chain))).toEqual(['1 × 500000']);
      expect(chain.transactions).toHaveLength(1);
    }
    expect(await events('send.confirmed')).toHaveLength(3);
  });

  test('while the broadcast was lost on its way, several times over', async () => {
    await sender.plan(akt('a'));
    akash.script.push('not delivered', 'not delivered', 'answer lost');
    for (let n = 0; n < 4; n += 1) await (await start()).wallets.advance();
    akash.mine(4);
    await (await start()).settle();
    expect(paid(akash)).toEqual({ 'payee-a': '1 × 500000' });
    expect(new Set(akash.broadcasts).size).toBe(1);
  });

  test('of the node, which forgets its mempool: identical bytes again', async () => {
    await sender.plan(akt('a'));
    await sender.settle();
    akash.forget();
    await sender.settle();
    await sender.wallets.advance();
    akash.mine(4);
    await sender.settle();
    expect(paid(akash)).toEqual({ 'payee-a': '1 × 500000' });
    expect(new Set(akash.broadcasts).size).toBe(1);
    expect(akash.broadcasts.length).toBeGreaterThan(1);
  });
});

describe('a reorganisation', () => {
  test.each([true, false])(
    'before it is final (transaction forgotten: %s): followed again, paid once',
    async (forgotten) => {
      await coin('c1', 10_000_000n);
      const id = await sender.plan(btc('a'));
      await sender.settle();
      bitcoin.mine();
      await sender.settle();
      expect((await sender.wallets.status(id)).state).toBe('included');
      bitcoin.reorg(1, forgotten);
      await sender.wallets.advance();
      expect(await sender.wallets.status(id)).toMatchObject({ state: 'broadcast', txId: null, height: null });
      await sender.wallets.advance();
      bitcoin.mine(3);
      await sender.settle();
      expect((await sender.wallets.status(id)).state).toBe('confirmed');
      expect(paid(bitcoin)).toEqual({ 'payee-a': '1 × 500000' });
    },
  );
});

describe('two workers at once', () => {
  test('every payee is paid once, in the order of the sequence', async () => {
    const other = await start();
    const causes = Array.from({ length: 12 }, (_, n) => `w${n}`);
    for (const cause of causes) {
      await coin(`coin-${cause}`, 1_000_000n);
      for (const plan of [akt(`akash-${cause}`), eth(`ethereum-${cause}`), btc(`bitcoin-${cause}`)]) {
        await sender.plan(plan);
      }
    }
    for (let round = 0; round < 200 && akash.payments.length < causes.length; round += 1) {
      await Promise.all([sender.wallets.advance(), other.wallets.advance()]);
      for (const chain of [bitcoin, akash, ethereum]) chain.mine();
    }
    for (const chain of [bitcoin, akash, ethereum]) chain.mine(3);
    await Promise.all([sender.settle(), other.settle()]);
    await sender.settle();
    for (const chain of [bitcoin, akash, ethereum]) {
      const once = causes.map((cause) => [`payee-${chain.id}-${cause}`, '1 × 500000']);
      expect(paid(chain)).toEqual(Object.fromEntries(once));
    }
    expect(akash.payments.map(({ address }) => address)).toEqual(causes.map((cause) => `payee-akash-${cause}`));
    expect(await events('send.confirmed')).toHaveLength(36);
  });
});
