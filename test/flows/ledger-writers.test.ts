import { afterAll, beforeAll, expect, test } from 'vitest';
import { journalOf, openLedger, type TestLedger, transfer } from '../support/ledger.ts';

let books: TestLedger;
beforeAll(async () => {
  books = await openLedger();
});
afterAll(() => books.close());

const WRITERS = 32;
const deadlocks = async (): Promise<string> => {
  const { rows } = await books.database.pool.query<{ deadlocks: string }>(
    'SELECT pg_stat_get_db_deadlocks(oid)::text AS deadlocks FROM pg_database WHERE datname = current_database()',
  );
  return rows[0]?.deadlocks ?? '';
};

/** Runs `work` on connections of the driver itself, so that nothing is retried behind our back. */
const together = (work: (writer: number, client: Parameters<typeof books.ledger.postBatch>[0]) => Promise<void>) =>
  Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const client = await books.database.pool.connect();
      try {
        await work(writer, client);
      } finally {
        client.release();
      }
    }),
  );

test('32 writers on the same accounts, met in every order, never deadlock', async () => {
  const names = Array.from({ length: 12 }, (_, n) => `external:hot${n}`);
  const pair = (n: number) => [names[n % 12] ?? '', names[(n * 5 + 1) % 12] ?? ''] as const;
  await together(async (writer, client) => {
    for (let round = 0; round < 12; round += 1) {
      const batch = Array.from({ length: 10 }, (_, n) => {
        const [from, to] = pair(writer * 7 + round * 3 + n);
        return journalOf([from === to ? transfer(from, 'desk:x', 1) : transfer(from, to, 1)]);
      });
      await books.ledger.postBatch(client, writer % 2 === 0 ? batch : batch.reverse());
    }
  });
  expect(await deadlocks()).toBe('0');
  expect(await books.faults()).toEqual([]);
});

test('nor do they while all create the same accounts', async () => {
  await together(async (writer, client) => {
    for (let round = 0; round < 20; round += 1) {
      const names = Array.from({ length: 6 }, (_, n) => `external:new${round}.${n}`);
      const batch = names.map((name, n) => journalOf([transfer(name, `escrow:hot${n}`, 1)]));
      await books.ledger.postBatch(client, writer % 2 === 0 ? batch : batch.reverse());
    }
  });
  expect(await deadlocks()).toBe('0');
  expect(await books.balance('escrow:hot0')).toBe(BigInt(WRITERS * 20));
  expect(await books.faults()).toEqual([]);
});

test('32 writers with one key post it once', async () => {
  const journal = journalOf([transfer('external:race', 'suspense:race', 5)]);
  let posted = 0;
  await together(async (_, client) => {
    const [outcome] = await books.ledger.postBatch(client, [journal]);
    if (outcome?.posted === true) posted += 1;
  });
  expect(posted).toBe(1);
  expect(await books.balance('suspense:race')).toBe(5n);
});

test('an escrow of 10 pays 10 of 32', async () => {
  await books.post(journalOf([transfer('external:few', 'escrow:few', 10)]));
  let refused = 0;
  await together(async (_, client) => {
    await books.ledger.postBatch(client, [journalOf([transfer('escrow:few', 'payable:few', 1)])]).catch(() => {
      refused += 1;
    });
  });
  expect([refused, await books.balance('escrow:few'), await books.balance('payable:few')]).toEqual([22, 0n, 10n]);
});
