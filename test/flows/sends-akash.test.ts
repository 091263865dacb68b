import { randomBytes } from 'node:crypto';
import { toBech32 } from '@cosmjs/encoding';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Chain } from '../../src/adapters/chain.ts';
import { AkashChain } from '../../src/adapters/chains/akash.ts';
import { Chains } from '../../src/adapters/chains/index.ts';
import type { Config } from '../../src/platform/config.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { paidOnChain, type SenderNodes, startNodes } from '../support/sender-nodes.ts';
import { payment, type Sender, startSender, writeKeyFile } from '../support/wallets.ts';

let nodes: SenderNodes;
let database: TestDatabase;
let keys: ReturnType<typeof writeKeyFile>;
let sender: Sender;
let chain: Chain;
let akash: NonNullable<SenderNodes['akash']>['client'];
const started: Sender[] = [];

async function start(
  chains: (config: Config) => readonly Chain[] = (config) => Chains.from(config).all(),
): Promise<Sender> {
  const one = await startSender({ appUrl: database.appUrl, keyFile: keys.path, settings: nodes.settings, chains });
  started.push(one);
  return one;
}

beforeAll(async () => {
  [nodes, database] = await Promise.all([startNodes('akash'), createDatabase()]);
  if (nodes.akash === null) throw new Error('no Akash node');
  akash = nodes.akash.client;
  keys = writeKeyFile(nodes.keys);
  sender = await start();
  await sender.chains.verify();
  chain = sender.chains.get('akash');
  await akash.pay(sender.wallets.hotAddress('akash'), 1_000_000_000n);
});

afterAll(async () => {
  for (const one of started) await one.close();
  await nodes?.stop();
  keys?.remove();
});

const provider = (): string => toBech32('akash', randomBytes(20));
const providers = (count: number): string[] => Array.from({ length: count }, provider);
const plan = (cause: string, payees: readonly string[], units = 700_000n) =>
  payment(
    'akash-hot',
    cause,
    payees.map((address) => ({ address, asset: 'AKT', units })),
  );
const once = (payees: readonly string[]) => Object.fromEntries(payees.map((payee) => [payee, '1 × 700000']));
const height = async () => (await chain.tip()).height;

/** The hot wallet on the chain and minus its books, without what paid it in. */
async function gone(): Promise<{ onChain: bigint; inBooks: bigint }> {
  const { units } = await chain.holding({ addresses: [sender.wallets.hotAddress('akash')], coins: [] }, 'AKT', null);
  const inBooks = await sender.ledger.balance(sender.database.prisma, 'external:akash-hot', 'AKT');
  return { onChain: 1_000_000_000n - units, inBooks };
}

test('many providers in one transaction', async () => {
  const [payees, since] = [providers(12), await height()];
  const id = await sender.plan(plan('batch', payees));
  await sender.settle();
  await akash.mine();
  await sender.settle();
  expect((await sender.wallets.status(id)).state).toBe('confirmed');
  expect(await paidOnChain(chain, payees, since)).toEqual(once(payees));
  const { onChain, inBooks } = await gone();
  expect(inBooks).toBe(onChain);
});

test('two workers at once: one sequence, in order, everybody paid once', async () => {
  const [payees, since] = [providers(8), await height()];
  const other = await start();
  for (const payee of payees) await sender.plan(plan(`two-${payee}`, [payee]));
  for (let round = 0; round < 100; round += 1) {
    await Promise.all([sender.wallets.advance(), other.wallets.advance()]);
    await akash.mine();
    if (Object.keys(await paidOnChain(chain, payees, since)).length === payees.length) break;
  }
  await sender.settle();
  expect(await paidOnChain(chain, payees, since)).toEqual(once(payees));
  const { onChain, inBooks } = await gone();
  expect(inBooks).toBe(onChain);
});

test('the answer to the broadcast is lost: found by its id, not sent anew', async () => {
  const [payee, since] = [provider(), await height()];
  const id = await sender.plan(plan('answer-lost', [payee]));
  await akash.loseNextAnswer();
  await sender.wallets.advance();
  await akash.mine();
  await (await start()).settle();
  expect((await sender.wallets.status(id)).state).toBe('confirmed');
  await akash.mine(2);
  expect(await paidOnChain(chain, [payee], since)).toEqual(once([payee]));
});

test('accepted, never gossiped, forgotten when the node restarts: the same bytes again', async () => {
  const [payee, since] = [provider(), await height()];
  await akash.withhold(true);
  const id = await sender.plan(plan('withheld', [payee]));
  await sender.settle();
  await akash.mine(3);
  await sender.settle();
  expect((await sender.wallets.status(id)).state).toBe('broadcast');
  expect(await paidOnChain(chain, [payee], since)).toEqual({});
  await nodes.restartAkash();
  await sender.settle();
  await akash.mine();
  await sender.settle();
  expect((await sender.wallets.status(id)).state).toBe('confirmed');
  expect(await paidOnChain(chain, [payee], since)).toEqual(once([payee]));
});

test('out of gas in its block: failed once that is known, its fee booked; paid by another send', async () => {
  const {
    AKASH_RPC_URL: rpcUrl = '',
    AKASH_CHAIN_ID: chainId = '',
    AKASH_ACCOUNT_XPUB: accountXpub = '',
  } = nodes.settings;
  const gas = { marginBps: 6_000n, base: 0n, perOutput: 0n };
  const stingy = await start(() => [new AkashChain({ rpcUrl, chainId, accountXpub, gas, assets: chain.assets })]);
  const [payees, since] = [providers(15), await height()];
  const failed = await sender.plan(plan('out-of-gas', payees));
  await stingy.wallets.advance();
  await akash.mine();
  await sender.settle();
  expect(await sender.wallets.status(failed)).toMatchObject({
    state: 'failed',
    note: expect.stringContaining('code 11'),
  });
  expect(await paidOnChain(chain, payees, since)).toEqual({});
  await sender.settle();
  await sender.plan(plan('again', payees));
  await sender.settle();
  await akash.mine();
  await sender.settle();
  expect(await paidOnChain(chain, payees, since)).toEqual(once(payees));
  const { onChain, inBooks } = await gone();
  expect(inBooks).toBe(onChain);
});
