import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { BlockLog } from './block-log.ts';
import { DevChain } from './chain.ts';
import { noFaults } from './faults.ts';
import type { Genesis } from './genesis.ts';
import { rpcServer } from './server.ts';

/** What the starting process passes as the one argument, in JSON. */
export interface NodeOptions {
  readonly dataDir: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Time between blocks; null makes them only when asked to. */
  readonly blockTimeMs: number | null;
  readonly genesis: Genesis;
}

/** One node in a process of its own. Prints its URL once it answers, and ends when its standard input closes. */
function main({ dataDir, port, blockTimeMs, genesis }: NodeOptions): void {
  mkdirSync(dataDir, { recursive: true });
  const chain = new DevChain(new BlockLog(dataDir, genesis));
  const server = rpcServer({ chain, faults: noFaults() });
  const timer = blockTimeMs === null ? undefined : setInterval(() => chain.produce(), blockTimeMs);
  const stop = () => {
    clearInterval(timer);
    server.close(() => process.exit(0));
    server.closeAllConnections();
  };
  process.on('SIGTERM', stop);
  // The parent holds the other end: whatever ends it, this process does not stay behind.
  process.stdin.on('end', stop).on('error', stop).resume();
  server.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  server.listen(port, '127.0.0.1', () => {
    const { port: bound } = server.address() as AddressInfo;
    process.stdout.write(`${JSON.stringify({ rpcUrl: `http://127.0.0.1:${bound}` })}\n`);
  });
}

main(JSON.parse(process.argv[2] ?? ''));
