import { randomBytes } from 'node:crypto';
import { payments, networks } from 'bitcoinjs-lib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Chain } from '../../src/adapters/chain.ts';
import { Chains } from '../../src/adapters/chains/index.ts';
import { asOwner, createDatabase, type TestDatabase } from '../support/database.ts';
import { paidOnChain, type SenderNodes, startNodes } from '../support/sender-nodes.ts';
import { payment, type Sender, startSender, writeKeyFile } from '../support/wallets.ts';

/** Blocks until a send is final: its own and six on top. */
const FINAL_BLOCKS = 7;

let nodes: SenderNodes;
let database: TestDatabase;
let keys: ReturnType<typeof writeKeyFile>;
let sender: Sender;
let chain: Chain;
let bitcoin: NonNullable<SenderNodes['bitcoin']>['devnet'];

beforeAll(async () => {
  [nodes, database] = await Promise.all([startNodes('bitcoin'), createDatabase()]);
  if (nodes.bitcoin === null) throw new Error('no Bitcoin node');
  bitcoin = nodes.bitcoin.devnet;
  keys = writeKeyFile(nodes.keys);
  const chains = (config: Parameters<typeof Chains.from>[0]) => Chains.from(config).all();
  sender = await startSender({ appUrl: database.appUrl, keyFile: keys.path, settings: nodes.settings, chains });
  chain = sender.chains.get('bitcoin');
  await sender.chains.verify();
});

afterAll(async () => {
  await sender?.close();
  await nodes?.stop();
  keys?.remove();
});

/** An address of nobody here. */
function stranger(): string {
  const { address } = payments.p2wpkh({ hash: randomBytes(20), network: networks.regtest });
  if (address === undefined) throw new Error('no address');
  return address;
}

let nextIndex = 0;

/** A deposit, final and released. */
async function deposit(units: bigint): Promise<void> {
  const { address, path } = chain.depositAddress(nextIndex++, '');
  const txId = await bitcoin.pay(address, units);
  await bitcoin.mine();
  const { height } = await chain.tip();
  const key = chain.watchKey(address);
  const block = await chain.block(height, { has: (asked) => asked === key, address: () => address });
  const vout = Number(block?.transfers.find((transfer) => transfer.txId === txId)?.place.slice('vout:'.length));
  await bitcoin.mine(FINAL_BLOCKS - 1);
  await sender.database.transaction(async (tx) => {
    await sender.wallets.registerAddress(tx, { chain: 'bitcoin', address, path });
    const coin = { chain: 'bitcoin', txId, vout, units, address, path, height };
    await sender.wallets.registerCoin(tx, coin, { depositId: txId, released: true });
  });
}

const query = (sql: string, values: readonly unknown[] = []) =>
  asOwner(database.ownerUrl, async (client) => (await client.query(sql, [...values])).rows);

/** What the hot wallet's coins are worth on the chain, against its books without what deposits brought. */
async function held(): Promise<bigint> {
  const place = (await sender.wallets.places()).find(({ walletId }) => walletId === 'bitcoin-hot');
  const { units } = await chain.holding({ addresses: [], coins: place?.coins ?? [] }, 'BTC', null);
  return units;
}
const booked = () => sender.ledger.balance(sender.database.prisma, 'external:bitcoin-hot', 'BTC');

test('two payees and change in one transaction; the change pays the next one', async () => {
  await deposit(1_000_000n);
  const since = await bitcoin.height();
  const [first, second, third] = [stranger(), stranger(), stranger()];
  const outputs = [
    { address: first, asset: 'BTC', units: 300_000n },
    { address: second, asset: 'BTC', units: 200_000n },
  ];
  const id = await sender.plan(payment('bitcoin-hot', 'two', outputs));
  await sender.settle();
  await bitcoin.mine();
  await sender.settle();
  expect((await sender.wallets.status(id)).state).toBe('included');
  await bitcoin.mine(FINAL_BLOCKS - 1);
  await sender.settle();
  const { state, feeUnits } = await sender.wallets.status(id);
  expect(state).toBe('confirmed');
  const next = await sender.plan(payment('bitcoin-hot', 'next', [{ address: third, asset: 'BTC', units: 100_000n }]));
  await sender.settle();
  await bitcoin.mine(FINAL_BLOCKS);
  await sender.settle();
  expect((await sender.wallets.status(next)).state).toBe('confirmed');
  expect(await paidOnChain(chain, [first, second, third], since)).toEqual({
    [first]: '1 × 300000',
    [second]: '1 × 200000',
    [third]: '1 × 100000',
  });
  expect(feeUnits).toBeGreaterThan(0n);
  expect(await held()).toBe(1_000_000n - (await booked()));
});

test('a waiting send is replaced by one with the same coins and a higher fee, within its budget and not beyond', async () => {
  await deposit(2_000_000n);
  const [before, bookedBefore] = [await held(), await booked()];
  const since = await bitcoin.height();
  const payee = stranger();
  await bitcoin.setFeeRate(2);
  const output = { address: payee, asset: 'BTC', units: 20_000n };
  const id = await sender.plan(payment('bitcoin-hot', 'bumped', [output]));
  await sender.settle();
  await bitcoin.setFeeRate(5);
  const waited = () => query('UPDATE attempts SET stored_height = stored_height - 6 WHERE send_id = $1', [id]);
  for (let round = 0; round < 4; round += 1) {
    await waited();
    await sender.settle();
  }
  const attempts = await query(
    'SELECT tx_id, fee_rate::text, fee_max_units::text AS fee FROM attempts WHERE send_id = $1 ORDER BY n',
    [id],
  );
  expect(attempts.slice(0, 2).map(({ fee_rate }) => fee_rate)).toEqual(['2', '5']);
  for (const { fee } of attempts) expect(BigInt(fee)).toBeLessThanOrEqual(1000n);
  expect((await sender.wallets.status(id)).state).toBe('stuck');
  const waiting = await bitcoin.call<string[]>('getrawmempool');
  expect(waiting).toEqual([attempts.at(-1)?.tx_id]);
  await bitcoin.mine(FINAL_BLOCKS);
  await sender.settle();
  expect(await sender.wallets.status(id)).toMatchObject({ state: 'confirmed', txId: attempts.at(-1)?.tx_id });
  expect(await paidOnChain(chain, [payee], since)).toEqual({ [payee]: '1 × 20000' });
  expect(before - (await held())).toBe((await booked()) - bookedBefore);
});

test('a reorganisation before it is final: the same transaction is mined again, and counts once', async () => {
  await deposit(500_000n);
  const since = await bitcoin.height();
  const payee = stranger();
  const id = await sender.plan(payment('bitcoin-hot', 'reorged', [{ address: payee, asset: 'BTC', units: 50_000n }]));
  await sender.settle();
  await bitcoin.mine(2);
  await sender.settle();
  const { txId } = await sender.wallets.status(id);
  await bitcoin.reorg(2, { dropTxids: [txId ?? ''] });
  await sender.wallets.advance();
  expect((await sender.wallets.status(id)).state).toBe('broadcast');
  await sender.settle();
  await bitcoin.mine(FINAL_BLOCKS);
  await sender.settle();
  expect(await sender.wallets.status(id)).toMatchObject({ state: 'confirmed', txId });
  expect(await paidOnChain(chain, [payee], since)).toEqual({ [payee]: '1 × 50000' });
});
