import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../postgres.ts';
import { deployAll, type EvmDeployment } from './deploy.ts';
import { type EvmNode, evmNode, spawnAnvil, until } from './node.ts';

export interface EvmOptions {
  /** Folder of the chain's state and of deployment.json. */
  readonly dataDir: string;
  readonly port?: number;
  /** Time between blocks. Without it a block is mined for every transaction. */
  readonly blockTimeMs?: number;
  /** Where the deposit factory sends what it sweeps; the `hot` account by default. Read at the first start only. */
  readonly treasury?: string;
}

export interface EvmChain {
  readonly rpcUrl: string;
  readonly pid: number;
  readonly node: EvmNode;
  readonly deployment: EvmDeployment;
  /** Ends the node after it wrote its state. */
  stop(): Promise<void>;
  /** Ends the node as a power cut would: up to the last second of blocks is lost, which readers see as a reorg. */
  kill(): Promise<void>;
}

/**
 * Starts the local Ethereum chain. The first start on a folder deploys tokens, Uniswap v3 with deep pools and our own
 * contracts; later starts find them in the saved state.
 */
export async function startEvm({ dataDir, port, blockTimeMs, treasury }: EvmOptions): Promise<EvmChain> {
  mkdirSync(dataDir, { recursive: true });
  const listenPort = port ?? (await freePort());
  const timing = blockTimeMs === undefined ? {} : { blockTimeMs };
  const child = spawnAnvil({ dataDir, port: listenPort, ...timing });
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (signal: NodeJS.Signals) => {
    if (!ended(child)) child.kill(signal);
    await exited;
  };
  const node = evmNode(`http://127.0.0.1:${listenPort}`);
  try {
    await until('answer from anvil', () => answers(node, child, () => output));
    await keepTime(node);
    const deployment = await deploymentOf(node, join(dataDir, 'deployment.json'), treasury);
    const handle = { stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
    return { rpcUrl: node.rpcUrl, pid: child.pid ?? 0, node, deployment, ...handle };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
}

/** What was deployed before, if the chain's saved state still has it; deploys otherwise. */
async function deploymentOf(node: EvmNode, file: string, treasury: string | undefined): Promise<EvmDeployment> {
  if (existsSync(file)) {
    const saved = JSON.parse(readFileSync(file, 'utf8')) as EvmDeployment;
    // Balances and nonces at the final block are known again only once that block is younger than this start.
    await node.call('anvil_mine', ['0x3']);
    if ((await node.call('eth_getCode', [saved.batchPayer, 'latest'])) !== '0x') return saved;
  }
  const deployment = await deployAll(node, treasury);
  writeFileSync(`${file}.new`, `${JSON.stringify(deployment, null, 2)}\n`);
  renameSync(`${file}.new`, file);
  return deployment;
}

/** Chain time that was set ahead stays ahead: anvil alone would mine blocks older than their parents. */
async function keepTime(node: EvmNode): Promise<void> {
  const head = (await node.call('eth_getBlockByNumber', ['latest', false])) as { timestamp: string };
  const seconds = Number(head.timestamp);
  if (seconds > Date.now() / 1000) await node.call('evm_setTime', [seconds + 1]);
}

async function answers(node: EvmNode, child: ChildProcess, output: () => string): Promise<true | null> {
  if (ended(child)) throw new Error(`anvil ended at its start: ${output().trim()}`);
  try {
    await node.call('eth_chainId');
    return true;
  } catch (error) {
    // Not listening yet; anything else is the node's own answer.
    if (error instanceof TypeError) return null;
    throw error;
  }
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
