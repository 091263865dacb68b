// Runs a command with REDIS_URL naming a Redis of its own. Usage: node scripts/ci/with-redis.mjs <command> [arguments]
import { spawnSync } from 'node:child_process';
import { endAll, startRedis } from './services.mjs';

const [command, ...args] = process.argv.slice(2);
const env = { ...process.env, REDIS_URL: await startRedis() };
const { status } = spawnSync(command, args, { stdio: 'inherit', env });
await endAll();
process.exitCode = status ?? 1;
