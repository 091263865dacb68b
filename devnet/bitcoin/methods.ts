import type { BcoinEntry, BcoinNode, BcoinTx } from './bcoin.ts';
import { reverseHex } from './bcoin.ts';
import type { Blocks } from './blocks.ts';
import { blockJson, btc, headerJson, mempoolEntryJson, scriptJson, txJson } from './dialect.ts';
import type { Relay } from './relay.ts';
import { RPC, RpcError } from './rpc-error.ts';
import type { DevWallet, Payment, PaymentOptions } from './wallet.ts';

export interface NodeParts {
  readonly node: BcoinNode;
  readonly relay: Relay;
  readonly blocks: Blocks;
  readonly wallet: DevWallet;
  /** Whether `getrawtransaction` finds confirmed transactions without their block, as Core with `-txindex`. */
  readonly txIndex: boolean;
}

export type Method = (params: readonly unknown[]) => unknown;

/** Every method the node answers, by name. Amounts and errors are Core's; `devnet.*` are this node's own. */
export function methods(parts: NodeParts): Map<string, Method> {
  return new Map([...chainMethods(parts), ...mempoolMethods(parts), ...devnetMethods(parts)]);
}

function chainMethods({ node }: NodeParts): [string, Method][] {
  const { chain } = node;
  return [
    ['getblockchaininfo', () => chainInfo(node)],
    ['getblockcount', () => chain.height],
    ['getbestblockhash', () => chain.tip.rhash()],
    ['getblockhash', async ([height]) => (await entryAt(node, height)).rhash()],
    [
      'getblockheader',
      async ([hash, verbose]) => {
        const entry = await entryOf(node, hash);
        if (verbose !== false) return header(node, entry);
        return (await blockOf(node, entry)).toRaw().subarray(0, 80).toString('hex');
      },
    ],
    [
      'getblock',
      async ([hash, verbosity = 1]) => {
        const entry = await entryOf(node, hash);
        const block = await blockOf(node, entry);
        if (verbosity === 0 || verbosity === false) return block.toRaw().toString('hex');
        const view = verbosity === 2 ? await chain.getBlockView(block) : null;
        return blockJson(await header(node, entry), block, view);
      },
    ],
    [
      'getnetworkinfo',
      () => ({
        version: 10002,
        subversion: '/bcoin:1.0.2/lockstep-devnet/',
        protocolversion: 70015,
        connections: 0,
        relayfee: btc(1000),
        incrementalfee: btc(1000),
        warnings: 'A development node: not Bitcoin Core, and no peer of any network.',
      }),
    ],
  ];
}

function mempoolMethods(parts: NodeParts): [string, Method][] {
  const { node, relay } = parts;
  return [
    ['getrawmempool', () => [...node.mempool.map.values()].map((entry) => entry.tx.txid())],
    [
      'getmempoolentry',
      ([txId]) => {
        const entry = node.mempool.getEntry(hashOf(txId));
        if (!entry) throw new RpcError(RPC.invalidAddressOrKey, 'Transaction not in mempool');
        return mempoolEntryJson(entry);
      },
    ],
    ['getrawtransaction', (params) => rawTransaction(parts, params)],
    ['gettxout', ([txId, vout, includeMempool]) => txOut(node, txId, vout, includeMempool !== false)],
    ['sendrawtransaction', ([hex]) => relay.send(relay.parse(hex))],
    [
      'testmempoolaccept',
      async ([raws]) => {
        const tx = relay.parse(list(raws)[0]);
        try {
          const { fee } = await relay.examine(tx);
          return [{ txid: tx.txid(), allowed: true, vsize: tx.getVirtualSize(), fees: { base: btc(fee) } }];
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          return [{ txid: tx.txid(), allowed: false, 'reject-reason': error.message }];
        }
      },
    ],
  ];
}

function devnetMethods({ node, relay, blocks, wallet }: NodeParts): [string, Method][] {
  let feeRate: number | undefined;
  const payTo = (address: unknown) => (typeof address === 'string' ? address : wallet.address);
  const draft = ([outputs, options = {}]: readonly unknown[]) =>
    wallet.draft(
      list(outputs).map((output) => output as Payment),
      options as PaymentOptions,
    );
  return [
    [
      'estimatesmartfee',
      ([blockCount]) =>
        feeRate === undefined
          ? { errors: ['Insufficient data or no feerate found'], blocks: blockCount }
          : { feerate: btc(feeRate * 1000), blocks: blockCount },
    ],
    ['generatetoaddress', ([count, address]) => blocks.mine(integer(count), payTo(address))],
    ['devnet.mine', ([count, address]) => blocks.mine(integer(count), payTo(address))],
    [
      'devnet.reorg',
      ([depth, options]) => {
        const given = { mine: integer(depth) + 1, dropTxids: [], replaceWith: [], ...(options ?? {}) };
        return blocks.reorg({ ...given, depth: integer(depth) }, wallet.address);
      },
    ],
    [
      'devnet.setTime',
      ([seconds]) => {
        // Never before the tip: a later block would be too far in the future of its own node.
        const now = Math.max(integer(seconds), node.chain.tip.time);
        node.network.time.offset += now - node.network.now();
        return now;
      },
    ],
    [
      'devnet.setFeeRate',
      ([satPerVbyte]) => {
        feeRate = satPerVbyte === null ? undefined : integer(satPerVbyte);
        return null;
      },
    ],
    ['devnet.address', () => wallet.address],
    ['devnet.draft', async (params) => shown(await draft(params))],
    [
      'devnet.pay',
      async (params) => {
        const tx = await draft(params);
        await relay.send(tx);
        return shown(tx);
      },
    ],
  ];
}

const shown = (tx: BcoinTx) => ({ txid: tx.txid(), hex: tx.toRaw().toString('hex') });

async function chainInfo(node: BcoinNode): Promise<unknown> {
  const { tip } = node.chain;
  return {
    chain: 'regtest',
    blocks: tip.height,
    headers: tip.height,
    bestblockhash: tip.rhash(),
    time: tip.time,
    mediantime: await node.chain.getMedianTime(tip),
    verificationprogress: 1,
    initialblockdownload: false,
    chainwork: tip.chainwork.toString('hex', 64),
    pruned: false,
    warnings: '',
  };
}

async function rawTransaction({ node, txIndex }: NodeParts, params: readonly unknown[]): Promise<unknown> {
  const [txId, verbosity = 0, blockHash] = params;
  const hash = hashOf(txId);
  const pending = blockHash === undefined || blockHash === null ? node.mempool.getEntry(hash)?.tx : undefined;
  const verbose = verbosity !== 0 && verbosity !== false;
  if (pending) {
    if (!verbose) return pending.toRaw().toString('hex');
    return txJson(pending, verbosity === 2 ? await node.mempool.getCoinView(pending) : null);
  }
  const home = typeof blockHash === 'string' ? blockHash : txIndex ? await homeOf(node, hash) : undefined;
  if (home === undefined) {
    throw new RpcError(RPC.invalidAddressOrKey, 'No such mempool or blockchain transaction.');
  }
  const entry = await entryOf(node, home);
  const block = await blockOf(node, entry);
  const tx = block.txs.find((candidate) => candidate.hash('hex') === hash);
  if (!tx) throw new RpcError(RPC.invalidAddressOrKey, 'No such transaction found in the provided block.');
  if (!verbose) return tx.toRaw().toString('hex');
  const confirmations = await confirmationsOf(node, entry);
  const view = verbosity === 2 && confirmations > 0 ? await node.chain.getBlockView(block) : null;
  return { ...txJson(tx, view), blockhash: entry.rhash(), confirmations, time: entry.time, blocktime: entry.time };
}

async function homeOf(node: BcoinNode, hash: string): Promise<string | undefined> {
  const meta = await node.chain.getMeta(hash);
  return meta ? reverseHex(meta.block) : undefined;
}

async function txOut(node: BcoinNode, txId: unknown, vout: unknown, includeMempool: boolean): Promise<unknown> {
  const hash = hashOf(txId);
  const index = integer(vout);
  if (includeMempool && node.mempool.isSpent(hash, index)) return null;
  const unconfirmed = includeMempool ? node.mempool.getCoin(hash, index) : null;
  const coin = unconfirmed ?? (await node.chain.getCoin(hash, index));
  if (!coin) return null;
  return {
    bestblock: node.chain.tip.rhash(),
    confirmations: unconfirmed ? 0 : node.chain.height - coin.height + 1,
    value: btc(coin.value),
    scriptPubKey: scriptJson(coin.script.toRaw()),
    coinbase: coin.coinbase,
  };
}

async function confirmationsOf(node: BcoinNode, entry: BcoinEntry): Promise<number> {
  return (await node.chain.isMainChain(entry)) ? node.chain.height - entry.height + 1 : -1;
}

async function header(node: BcoinNode, entry: BcoinEntry) {
  const facts = {
    confirmations: await confirmationsOf(node, entry),
    mediantime: await node.chain.getMedianTime(entry),
  };
  return headerJson(entry, facts);
}

async function entryAt(node: BcoinNode, height: unknown): Promise<BcoinEntry> {
  const entry = Number(height) <= node.chain.height ? await node.chain.getEntry(integer(height)) : null;
  if (!entry) throw new RpcError(RPC.invalidParameter, 'Block height out of range');
  return entry;
}

async function entryOf(node: BcoinNode, hash: unknown): Promise<BcoinEntry> {
  const entry = await node.chain.getEntry(hashOf(hash));
  if (!entry) throw new RpcError(RPC.invalidAddressOrKey, 'Block not found');
  return entry;
}

async function blockOf(node: BcoinNode, entry: BcoinEntry) {
  const block = await node.chain.getBlock(entry.hash);
  if (!block) throw new RpcError(RPC.misc, 'Block not available');
  return block;
}

function hashOf(text: unknown): string {
  if (typeof text !== 'string' || !/^[0-9a-f]{64}$/i.test(text)) {
    throw new RpcError(RPC.invalidParameter, `must be of length 64 (not ${String(text).length})`);
  }
  return reverseHex(text.toLowerCase());
}

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw new RpcError(RPC.invalidParameter, 'not an integer');
  return Number(value);
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) throw new RpcError(RPC.invalidParameter, 'not a list');
  return value;
}
