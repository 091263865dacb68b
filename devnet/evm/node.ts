import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Any Ethereum dev mnemonic works; this is the one every local chain uses. It guards nothing of value. */
export const MNEMONIC = 'test test test test test test test test test test test junk';

/** States of past blocks that can be asked for, as on a pruning node; none of them outlives a restart. */
const STATES_KEPT = '256';

export interface AnvilOptions {
  /** Folder of the chain's state; created by the caller. */
  readonly dataDir: string;
  readonly port: number;
  /** Time between blocks. Without it a block is mined for every transaction. */
  readonly blockTimeMs?: number;
}

/** Gas that is enough for anything deployed or called here. */
export const AMPLE_GAS = 12_000_000n;

/** A JSON-RPC connection to the local node with its unlocked accounts. */
export interface EvmNode {
  readonly rpcUrl: string;
  call(method: string, params?: readonly unknown[]): Promise<unknown>;
  /** Sends from an unlocked account and returns the transaction id, not yet mined when blocks come on a timer. */
  send(transaction: EvmTransaction): Promise<string>;
  /** Waits until a transaction is in a block. @throws when it is not within the time limit, or failed there. */
  mined(txId: string): Promise<EvmReceipt>;
}

export interface EvmTransaction {
  readonly from: string;
  readonly to?: string;
  readonly data?: string;
  readonly value?: bigint;
  /** Gas limit; the node's estimate, which holds for this very moment only, when absent. */
  readonly gas?: bigint;
}

export interface EvmReceipt {
  readonly status: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  readonly contractAddress: string | null;
}

/** Starts anvil with state kept in the folder: written each second and at a clean end, read at the next start. */
export function spawnAnvil({ dataDir, port, blockTimeMs }: AnvilOptions): ChildProcess {
  const home = dirname(createRequire(import.meta.url).resolve('@foundry-rs/anvil-linux-amd64/package.json'));
  const mining = blockTimeMs === undefined ? [] : ['--block-time', String(blockTimeMs / 1000)];
  const args = ['--host', '127.0.0.1', '--port', String(port), '--mnemonic', MNEMONIC, '--accounts', '5', '--silent'];
  const state = ['--state', join(dataDir, 'state.json'), '--state-interval', '1', '--prune-history', STATES_KEPT];
  // Two blocks after its own a transaction is final: the `finalized` tag is two epochs behind.
  const finality = ['--slots-in-an-epoch', '1'];
  return spawn(join(home, 'bin', 'anvil'), [...args, ...state, ...finality, ...mining], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Connects to a local node. */
export function evmNode(rpcUrl: string): EvmNode {
  const call = async (method: string, params: readonly unknown[] = []): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };
  return {
    rpcUrl,
    call,
    async send({ value = 0n, gas, ...transaction }) {
      const limit = gas === undefined ? {} : { gas: hex(gas) };
      return String(await call('eth_sendTransaction', [{ ...transaction, ...limit, value: hex(value) }]));
    },
    async mined(txId) {
      const receipt = await until(`transaction ${txId} in a block`, async () => {
        return (await call('eth_getTransactionReceipt', [txId])) as EvmReceipt | null;
      });
      if (receipt.status !== '0x1') throw new Error(`transaction ${txId} failed`);
      return receipt;
    },
  };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Polls until a value comes. @throws after the time limit, naming what was waited for. */
export async function until<T>(what: string, poll: () => Promise<T | null>, limitMs = 60_000): Promise<T> {
  const limit = Date.now() + limitMs;
  for (;;) {
    const value = await poll();
    if (value !== null) return value;
    if (Date.now() > limit) throw new Error(`no ${what} within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
