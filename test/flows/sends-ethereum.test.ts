import { getAddress, hexlify, randomBytes } from 'ethers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EvmWallet, evmWallet } from '../../devnet/evm/wallet.ts';
import type { Chain } from '../../src/adapters/chain.ts';
import { Chains } from '../../src/adapters/chains/index.ts';
import { asOwner, createDatabase, type TestDatabase } from '../support/database.ts';
import { paidOnChain, type SenderNodes, startNodes } from '../support/sender-nodes.ts';
import { payment, type Sender, startSender, writeKeyFile } from '../support/wallets.ts';

/** The local node calls a block final two blocks later. */
const FINAL_BLOCKS = 4;
const USDC_UNITS = 1_000_000n;

let nodes: SenderNodes;
let database: TestDatabase;
let keys: ReturnType<typeof writeKeyFile>;
let sender: Sender;
let chain: Chain;
let evm: NonNullable<SenderNodes['evm']>;
let wallet: EvmWallet;
let hot: string;

beforeAll(async () => {
  [nodes, database] = await Promise.all([startNodes('evm'), createDatabase()]);
  if (nodes.evm === null) throw new Error('no Ethereum node');
  evm = nodes.evm;
  wallet = evmWallet(evm.node, evm.deployment);
  keys = writeKeyFile(nodes.keys);
  sender = await startSender({
    appUrl: database.appUrl,
    keyFile: keys.path,
    settings: nodes.settings,
    chains: (config) => Chains.from(config).all(),
    usd: { ETH: 3000n },
  });
  await sender.chains.verify();
  chain = sender.chains.get('ethereum');
  hot = sender.wallets.hotAddress('ethereum');
  await wallet.mint('USDC', hot, 1000n * USDC_UNITS);
  await wallet.mine(FINAL_BLOCKS);
});

afterAll(async () => {
  await sender?.close();
  await nodes?.stop();
  keys?.remove();
});

const stranger = (): string => getAddress(hexlify(randomBytes(20)));
const height = async () => (await chain.tip()).height;
const mining = (automatic: boolean) => evm.node.call('evm_setAutomine', [automatic]);
const holding = async (address: string, asset: string) =>
  (await chain.holding({ addresses: [address], coins: [] }, asset, null)).units;
const booked = (walletId: string, asset: string) =>
  sender.ledger.balance(sender.database.prisma, `external:${walletId}`, asset);
const query = (sql: string, values: readonly unknown[] = []) =>
  asOwner(database.ownerUrl, async (client) => (await client.query(sql, [...values])).rows);

async function finish(): Promise<void> {
  await sender.settle();
  await wallet.mine(FINAL_BLOCKS);
  await sender.settle();
}

test('a token payment and its gas', async () => {
  const [payee, since] = [stranger(), await height()];
  const [ether, etherBooked] = [await holding(hot, 'ETH'), await booked('ethereum-hot', 'ETH')];
  const output = { address: payee, asset: 'USDC.ethereum', units: 25n * USDC_UNITS };
  const id = await sender.plan(payment('ethereum-hot', 'usdc', [output]));
  await finish();
  const { state, feeUnits } = await sender.wallets.status(id);
  expect(state).toBe('confirmed');
  expect(await paidOnChain(chain, [payee], since)).toEqual({ [payee]: `1 × ${25n * USDC_UNITS}` });
  expect(await booked('ethereum-hot', 'USDC.ethereum')).toBe(25n * USDC_UNITS);
  expect(ether - (await holding(hot, 'ETH'))).toBe(feeUnits);
  expect((await booked('ethereum-hot', 'ETH')) - etherBooked).toBe(feeUnits);
});

test('a waiting payment is replaced at the same nonce; only one of the two is ever mined', async () => {
  const [payee, since] = [stranger(), await height()];
  await mining(false);
  const units = 10n ** 18n;
  const id = await sender.plan(payment('ethereum-hot', 'replaced', [{ address: payee, asset: 'ETH', units }]));
  await sender.settle();
  await query('UPDATE attempts SET stored_height = stored_height - 6 WHERE send_id = $1', [id]);
  await sender.settle();
  await mining(true);
  await wallet.mine(FINAL_BLOCKS);
  await sender.settle();
  const attempts = await query(
    'SELECT tx_id, state, fee_rate::text AS rate FROM attempts WHERE send_id = $1 ORDER BY n',
    [id],
  );
  expect(attempts.map(({ state }) => state)).toEqual(['dead', 'final']);
  expect(BigInt(attempts[1]?.rate)).toBeGreaterThan(BigInt(attempts[0]?.rate));
  expect(await query('SELECT count(*)::integer AS slots FROM slots WHERE send_id = $1', [id])).toEqual([{ slots: 1 }]);
  expect(await chain.find(attempts[0]?.tx_id)).toEqual({ kind: 'unknown' });
  expect(await paidOnChain(chain, [payee], since)).toEqual({ [payee]: `1 × ${units}` });
});

test('several nonces wait at once and are mined in order', async () => {
  const [payees, since] = [[stranger(), stranger(), stranger()], await height()];
  await mining(false);
  for (const payee of payees)
    await sender.plan(payment('ethereum-hot', `many-${payee}`, [{ address: payee, asset: 'ETH', units: 5n }]));
  await sender.settle();
  await mining(true);
  await wallet.mine(FINAL_BLOCKS);
  await sender.settle();
  const paid = payees.map((payee) => [payee, '1 × 5']);
  expect(await paidOnChain(chain, payees, since)).toEqual(Object.fromEntries(paid));
  const nonces = await query(
    `SELECT l.slot::integer AS slot FROM slots l JOIN sends s ON s.id = l.send_id WHERE s.cause LIKE 'many-%' ORDER BY s.seq`,
  );
  expect(nonces.map(({ slot }, n) => slot - n)).toEqual(nonces.map(() => nonces[0]?.slot));
});

test('deposits worth more than their gas are swept in one transaction, and booked as what arrived', async () => {
  const [usdcHot, usdcBooked] = [await holding(hot, 'USDC.ethereum'), await booked('ethereum-hot', 'USDC.ethereum')];
  const deposit = async (units: bigint) => {
    const { address, path } = chain.depositAddress(0, hexlify(randomBytes(32)));
    await wallet.pay({ token: evm.deployment.tokens['USDC']?.address ?? '', to: address, units });
    await sender.database.transaction(async (tx) => {
      await sender.wallets.registerAddress(tx, { chain: 'ethereum', address, path });
      await sender.wallets.noteArrival(tx, { chain: 'ethereum', address, asset: 'USDC.ethereum' });
    });
    return address;
  };
  const [first, second, dust] = [await deposit(70n * USDC_UNITS), await deposit(30n * USDC_UNITS), await deposit(1n)];
  await wallet.mine(FINAL_BLOCKS);
  expect(await sender.sweeping.sweepDeposits()).toBe(1);
  expect(await sender.sweeping.sweepDeposits()).toBe(0);
  await wallet.pay({ token: evm.deployment.tokens['USDC']?.address ?? '', to: first, units: 5n });
  await finish();
  expect(await holding(hot, 'USDC.ethereum')).toBe(usdcHot + 100n * USDC_UNITS + 5n);
  expect(await booked('ethereum-hot', 'USDC.ethereum')).toBe(usdcBooked - 100n * USDC_UNITS - 5n);
  expect(await booked('ethereum-deposit', 'USDC.ethereum')).toBe(100n * USDC_UNITS + 5n);
  for (const address of [first, second]) expect(await holding(address, 'USDC.ethereum')).toBe(0n);
  expect(await holding(dust, 'USDC.ethereum')).toBe(1n);
  expect(await sender.sweeping.sweepDeposits()).toBe(0);
  expect(await query('SELECT address, send_id FROM arrivals')).toEqual([{ address: dust, send_id: null }]);
});

test('a nonce used by hand: failed when that is final, and not before; the next one pays', async () => {
  const [payee, since] = [stranger(), await height()];
  const output = { address: payee, asset: 'ETH', units: 5n };
  const id = await sender.plan(payment('ethereum-hot', 'by-hand', [output]));
  await sender.signing.signPlanned();
  await evm.node.call('anvil_impersonateAccount', [hot]);
  await evm.node.mined(await evm.node.send({ from: hot, to: stranger(), value: 1n }));
  await sender.wallets.advance();
  expect((await sender.wallets.status(id)).state).toBe('signed');
  await wallet.mine(FINAL_BLOCKS);
  await sender.settle();
  expect((await sender.wallets.status(id)).state).toBe('failed');
  await sender.plan(payment('ethereum-hot', 'by-hand-again', [output]));
  await finish();
  expect(await paidOnChain(chain, [payee], since)).toEqual({ [payee]: '1 × 5' });
});
