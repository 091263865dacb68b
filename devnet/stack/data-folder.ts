import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';

/** What a running local stack says of itself, for people, `npm run pay` and `npm run demo`. */
export interface StackState {
  readonly pid: number;
  readonly url: string;
  /** `DATABASE_URL` for `npm run admin` and `npm run verify` on this stack. */
  readonly databaseUrl: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly rpcUrls: { readonly bitcoin: string; readonly ethereum: string; readonly akash: string };
  readonly pids: Readonly<Record<string, number>>;
}

/** What stays from start to start. */
export interface StackSecrets {
  readonly appPassword: string;
  readonly operatorKey?: string;
  readonly tenantKey?: string;
  readonly demoPlayed?: boolean;
}

/** Ends the program with one line. */
export class StackError extends Error {}

const DRAIN_MS = 15_000;

/** The folder everything local lies in; `LOCKSTEP_DATA_DIR`, or `.data` where the program was started. */
export const dataFolder = (): string => resolve(process.env['LOCKSTEP_DATA_DIR'] ?? '.data');

/** Opens the folder for this process alone, and ends what an earlier stack left running. */
export async function openDataFolder(folder: string): Promise<void> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StackError(`${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
  takeLock(join(folder, 'lock'));
  await endLeftovers(folder);
}

/** Gives the folder back; its state no longer tells of a running stack. */
export function closeDataFolder(folder: string): void {
  rmSync(join(folder, 'stack.json'), { force: true });
  rmSync(join(folder, 'lock'), { force: true });
}

function takeLock(file: string): void {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
    }
    const holder = Number(readFileSync(file, 'utf8'));
    if (holder !== process.pid && commandLine(holder).includes(join('devnet', 'stack', 'start')))
      throw new StackError(`already running here, as process ${holder}`);
    rmSync(file, { force: true });
  }
  throw new StackError('another start is under way here');
}

/** Processes that outlived a stack that was killed: ours by their program, this folder's by their command line. */
async function endLeftovers(folder: string): Promise<void> {
  const recorded = Object.values(readState(folder)?.pids ?? {});
  const mine = (pid: number) =>
    pid !== process.pid &&
    isOurProgram(pid) &&
    commandLine(pid)
      .split(/[\0"= ]/)
      .some((part) => part.startsWith(folder));
  const left = [...new Set([...recorded, ...allPids()])].filter(mine);
  for (const pid of left) signal(pid, 'SIGTERM');
  const deadline = Date.now() + DRAIN_MS;
  while (left.some(mine)) {
    if (Date.now() > deadline) for (const pid of left.filter(mine)) signal(pid, 'SIGKILL');
    await new Promise((done) => setTimeout(done, 50));
  }
}

const allPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Node or anvil; PostgreSQL is ended by its own starter, which knows how. */
function isOurProgram(pid: number): boolean {
  try {
    const program = readlinkSync(`/proc/${pid}/exe`);
    return program === process.execPath || basename(program) === 'anvil';
  } catch {
    return false;
  }
}

/** Arguments of a process, separated by NUL; empty if there is none. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ESRCH') throw error;
  }
}

/** The stack that runs on the folder, or null. */
function readState(folder: string): StackState | null {
  return readJson<StackState>(folder, 'stack.json');
}

/** As `readState`. @throws StackError where none runs. */
export function runningStack(folder: string): StackState {
  const state = readState(folder);
  if (state === null || !commandLine(state.pid).includes(join('devnet', 'stack', 'start')))
    throw new StackError('nothing runs here; start it with `npm start`');
  return state;
}

export function readSecrets(folder: string): StackSecrets | null {
  return readJson<StackSecrets>(folder, 'secrets.json');
}

export const writeState = (folder: string, state: StackState): void => writeJson(folder, 'stack.json', state);
export const writeSecrets = (folder: string, secrets: StackSecrets): void => writeJson(folder, 'secrets.json', secrets);

/** Writes a file of the folder whole or not at all, readable by its owner alone. */
export function writeJson(folder: string, name: string, value: object): void {
  const file = join(folder, name);
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function readJson<T>(folder: string, name: string): T | null {
  const file = join(folder, name);
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    throw new StackError(`${file} is damaged; remove ${folder} to begin anew`);
  }
}
