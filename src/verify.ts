import pg from 'pg';
import { verifyLedger } from './ledger/verify.ts';

/**
 * `npm run verify`: recomputes the ledger's hash chain from its rows and checks its invariants, in one snapshot of
 * DATABASE_URL. Prints the head, to be compared with one noted earlier or with `GET /v1/ledger/head`; exits 1 with one
 * line a fault if anything does not fit.
 */
async function main(): Promise<void> {
  const { DATABASE_URL: url } = process.env;
  if (!url) throw new Error('DATABASE_URL is needed');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { seq, hash, unsealed, faults } = await verifyLedger(
      async (sql, ...values) => (await client.query<Record<string, string | null>>(sql, values)).rows,
    );
    process.stdout.write(`head ${seq} ${hash}\nsealed ${seq}, not yet sealed ${unsealed}\n`);
    for (const { rule, what } of faults) process.stdout.write(`fault: ${rule}: ${what}\n`);
    if (faults.length > 0) process.exitCode = 1;
    else process.stdout.write('the books are whole\n');
  } finally {
    await client.end();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`verify: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
