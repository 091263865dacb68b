import { fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BitcoinDevnet } from './client.ts';

export { BitcoinDevnet } from './client.ts';

export interface BitcoinOptions {
  /** Where the chain is kept; created when missing. */
  readonly dataDir: string;
  /** Port of the JSON-RPC server; a free one by default. */
  readonly rpcPort?: number;
  /** Mines a block every so many milliseconds; by default only on demand. */
  readonly mineIntervalMs?: number;
  /** False: `getrawtransaction` needs the block of a confirmed transaction, as Core without `-txindex`. */
  readonly txIndex?: boolean;
}

export interface BitcoinServer {
  readonly rpcUrl: string;
  readonly pid: number;
  readonly devnet: BitcoinDevnet;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

/**
 * Starts a Bitcoin regtest node as a process of its own and waits until it answers. The first start on a directory
 * mines 450 blocks to the development wallet. It listens on 127.0.0.1 only, has no peers, and ends with this process.
 */
export async function startBitcoin(options: BitcoinOptions): Promise<BitcoinServer> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const entry = fileURLToPath(new URL(`./node${extname(fileURLToPath(import.meta.url))}`, import.meta.url));
  const args = [
    ...['--data-dir', options.dataDir, '--rpc-port', String(options.rpcPort ?? 0)],
    ...['--mine-interval-ms', String(options.mineIntervalMs ?? 0), '--tx-index', String(options.txIndex ?? true)],
  ];
  const child = fork(entry, args, { execArgv: ['--no-deprecation'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port));
    child.once('exit', () => reject(new Error(`the Bitcoin node ended at start: ${output}`)));
  });
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  const rpcUrl = `http://127.0.0.1:${port}`;
  return {
    rpcUrl,
    pid: child.pid ?? 0,
    devnet: new BitcoinDevnet(rpcUrl),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}
