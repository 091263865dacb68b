import { afterAll, beforeEach, expect, test } from 'vitest';
import { asOwner, createDatabase, type TestDatabase } from '../support/database.ts';
import { ScriptedChain } from '../support/scripted-chain.ts';
import { payment, type Sender, startSender, writeKeyFile } from '../support/wallets.ts';

const BTC = { id: 'BTC', ticker: 'BTC', chain: 'bitcoin', decimals: 8, reference: null, caip19: 'test' };

const keys = writeKeyFile({ 'bitcoin-hot': 'secret' });
let database: TestDatabase;
let chain: ScriptedChain;
let sender: Sender;
const started: Sender[] = [];

beforeEach(async () => {
  database = await createDatabase();
  chain = new ScriptedChain(BTC, 'bitcoin');
  sender = await startSender({ appUrl: database.appUrl, keyFile: keys.path, chains: [chain] });
  started.push(sender);
  await sender.database.transaction((tx) =>
    sender.wallets.registerCoin(
      tx,
      { chain: 'bitcoin', txId: 'c1', vout: 0, units: 900_000n, address: 'bitcoin:0/5', path: '0/5', height: 90 },
      { depositId: 'dep-1', released: true },
    ),
  );
}, 60_000);

afterAll(async () => {
  for (const one of started) await one.close();
  keys.remove();
});

/** The first fee here is 10 × 100 units; 500 basis points of this are three and a half times as much. */
const plan = () => payment('bitcoin-hot', 'a', [{ address: 'payee', asset: 'BTC', units: 70_000n }]);

const query = (sql: string) => asOwner(database.ownerUrl, async (client) => (await client.query(sql)).rows);
const rates = async () =>
  (await query('SELECT fee_rate::text AS rate FROM attempts ORDER BY n')).map(({ rate }) => BigInt(rate));

/** Blocks pass without it. */
async function wait(blocks: number): Promise<void> {
  chain.mine(blocks, () => false);
  await sender.settle();
}

test('a send that waits offers more, by the same coins, until its budget is used up; then it says so, once', async () => {
  const id = await sender.plan(plan());
  await sender.settle();
  await wait(5);
  expect(await rates()).toEqual([10n]);
  for (let n = 0; n < 12; n += 1) await wait(6);
  const offered = await rates();
  expect(offered.slice(0, 4)).toEqual([10n, 13n, 17n, 22n]);
  for (const rate of offered) expect(rate * 100n).toBeLessThanOrEqual(3500n);
  expect(new Set(chain.transactions.map(({ anchors }) => anchors.join())).size).toBe(1);
  expect((await sender.wallets.status(id)).state).toBe('stuck');
  expect(await query("SELECT 1 FROM outbox WHERE type = 'send.stuck'")).toHaveLength(1);
  chain.mine(4);
  await sender.settle();
  expect((await sender.wallets.status(id)).state).toBe('confirmed');
  expect(chain.payments).toHaveLength(1);
});

test('an earlier attempt may be the one that is mined: it counts, the later ones are dead', async () => {
  const id = await sender.plan(plan());
  await sender.settle();
  await wait(6);
  await wait(6);
  const [first] = chain.transactions;
  chain.mine(1, ({ txId }) => txId === first?.txId);
  chain.mine(3);
  await sender.settle();
  expect(await sender.wallets.status(id)).toMatchObject({ state: 'confirmed', txId: first?.txId, feeUnits: 1000n });
  const states = await query('SELECT state FROM attempts ORDER BY n');
  expect(states.map(({ state }) => state)).toEqual(['final', 'dead', 'dead']);
  expect(chain.payments).toHaveLength(1);
});

test('refused for its fee: offers more at once, without waiting', async () => {
  chain.script.push({ kind: 'refused', code: 'fee-too-low', reason: 'min relay fee not met' });
  await sender.plan(plan());
  await sender.settle();
  expect(await rates()).toEqual([10n, 13n]);
  chain.mine(4);
  await sender.settle();
  expect(chain.payments).toHaveLength(1);
});

test('two workers do not both raise the fee', async () => {
  const other = await startSender({ appUrl: database.appUrl, keyFile: keys.path, chains: [chain] });
  started.push(other);
  await sender.plan(plan());
  await sender.settle();
  chain.mine(6, () => false);
  await Promise.all([sender.wallets.advance(), other.wallets.advance()]);
  expect(await rates()).toEqual([10n, 13n]);
});

test('a fee above the budget that was planned is not paid; the send waits for a better one', async () => {
  chain.marketRate = 500n;
  const id = await sender.plan({ ...plan(), feeBudgetUnits: 2000n });
  await sender.settle();
  expect(chain.transactions).toEqual([]);
  expect((await sender.wallets.status(id)).note).toContain('budget');
  chain.marketRate = 15n;
  await sender.settle();
  chain.mine(4);
  await sender.settle();
  expect((await sender.wallets.status(id)).feeUnits).toBe(1500n);
});
