// Debian's Redis and PostgreSQL as ordinary processes on free ports, with their data in a folder of the caller's.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';

const started = [];

/** Starts a process whose output is kept; it is killed at `endAll` unless it has ended by then. */
export function start(name, command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const running = { name, child, output: '', ended: once(child, 'close').then(([code, signal]) => code ?? signal) };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (running.output += part));
  started.push(running);
  return running;
}

/** Ends everything that still runs, the newest first; with `show`, prints what each of them said. */
export async function endAll(show = false) {
  for (const { name, child, output, ended } of started.reverse()) {
    if (show) process.stdout.write(`--- ${name}\n${output.slice(-8000)}\n`);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  }
}

/**
 * Waits until `probe` gives something other than undefined or false; errors of it count as not yet.
 * @throws Error after that many seconds, or at once when a process started here has failed
 */
export async function until(what, seconds, probe) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    const dead = started.find(({ child }) => (child.exitCode ?? 0) !== 0);
    if (dead !== undefined) throw new Error(`${dead.name} ended while waiting for ${what}`, { cause: last });
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const listening = (port) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined)).once('error', reject);
  });

/** @returns its URL */
export async function startRedis() {
  const port = await freePort();
  start('redis', 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']);
  await until('Redis', 30, () => listening(port));
  return `redis://127.0.0.1:${port}`;
}

/** The newest PostgreSQL of Debian, as its `postgres` user. @returns the owner's URL of an empty database */
export async function startPostgres(folder) {
  const bin = join('/usr/lib/postgresql', newest(readdirSync('/usr/lib/postgresql')), 'bin');
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })));
  mkdirSync(folder);
  chownSync(folder, uid, gid);
  const as = { uid, gid, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } };
  const password = crypto.randomUUID();
  const passwordFile = join(folder, 'owner-password');
  writeFileSync(passwordFile, password);
  chownSync(passwordFile, uid, gid);
  const cluster = join(folder, 'cluster');
  const access = ['-U', 'lockstep_owner', '--pwfile', passwordFile, '-A', 'scram-sha-256'];
  execFileSync(join(bin, 'initdb'), ['-D', cluster, '-E', 'UTF8', '--locale=C', ...access], { ...as, stdio: 'pipe' });
  const port = await freePort();
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  start('postgres', join(bin, 'postgres'), ['-D', cluster, '-p', String(port), ...settings], as);
  const url = `postgresql://lockstep_owner:${password}@127.0.0.1:${port}`;
  await until('PostgreSQL', 60, () => query(`${url}/postgres`, 'SELECT 1'));
  query(`${url}/postgres`, 'CREATE DATABASE lockstep');
  return `${url}/lockstep`;
}

const newest = (versions) => versions.sort((a, b) => Number(b) - Number(a))[0];

/** One statement by psql; its rows as text. */
export function query(url, sql) {
  return execFileSync('psql', ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-c', sql, url], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}
