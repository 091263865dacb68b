import { parseArgs } from 'node:util';
import { loadBcoin } from './bcoin.ts';
import { Blocks } from './blocks.ts';
import { methods } from './methods.ts';
import { Relay } from './relay.ts';
import { serveRpc, Turn } from './rpc-server.ts';
import { DevWallet } from './wallet.ts';

/** Segwit signals and locks in on this network before this height. */
const FIRST_BLOCKS = 450;

/** The node process: a Bitcoin regtest full node with its state under `--data-dir`. It ends with its parent. */
async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string' },
      'rpc-port': { type: 'string', default: '0' },
      'mine-interval-ms': { type: 'string', default: '0' },
      'tx-index': { type: 'string', default: 'true' },
    },
  });
  const dataDir = values['data-dir'];
  if (dataDir === undefined) throw new Error('--data-dir is missing');
  const bcoin = loadBcoin();
  const node = new bcoin.FullNode({
    network: 'regtest',
    prefix: dataDir,
    memory: false,
    workers: false,
    indexTX: true,
    indexAddress: true,
    persistentMempool: true,
    replaceByFee: true,
  });
  node.on('error', (error) => console.error(error.message));
  await node.ensure();
  for (const part of [node.chain, node.mempool, node.miner]) await part.open();
  node.network.time.offset = Math.max(0, node.chain.tip.time - node.network.now());
  const relay = new Relay(bcoin, node);
  const blocks = new Blocks(bcoin, node, relay);
  const wallet = new DevWallet(bcoin, node);
  const turn = new Turn();
  await blocks.mine(Math.max(0, FIRST_BLOCKS - node.chain.height), wallet.address);
  const table = methods({ node, relay, blocks, wallet, txIndex: values['tx-index'] === 'true' });
  const server = await serveRpc(table, turn, Number(values['rpc-port']));
  const interval = Number(values['mine-interval-ms']);
  const miner = interval > 0 ? setInterval(() => void turn.take(() => blocks.mine(1, wallet.address)), interval) : null;

  const close = async () => {
    if (miner) clearInterval(miner);
    server.closeAllConnections();
    server.close();
    await turn.take(async () => {
      for (const part of [node.miner, node.mempool, node.chain]) await part.close();
    });
    process.exit(0);
  };
  process.on('SIGTERM', () => void close());
  process.on('disconnect', () => void close());
  if (process.connected === false) await close();
  // A Ctrl-C reaches the whole group; the parent decides when this node ends.
  process.on('SIGINT', () => undefined);
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
}

run().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
