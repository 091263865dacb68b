import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { AkashDevnet } from './client.ts';
import { DEFAULT_ACCOUNTS, DEFAULT_CHAIN_ID, type GenesisAccount } from './genesis.ts';
import type { NodeOptions } from './main.ts';

export interface AkashOptions {
  /** Folder of the chain; made if it is missing, continued if it holds one. */
  readonly dataDir: string;
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** Time between blocks, 1000 by default. */
  readonly blockTimeMs?: number;
  /** Blocks only when `client.mine` asks. */
  readonly onDemand?: boolean;
  readonly chainId?: string;
  /** Accounts at genesis besides the development wallet. */
  readonly genesis?: readonly GenesisAccount[];
}

export interface RunningAkash {
  readonly rpcUrl: string;
  readonly pid: number;
  readonly client: AkashDevnet;
  /** Ends it in an orderly way. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
}

/** Starts a development chain in a process of its own, which ends with this one. Resolves once it answers. */
export async function startAkash(options: AkashOptions): Promise<RunningAkash> {
  const { dataDir, port = 0, blockTimeMs = 1000, onDemand = false, chainId = DEFAULT_CHAIN_ID, genesis = [] } = options;
  const node: NodeOptions = {
    dataDir,
    port,
    blockTimeMs: onDemand ? null : blockTimeMs,
    genesis: { chainId, time: new Date().toISOString(), accounts: [...DEFAULT_ACCOUNTS, ...genesis] },
  };
  const file = import.meta.filename;
  const main = join(dirname(file), `main${extname(file)}`);
  // A group of its own: a Ctrl-C in the terminal must not end it before the service has drained.
  const child = spawn(process.execPath, [main, JSON.stringify(node)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const rpcUrl = await readyUrl(child);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  return {
    rpcUrl,
    pid: child.pid ?? 0,
    client: new AkashDevnet(rpcUrl),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the Akash development chain ended (${code}): ${complaint.trim()}`)));
    if (!child.stdout) throw new Error('the Akash development chain has no output');
    createInterface(child.stdout).once('line', (line) => resolve(JSON.parse(line).rpcUrl));
  });
}
