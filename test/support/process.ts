import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface RunningProcess {
  /** Everything printed so far. */
  readonly out: () => string;
  readonly err: () => string;
  kill(signal: NodeJS.Signals): void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** A compiled entry of the service (`main`, `worker`, `admin`) as a process of its own, with only this environment. */
export function startProcess(
  entry: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): RunningProcess {
  const child = spawn(process.execPath, [`dist/src/${entry}.js`, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (part: Buffer) => {
    printed.out += part;
  });
  child.stderr.on('data', (part: Buffer) => {
    printed.err += part;
  });
  return {
    out: () => printed.out,
    err: () => printed.err,
    kill: (signal) => void child.kill(signal),
    ended: once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? null),
  };
}
