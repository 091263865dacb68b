import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { toBech32 } from '@cosmjs/encoding';
import { networks, payments } from 'bitcoinjs-lib';
import { getAddress, hexlify } from 'ethers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EvmWallet, evmWallet } from '../../devnet/evm/wallet.ts';
import { Chains } from '../../src/adapters/chains/index.ts';
import { createDatabase, type TestDatabase, until } from '../support/database.ts';
import { paidOnChain, type SenderNodes, startNodes } from '../support/sender-nodes.ts';
import { payment, type Sender, startSender, writeKeyFile } from '../support/wallets.ts';

const DEADLINE_MS = 90_000;

let nodes: SenderNodes;
let database: TestDatabase;
let keys: ReturnType<typeof writeKeyFile>;
let sender: Sender;
let ethereum: EvmWallet;

beforeAll(async () => {
  [nodes, database] = await Promise.all([startNodes('bitcoin', 'evm', 'akash'), createDatabase()]);
  if (nodes.evm === null) throw new Error('no Ethereum node');
  ethereum = evmWallet(nodes.evm.node, nodes.evm.deployment);
  keys = writeKeyFile(nodes.keys);
  sender = await startSender({
    appUrl: database.appUrl,
    keyFile: keys.path,
    settings: nodes.settings,
    chains: (config) => Chains.from(config).all(),
  });
  await sender.chains.verify();
  await nodes.akash?.client.pay(sender.wallets.hotAddress('akash'), 100_000_000n);
  for (let index = 0; index < 3; index += 1) await coin(index);
  await mineAll(7);
});

afterAll(async () => {
  await sender?.close();
  await nodes?.stop();
  keys?.remove();
});

async function coin(index: number): Promise<void> {
  const [chain, units] = [sender.chains.get('bitcoin'), 1_000_000n];
  const { address, path } = chain.depositAddress(index, '');
  const txId = (await nodes.bitcoin?.devnet.pay(address, units)) ?? '';
  await nodes.bitcoin?.devnet.mine();
  const key = chain.watchKey(address);
  const { height } = await chain.tip();
  const block = await chain.block(height, { has: (asked) => asked === key, address: () => address });
  const vout = Number(block?.transfers[0]?.place.slice('vout:'.length));
  await sender.database.transaction((tx) =>
    sender.wallets.registerCoin(
      tx,
      { chain: 'bitcoin', txId, vout, units, address, path, height },
      { depositId: txId, released: true },
    ),
  );
}

async function mineAll(blocks = 1): Promise<void> {
  await Promise.all([nodes.bitcoin?.devnet.mine(blocks), ethereum.mine(blocks), nodes.akash?.client.mine(blocks)]);
}

interface Worker {
  readonly child: ChildProcess;
  /** The signal it was ended by; null when it ended by itself. */
  readonly ended: Promise<NodeJS.Signals | null>;
}

/** A worker process, killed at a crash point if one is named. */
function startWorker(crashpoint = ''): Worker {
  const options = { appUrl: database.appUrl, keyFile: keys.path, settings: nodes.settings };
  const child = spawn(process.execPath, ['test/support/sender-process.mjs', JSON.stringify(options)], {
    env: { ...process.env, NODE_ENV: 'test', LOCKSTEP_CRASHPOINT: crashpoint },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null);
  return { child, ended };
}

const CHAINS = {
  bitcoin: {
    walletId: 'bitcoin-hot',
    asset: 'BTC',
    payee: () => payments.p2wpkh({ hash: randomBytes(20), network: networks.regtest }).address ?? '',
  },
  ethereum: { walletId: 'ethereum-hot', asset: 'ETH', payee: () => getAddress(hexlify(randomBytes(20))) },
  akash: { walletId: 'akash-hot', asset: 'AKT', payee: () => toBech32('akash', randomBytes(20)) },
} as const;

/** Between signing and broadcast of each send, then between broadcast and marking of each; all but the first in recovery. */
const KILLS = [
  ...['send.signed', 'send.signed', 'send.signed'],
  ...['send.broadcast', 'send.broadcast:2', 'send.broadcast:2'],
] as const;

test('killed again and again, after signing and after broadcasting: everybody is paid once', async () => {
  const sends = await Promise.all(
    (['bitcoin', 'ethereum', 'akash'] as const).map(async (chainId) => {
      const { walletId, asset, payee } = CHAINS[chainId];
      const [address, chain, cause] = [payee(), sender.chains.get(chainId), `${chainId}-killed`];
      const since = (await chain.tip()).height;
      const id = await sender.plan(payment(walletId, cause, [{ address, asset, units: 12_345n }]));
      return { address, chain, cause, since, id, asset };
    }),
  );
  for (const crashpoint of KILLS) expect(await startWorker(crashpoint).ended).toBe('SIGKILL');
  const worker = startWorker();
  const confirmed = async () => {
    await mineAll();
    const states = await Promise.all(sends.map(async ({ id }) => (await sender.wallets.status(id)).state));
    return states.every((state) => state === 'confirmed');
  };
  await until('all three confirmed', confirmed, DEADLINE_MS);
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBeNull();
  for (const { address, chain, cause, since, asset } of sends) {
    expect(await paidOnChain(chain, [address], since)).toEqual({ [address]: '1 × 12345' });
    expect(await sender.ledger.balance(sender.database.prisma, `payout:${cause}`, asset)).toBe(0n);
  }
});
