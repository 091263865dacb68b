import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asOwner } from '../support/database.ts';
import { journalOf, openLedger, type TestLedger, transfer } from '../support/ledger.ts';

let books: TestLedger;
let partitions: string[];
beforeAll(async () => {
  books = await openLedger();
  await books.post(journalOf([transfer('external:w', 'suspense:d', 7)]));
  await books.ledger.seal();
  await asOwner(books.test.ownerUrl, (client) => client.query('SELECT ledger_create_partitions(15)'));
  const { rows } = await books.database.pool.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits
     WHERE inhparent IN ('journals'::regclass, 'transfers'::regclass) AND inhrelid::regclass::text NOT LIKE '%idx%'
     ORDER BY 1`,
  );
  partitions = rows.map(({ name }) => name);
});
afterAll(() => books.close());

const COLUMN = { journals: 'cause', transfers: 'units', journal_keys: 'journal_id', seals: 'hash', accounts: 'ref' };
const columnOf = (table: string): string =>
  Object.entries(COLUMN).find(([name]) => table.startsWith(name))?.[1] ?? 'missing';
const changes = (table: string): string[] => [
  `UPDATE ${table} SET ${columnOf(table)} = ${columnOf(table)}`,
  `DELETE FROM ${table}`,
  `TRUNCATE ${table}`,
];
const attempt = (statement: string) => books.database.pool.query(statement).then(() => 'done', String);

test('there is a partition for each month from this one on', () => {
  expect(partitions).toHaveLength(32);
});

describe('the application', () => {
  test('may not change, add or remove a row anywhere, in the tables of later months either', async () => {
    for (const table of [...Object.keys(COLUMN), ...partitions]) {
      for (const statement of [...changes(table), `INSERT INTO ${table} DEFAULT VALUES`]) {
        expect([statement, await attempt(statement)]).toEqual([
          statement,
          expect.stringContaining('permission denied'),
        ]);
      }
    }
  });

  test.each([
    `UPDATE accounts SET balance = balance + 1`,
    `UPDATE sealer SET sealed_id = 0`,
    `DELETE FROM sealer`,
    `SELECT nextval('journal_ids')`,
    `SELECT setval('journal_ids', 1)`,
    `SELECT ledger_freeze('accounts')`,
    `SELECT ledger_expect_same('k', '{}')`,
    `ALTER TABLE transfers DISABLE TRIGGER ALL`,
    `DROP TRIGGER refuse_change ON transfers`,
    `DROP TABLE journals`,
    `ALTER TABLE accounts DROP CONSTRAINT account_below_zero`,
    `CREATE TABLE mine (id integer)`,
    `CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'`,
    `SET session_replication_role = replica`,
    `SET ROLE lockstep_owner`,
    `COPY transfers FROM STDIN`,
  ])('may not %s', async (statement) => {
    expect(await attempt(statement)).toMatch(/permission denied|must be owner/);
  });

  test('may not drop a month', async () => {
    for (const name of partitions) expect(await attempt(`DROP TABLE ${name}`)).toContain('must be owner');
  });

  test('may read and post', async () => {
    for (const table of [...Object.keys(COLUMN), ...partitions]) {
      expect([table, await attempt(`SELECT count(*) FROM ${table}`)]).toEqual([table, 'done']);
    }
    await books.post(journalOf([transfer('suspense:d', 'desk:main', 1)]));
    expect(await books.balance('suspense:d')).toBe(6n);
  });
});

test('the owner is stopped by a trigger on every table and partition', async () => {
  await asOwner(books.test.ownerUrl, async (client) => {
    for (const table of [...Object.keys(COLUMN), ...partitions]) {
      for (const statement of changes(table)) {
        const outcome = await client.query(statement).then(() => 'done', String);
        expect([statement, outcome]).toEqual([statement, expect.stringContaining('the ledger only grows')]);
      }
    }
  });
});

test('making partitions again makes none, and a gap of months is filled', async () => {
  expect(await books.ledger.createPartitions()).toBe(0);
  const { rows } = await books.database.pool.query<{ made: number }>('SELECT ledger_create_partitions(17) AS made');
  expect(rows[0]?.made).toBe(4);
});
