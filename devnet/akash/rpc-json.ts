import type { DevBlock, DevChain, IncludedTx } from './chain.ts';
import type { TxResult } from './execute.ts';
import { sha256 } from './hash.ts';

const COMETBFT_VERSION = '0.38.21';
const EMPTY_HASH = sha256('');
/** Stands where a validator's address and key would be; nothing is signed by validators here. */
const VALIDATOR_ADDRESS = sha256('lockstep-devnet').slice(0, 40);
const VALIDATOR_KEY = { type: 'tendermint/PubKeyEd25519', value: Buffer.alloc(32).toString('base64') };
const VALIDATOR = { address: VALIDATOR_ADDRESS, pub_key: VALIDATOR_KEY, voting_power: '1' };

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const blockId = (hash: string) => ({ hash, parts: { total: hash ? 1 : 0, hash } });

export function header(chain: DevChain, { height, time, parentHash, appHash, txs }: DevBlock) {
  return {
    version: { block: '11', app: '1' },
    chain_id: chain.chainId,
    height: String(height),
    time: time.toISOString(),
    last_block_id: blockId(parentHash),
    last_commit_hash: EMPTY_HASH,
    data_hash: sha256(txs.map((tx) => tx.hash).join('')),
    validators_hash: EMPTY_HASH,
    next_validators_hash: EMPTY_HASH,
    consensus_hash: EMPTY_HASH,
    app_hash: appHash,
    last_results_hash: EMPTY_HASH,
    evidence_hash: EMPTY_HASH,
    proposer_address: VALIDATOR_ADDRESS,
  };
}

export function block(chain: DevChain, of: DevBlock) {
  return {
    block_id: blockId(of.hash),
    block: {
      header: header(chain, of),
      data: { txs: of.txs.map(({ bytes }) => base64(bytes)) },
      evidence: { evidence: [] },
      last_commit: { height: String(of.height - 1), round: 0, block_id: blockId(of.parentHash), signatures: [] },
    },
  };
}

export function blockMeta(chain: DevChain, of: DevBlock) {
  const size = of.txs.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return {
    block_id: blockId(of.hash),
    block_size: String(size),
    header: header(chain, of),
    num_txs: String(of.txs.length),
  };
}

export function commit(chain: DevChain, of: DevBlock) {
  const signed = { height: String(of.height), round: 0, block_id: blockId(of.hash), signatures: [] };
  return { canonical: true, signed_header: { header: header(chain, of), commit: signed } };
}

export function blockResults({ height, txs }: DevBlock) {
  return {
    height: String(height),
    txs_results: txs.length === 0 ? null : txs.map(({ result }) => txResult(result)),
    finalize_block_events: [],
    validator_updates: null,
    consensus_param_updates: null,
    app_hash: '',
  };
}

export function txResult({ code, codespace, log, data, gasWanted, gasUsed, events }: TxResult) {
  return {
    code,
    data: data.length === 0 ? null : base64(data),
    log,
    info: '',
    gas_wanted: String(gasWanted),
    gas_used: String(gasUsed),
    events,
    codespace,
  };
}

export function tx({ hash, height, index, bytes, result }: IncludedTx) {
  return { hash, height: String(height), index, tx_result: txResult(result), tx: base64(bytes) };
}

export function status(chain: DevChain) {
  const tip = chain.tip();
  const first = chain.block(1) ?? tip;
  return {
    node_info: {
      protocol_version: { p2p: '8', block: '11', app: '1' },
      id: VALIDATOR_ADDRESS.toLowerCase(),
      listen_addr: 'tcp://127.0.0.1:0',
      network: chain.chainId,
      version: COMETBFT_VERSION,
      channels: '',
      moniker: 'lockstep-devnet',
      other: { tx_index: 'on', rpc_address: 'tcp://127.0.0.1:0' },
    },
    sync_info: {
      latest_block_hash: tip.hash,
      latest_app_hash: tip.appHash,
      latest_block_height: String(tip.height),
      latest_block_time: tip.time.toISOString(),
      earliest_block_hash: first.hash,
      earliest_app_hash: first.appHash,
      earliest_block_height: '1',
      earliest_block_time: first.time.toISOString(),
      catching_up: false,
    },
    validator_info: VALIDATOR,
  };
}

export function validators(height: number) {
  return {
    block_height: String(height),
    validators: [{ ...VALIDATOR, proposer_priority: '0' }],
    count: '1',
    total: '1',
  };
}
