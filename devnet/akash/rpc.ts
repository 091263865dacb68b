import type { DevBlock, DevChain } from './chain.ts';
import type { Faults } from './faults.ts';
import { sha256 } from './hash.ts';
import { answerQuery } from './queries.ts';
import * as json from './rpc-json.ts';
import { txFilter } from './tx-search.ts';

/** Parameters of a call, as CometBFT's JSON-RPC takes them: integers may be text. */
export type Params = Readonly<Record<string, unknown>>;

export interface Node {
  readonly chain: DevChain;
  readonly faults: Faults;
}

/** What CometBFT reports as an internal error, its text in `data`. */
export class RpcError extends Error {}

/** The connection is to be cut without an answer. */
export class LostAnswer extends Error {}

type Method = (node: Node, params: Params) => unknown | Promise<unknown>;

const COMMIT_TIMEOUT_MS = 10_000;

/** CometBFT's RPC, as far as clients use it. https://docs.cometbft.com/v0.38/rpc/ */
export const COMETBFT_METHODS: Readonly<Record<string, Method>> = {
  health: () => ({}),
  status: ({ chain }) => json.status(chain),
  abci_info: ({ chain }) => ({
    response: {
      data: 'lockstep-devnet',
      version: 'lockstep-devnet',
      app_version: '1',
      last_block_height: String(chain.height()),
      last_block_app_hash: Buffer.from(chain.tip().appHash, 'hex').toString('base64'),
    },
  }),
  abci_query: abciQuery,
  block: ({ chain }, params) => json.block(chain, blockAt(chain, params)),
  header: ({ chain }, params) => ({ header: json.header(chain, blockAt(chain, params)) }),
  block_results: ({ chain }, params) => json.blockResults(blockAt(chain, params)),
  commit: ({ chain }, params) => json.commit(chain, blockAt(chain, params)),
  validators: ({ chain }, params) => json.validators(blockAt(chain, params).height),
  blockchain,
  num_unconfirmed_txs: (node) => ({ ...unconfirmed(node, 0), txs: null }),
  unconfirmed_txs: (node, params) => unconfirmed(node, Math.min(integer(params, 'limit') ?? 30, 100)),
  broadcast_tx_sync: broadcast,
  broadcast_tx_async: (node, params) => {
    const { hash } = broadcast(node, params);
    return { code: 0, data: '', log: '', codespace: '', hash };
  },
  broadcast_tx_commit: broadcastCommit,
  tx: findTx,
  tx_search: searchTxs,
};

function unconfirmed({ chain }: Node, limit: number) {
  const all = chain.mempool.waiting();
  const bytes = all.reduce((sum, tx) => sum + tx.length, 0);
  const txs = all.slice(0, limit).map((tx) => Buffer.from(tx).toString('base64'));
  return { n_txs: String(txs.length), total: String(all.length), total_bytes: String(bytes), txs };
}

function abciQuery({ chain }: Node, params: Params): unknown {
  const height = integer(params, 'height') || chain.height();
  if (height > chain.height()) {
    const log = `cannot query with height in the future; please provide a valid height: invalid height`;
    return { response: { code: 26, codespace: 'sdk', log, height: '0' } };
  }
  const data = Buffer.from(text(params, 'data'), 'hex');
  const answer = answerQuery(text(params, 'path'), { chain, data, height });
  const rest = { info: '', index: '0', key: null, proofOps: null, height: String(height) };
  if (!('value' in answer)) return { response: { ...rest, ...answer, value: null } };
  const value = Buffer.from(answer.value).toString('base64');
  return { response: { ...rest, code: 0, codespace: '', log: '', value } };
}

function blockAt(chain: DevChain, params: Params): DevBlock {
  const height = integer(params, 'height') ?? chain.height();
  if (height <= 0) throw new RpcError(`height must be greater than 0, but got ${height}`);
  const found = chain.block(height);
  if (found) return found;
  throw new RpcError(`height ${height} must be less than or equal to the current blockchain height ${chain.height()}`);
}

function blockchain({ chain }: Node, params: Params): unknown {
  const newest = Math.min(integer(params, 'maxHeight') || chain.height(), chain.height());
  const oldest = Math.max(integer(params, 'minHeight') || 1, newest - 19, 1);
  const metas = chain.blocks.slice(oldest - 1, newest).map((of) => json.blockMeta(chain, of));
  return { last_height: String(chain.height()), block_metas: metas.reverse() };
}

function broadcast({ chain, faults }: Node, params: Params) {
  const bytes = Buffer.from(text(params, 'tx'), 'base64');
  const hash = sha256(bytes);
  if (chain.mempool.isCached(hash)) throw new RpcError('tx already exists in cache');
  const { code, codespace, log } = chain.mempool.offer(bytes);
  if (faults.loseNextAnswer) {
    faults.loseNextAnswer = false;
    throw new LostAnswer();
  }
  return { code, data: '', log, codespace, hash };
}

async function broadcastCommit(node: Node, params: Params): Promise<unknown> {
  const { hash, ...check } = broadcast(node, params);
  const checkTx = { ...check, gas_wanted: '0', gas_used: '0', events: [] };
  if (check.code !== 0) return { check_tx: checkTx, tx_result: { code: 0 }, hash, height: '0' };
  const deadline = AbortSignal.timeout(COMMIT_TIMEOUT_MS);
  const timeout = new Promise<null>((resolve) => deadline.addEventListener('abort', () => resolve(null)));
  for (;;) {
    const block = await Promise.race([node.chain.nextBlock(), timeout]);
    if (!block) throw new RpcError('timed out waiting for tx to be included in a block');
    const included = block.txs.find((tx) => tx.hash === hash);
    if (!included) continue;
    return { check_tx: checkTx, tx_result: json.txResult(included.result), hash, height: String(block.height) };
  }
}

function findTx({ chain, faults }: Node, params: Params): unknown {
  const hash = Buffer.from(text(params, 'hash'), 'base64').toString('hex').toUpperCase();
  const found = chain.txByHash.get(hash);
  if (!found || found.height > chain.height() - faults.indexLag) throw new RpcError(`tx (${hash}) not found`);
  return json.tx(found);
}

function searchTxs({ chain, faults }: Node, params: Params): unknown {
  const indexed = [...chain.txByHash.values()].filter((tx) => tx.height <= chain.height() - faults.indexLag);
  const found = indexed
    .filter(txFilter(text(params, 'query')))
    .sort((a, b) => a.height - b.height || a.index - b.index);
  if (params['order_by'] === 'desc') found.reverse();
  const perPage = Math.min(integer(params, 'per_page') ?? 30, 100);
  const page = integer(params, 'page') ?? 1;
  const txs = found.slice((page - 1) * perPage, page * perPage).map(json.tx);
  return { txs, total_count: String(found.length) };
}

export function text(params: Params, name: string): string {
  const value = params[name];
  if (typeof value === 'string') return value;
  throw new RpcError(`parameter ${name} must be a string`);
}

/** An integer parameter, or null if it is absent. */
export function integer(params: Params, name: string): number | null {
  const value = params[name];
  if (value === undefined || value === null || value === '') return null;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RpcError(`parameter ${name} must be an integer`);
  return number;
}
