import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The arrows: a room imports only rooms before it. */
const ROOMS = [
  ...['money', 'platform', 'access', 'adapters', 'ledger', 'markets', 'wallets', 'payees', 'risk', 'routing'],
  ...['quotes', 'deposits', 'escrow', 'swaps', 'payouts', 'webhooks', 'jobs', 'operations'],
];
/** Files beside the rooms, after all of them. */
const ENTRIES = ['main.ts', 'worker.ts', 'app.module.ts', 'worker.module.ts', 'admin.ts', 'migrate.ts', 'verify.ts'];

/** Libraries of one vendor or chain family: for drivers alone. */
const VENDOR_LIBRARIES = [
  ...['ethers', 'bitcoinjs-lib', 'bip32', '@bitcoinerlab/', '@cosmjs/', 'cosmjs-types', '@uniswap/', 'bcoin', 'hsd'],
];

/** What each suffix touches. A file without a suffix touches nothing: no database, queue, file or socket. */
const SUFFIXES = ['service', 'controller', 'job', 'module', 'guard', 'interceptor', 'filter', 'pipe'];
const OUTSIDE = /^(pg|bullmq|@nestjs\/bullmq|ioredis|node:(fs|net|http|https|child_process|dgram|tls)(\/.*)?)$/;

interface Import {
  readonly from: string;
  /** Path from the repository's root, or the package's name. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const sourcesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => /\.(ts|mjs|sol|sql)$/.test(name) && !name.startsWith('src/platform/prisma'));

const text = (file: string): string => readFileSync(file, 'utf8');
const IMPORT = /^\s*(?:import|export)\s+(type\s+)?([^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;

function importsOf(file: string): Import[] {
  return [...text(file).matchAll(IMPORT)].map(([, type, names = '', plain, dynamic = '']) => {
    const target = plain ?? dynamic;
    const listed =
      /\{([\s\S]*)\}/
        .exec(names)?.[1]
        ?.split(',')
        .map((name) => name.trim()) ?? [];
    const allTypes = listed.length > 0 && listed.every((name) => name === '' || name.startsWith('type '));
    return {
      from: file,
      to: target.startsWith('.') ? normalize(join(dirname(file), target)) : target,
      typeOnly: type !== undefined || allTypes,
    };
  });
}

const SRC = sourcesIn('src').filter((file) => file.endsWith('.ts'));
const IMPORTS = SRC.flatMap(importsOf);
const roomOf = (file: string): string | undefined => /^src\/([^/]+)\//.exec(file)?.[1];
const isDriver = (file: string): boolean => /^src\/adapters\/(chains|venues|prices)\/(?!index\.ts)/.test(file);
const isVendor = (name: string): boolean =>
  VENDOR_LIBRARIES.some((library) =>
    library.endsWith('/') ? name.startsWith(library) : new RegExp(`^${library}(/|$)`).test(name),
  );
const show = ({ from, to }: Import): string => `${from} imports ${to}`;

describe('the house', () => {
  test('has only rooms that are on the line, and known entries', () => {
    const entries = readdirSync('src', { withFileTypes: true });
    const rooms = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    expect(rooms.filter((room) => !ROOMS.includes(room))).toEqual([]);
    expect(files.filter((file) => !ENTRIES.includes(file))).toEqual([]);
  });

  test('imports go to the left only', () => {
    const wrong = IMPORTS.filter(({ from, to }) => {
      const [here, there] = [roomOf(from), roomOf(to)];
      if (!to.startsWith('src/') || here === undefined) return false;
      return there === undefined || ROOMS.indexOf(there) > ROOMS.indexOf(here);
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test('drivers import money, platform, their port, their own files and libraries; nobody else sees a driver', () => {
    const wrong = IMPORTS.filter(({ from, to }) => {
      if (isDriver(from)) {
        const family = from.split('/')[2];
        const own = to.startsWith(`src/adapters/${family}/`) || /^src\/adapters\/[a-z-]+\.ts$/.test(to);
        return to.startsWith('src/') && !own && !['money', 'platform'].includes(roomOf(to) ?? '');
      }
      return isDriver(to) && !/^src\/adapters\/(chains|venues|prices)\/index\.ts$/.test(from);
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test('the ports know no driver', () => {
    const ports = IMPORTS.filter(
      ({ from }) => /^src\/adapters\/[a-z-]+\.ts$/.test(from) && !from.endsWith('.module.ts'),
    );
    expect(ports.filter(({ to }) => to.startsWith('src/adapters/') && to.split('/').length > 3).map(show)).toEqual([]);
  });

  test('vendor libraries appear in drivers only', () => {
    expect(IMPORTS.filter(({ from, to }) => isVendor(to) && !isDriver(from)).map(show)).toEqual([]);
  });

  test('src imports neither devnet nor test, and devnet imports money alone', () => {
    expect(IMPORTS.filter(({ to }) => /^(devnet|test)\//.test(to)).map(show)).toEqual([]);
    const devnet = sourcesIn('devnet')
      .filter((file) => file.endsWith('.ts'))
      .flatMap(importsOf);
    expect(devnet.filter(({ to }) => to.startsWith('src/') && roomOf(to) !== 'money').map(show)).toEqual([]);
    expect(devnet.filter(({ to }) => to.startsWith('test/')).map(show)).toEqual([]);
  });

  test('the queue wakes, PostgreSQL decides: only jobs, wiring and entries know BullMQ', () => {
    const wrong = IMPORTS.filter(
      ({ from, to, typeOnly }) =>
        /^(bullmq|@nestjs\/bullmq|ioredis)$/.test(to) &&
        !typeOnly &&
        roomOf(from) !== 'jobs' &&
        roomOf(from) !== 'platform' &&
        roomOf(from) !== undefined,
    );
    expect(wrong.map(show)).toEqual([]);
  });
});

describe('a file', () => {
  const suffixOf = (file: string): string | undefined => /\.([a-z]+)\.ts$/.exec(basename(file))?.[1];

  test('has a known suffix or none', () => {
    const odd = SRC.filter((file) => suffixOf(file) !== undefined && !SUFFIXES.includes(suffixOf(file) ?? ''));
    expect(odd).toEqual([]);
  });

  test('without a suffix is pure: it touches no database, queue, file or socket', () => {
    const pure = (file: string) =>
      suffixOf(file) === undefined && !['platform', 'adapters', undefined].includes(roomOf(file));
    const wrong = IMPORTS.filter(
      ({ from, to, typeOnly }) => pure(from) && !typeOnly && (OUTSIDE.test(to) || to === 'src/platform/database.ts'),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('with routes or a queue says so in its name', () => {
    const wrong = SRC.filter((file) => {
      const source = text(file);
      return (
        (/^@Controller\(/m.test(source) && suffixOf(file) !== 'controller') ||
        (/^@Processor\(/m.test(source) && suffixOf(file) !== 'job') ||
        (/^@Module\(/m.test(source) && suffixOf(file) !== 'module')
      );
    });
    expect(wrong).toEqual([]);
  });

  test('has at most 400 lines', () => {
    const folders = ['src', 'devnet', 'test', 'contracts/src', 'prisma/migrations', 'scripts'];
    const long = folders.flatMap(sourcesIn).filter((file) => text(file).split('\n').length > 401);
    expect(long).toEqual([]);
  });
});

describe('the words', () => {
  const files = ['src', 'devnet', 'test'].flatMap(sourcesIn).filter((file) => file !== 'test/architecture.test.ts');

  test('no file is named after nothing', () => {
    const vague = /(^|[.-])(utils?|helpers?|managers?|misc|common|shared)([.-]|$)/;
    expect(files.filter((file) => vague.test(basename(file)))).toEqual([]);
  });

  test('nor is anything in it', () => {
    const vague = /\b(?:class|function|const|interface|type)\s+(\w*(?:Util|Helper|Manager)s?|handle[A-Z]\w*)\b/g;
    expect(files.flatMap((file) => [...text(file).matchAll(vague)].map(([found]) => `${file}: ${found}`))).toEqual([]);
  });

  test('no escape from the types, nothing unfinished', () => {
    const banned = /\bas any\b|as unknown as|@ts-(ignore|expect-error|nocheck)|\b(TODO|FIXME|XXX|HACK)\b/g;
    const code = files.filter((file) => file.endsWith('.ts'));
    expect(code.flatMap((file) => [...text(file).matchAll(banned)].map(([found]) => `${file}: ${found}`))).toEqual([]);
  });

  test('injected classes are not imported as types', () => {
    const wrong = SRC.flatMap((file) => {
      const source = text(file);
      if (!/^@(Injectable|Controller|Processor|Catch)\(/m.test(source)) return [];
      const typed = importsOf(file).filter(({ typeOnly, to }) => typeOnly && /\.(service|guard)\.ts$/.test(to));
      return typed.filter(({ to }) => injects(source, to)).map(show);
    });
    expect(wrong).toEqual([]);
  });
});

/** Whether a constructor parameter has a class of that file as its type. */
function injects(source: string, file: string): boolean {
  const classes = [...text(file).matchAll(/export class (\w+)/g)].map(([, name]) => name);
  return classes.some((name) => new RegExp(`(private|protected|public) readonly \\w+: ${name}\\b`).test(source));
}
