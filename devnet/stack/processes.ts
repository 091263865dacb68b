import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A process of the service. */
export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<number | string>;
  /** Lets it drain, and waits for its end. */
  stop(): Promise<void>;
}

/** A compiled file of the service. */
const entry = (name: string): string => fileURLToPath(new URL(`../../src/${name}.js`, import.meta.url));

/** What a child needs of this process's own environment. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];

function environment(settings: Readonly<Record<string, string>>): Record<string, string> {
  const own = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? '']]));
  return { ...Object.fromEntries(own), ...settings };
}

/** Longest wait for a drain. */
const DRAIN_MS = 20_000;

/** Starts `main` or `worker` in a process group of its own, with its output in `logs/`. */
export function startService(name: string, folder: string, settings: Readonly<Record<string, string>>): ServiceProcess {
  const log = openSync(join(folder, 'logs', `${name}.log`), 'a', 0o600);
  // The folder as an argument says whose process it is, should it outlive this one.
  const child = spawn(process.execPath, [entry(name), folder], {
    detached: true,
    env: environment(settings),
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'gone')),
  );
  return { name, pid: child.pid ?? 0, ended, stop: () => end(child, ended) };
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
  await ended;
  clearTimeout(force);
}

/** Runs a command of the service to its end and gives what it printed. @throws Error with the last line of its complaint. */
export function runService(
  name: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [entry(name), ...args], { env: environment(settings) }, (error, out, complaint) => {
      if (error === null) resolve(out);
      else reject(new Error(complaint.trim().split('\n').at(-1) || error.message));
    });
  });
}

/** The last complaint in a log, for the one line that says why a process ended. */
export function lastLine(folder: string, name: string): string {
  const lines = readFileSync(join(folder, 'logs', `${name}.log`), 'utf8')
    .trim()
    .split('\n');
  return lines.findLast((line) => line.startsWith('lockstep:') || line.startsWith('worker:')) ?? lines.at(-1) ?? '';
}
