import { checkInvariants, type Fault, type ReadRows } from '../../src/ledger/invariants.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import type { Journal, Transfer } from '../../src/ledger/transfer.ts';
import { type Verified, verifyLedger } from '../../src/ledger/verify.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { asOwner, createDatabase, type TestDatabase, until } from './database.ts';

export interface TestLedger {
  readonly test: TestDatabase;
  /** As the application runs. */
  readonly database: Database;
  readonly ledger: Ledger;
  /** Posts in a transaction of its own, through Prisma. */
  post(...journals: Journal[]): ReturnType<Ledger['post']>;
  balance(account: string, asset?: string): Promise<bigint>;
  faults(): Promise<Fault[]>;
  verify(): Promise<Verified>;
  /** Seals until `count` journals are; transactions of other tests on the same server hold it up. */
  sealUpTo(count: number): Promise<void>;
  close(): Promise<void>;
}

/** A ledger on a fresh database. */
export async function openLedger(poolSize = 40): Promise<TestLedger> {
  const test = await createDatabase();
  const database = new Database(
    Config.parse({ NODE_ENV: 'test', DATABASE_URL: test.appUrl, DATABASE_POOL_SIZE: String(poolSize) }),
  );
  const ledger = new Ledger(database);
  const read: ReadRows = async (sql, ...values) =>
    (await database.pool.query<Record<string, string | null>>(sql, values)).rows;
  return {
    test,
    database,
    ledger,
    post: (...journals) => database.transaction((tx) => ledger.post(tx, journals)),
    balance: (account, asset = 'AKT') => ledger.balance(database.prisma, account, asset),
    faults: () => checkInvariants(read),
    verify: () => verifyLedger(read),
    async sealUpTo(count) {
      await until(`${count} seals`, async () => {
        await ledger.seal();
        return (await ledger.head()).seq >= BigInt(count);
      });
    },
    async close() {
      await database.onApplicationShutdown();
      await test.drop();
    },
  };
}

/** Runs statements as the owner, behind the triggers of user tables: what an intruder with the owner's password can do. */
export const behindTriggers = (test: TestDatabase, ...statements: string[]): Promise<void> =>
  asOwner(test.ownerUrl, async (client) => {
    await client.query('SET session_replication_role = replica');
    for (const statement of statements) await client.query(statement);
  });

export const transfer = (from: string, to: string, units: bigint | number, asset = 'AKT'): Transfer => ({
  from,
  to,
  asset,
  units: BigInt(units),
});

let journals = 0;

/** A journal with a key of its own unless one is given. */
export const journalOf = (transfers: readonly Transfer[], given: Partial<Journal> = {}): Journal => {
  journals += 1;
  return {
    key: `test:${journals}`,
    kind: 'test',
    cause: 'test',
    effectiveAt: new Date('2026-03-01T12:00:00.123Z'),
    transfers,
    ...given,
  };
};
