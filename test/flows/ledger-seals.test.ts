import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { behindTriggers, journalOf, openLedger, type TestLedger, transfer } from '../support/ledger.ts';

let books: TestLedger;
const held = new Set<pg.PoolClient>();
beforeEach(async () => {
  books = await openLedger();
});
afterEach(async () => {
  for (const client of held) client.release(true);
  held.clear();
  await books.close();
});

/** A transaction that has its number. */
async function opened(): Promise<pg.PoolClient> {
  const client = await books.database.pool.connect();
  held.add(client);
  await client.query('BEGIN');
  await client.query('SELECT pg_current_xact_id()');
  return client;
}

async function end(client: pg.PoolClient, how: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): Promise<void> {
  await client.query(how);
  held.delete(client);
  client.release();
}

const sealedIds = async (): Promise<string[]> => {
  const { rows } = await books.database.pool.query<{ id: string }>(
    'SELECT journal_id::text AS id FROM seals ORDER BY seq',
  );
  return rows.map(({ id }) => id);
};

const one = async (client: pg.ClientBase, from: string, to: string, units = 1): Promise<string> => {
  const [posted] = await books.ledger.postBatch(client, [journalOf([transfer(from, to, units)])]);
  return String(posted?.journalId);
};

describe('while commits overlap', () => {
  test('nothing is sealed past a transaction that is still open, and nothing is left out', async () => {
    const late = await opened();
    const lateId = await one(late, 'external:late', 'suspense:late');
    const quick = [];
    for (let n = 0; n < 5; n += 1) quick.push(await books.post(journalOf([transfer('external:q', 'suspense:q', 1)])));
    await books.ledger.seal();
    expect(await sealedIds()).toEqual([]);
    await end(late);
    await books.sealUpTo(6);
    expect(await sealedIds()).toEqual([lateId, ...quick.map(([posted]) => String(posted?.journalId))]);
  });

  test('a transaction that rolls back leaves a gap in ids and none in seals', async () => {
    const lost = await opened();
    await one(lost, 'external:lost', 'suspense:lost');
    await end(lost, 'ROLLBACK');
    await books.post(journalOf([transfer('external:kept', 'suspense:kept', 1)]));
    await books.sealUpTo(1);
    await books.post(journalOf([transfer('external:kept', 'suspense:kept', 1)]));
    await books.sealUpTo(2);
    expect((await books.verify()).faults).toEqual([]);
  });

  test('an account keeps its order where transactions were numbered in another', async () => {
    const [early, holder, late] = [await opened(), await opened(), await opened()];
    const first = await one(late, 'external:a', 'suspense:a', 5);
    await end(late);
    const second = await one(early, 'suspense:a', 'desk:main', 5);
    await end(early);
    await books.ledger.seal();
    expect(await sealedIds()).toEqual([]);
    await end(holder);
    await books.sealUpTo(2);
    expect(await sealedIds()).toEqual([first, second]);
    expect(await books.ledger.balanceAsOf(books.database.prisma, 'suspense:a', 'AKT', 1n)).toBe(5n);
  });

  test('many writers and a sealer that never waits for them: every journal once, each account in order', async () => {
    const writing = Array.from({ length: 12 }, async (_, writer) => {
      for (let round = 0; round < 15; round += 1) {
        const client = await opened();
        await one(client, `external:w${(writer + round) % 3}`, 'suspense:all');
        await one(client, 'suspense:all', `desk:w${writer}`);
        await end(client, round % 5 === 4 ? 'ROLLBACK' : 'COMMIT');
      }
    });
    let running = true;
    const sealing = (async () => {
      while (running) await books.ledger.seal(7);
    })();
    await Promise.all(writing);
    running = false;
    await sealing;
    await books.sealUpTo(12 * 12 * 2);
    const verified = await books.verify();
    expect(verified).toMatchObject({ seq: BigInt(12 * 12 * 2), unsealed: 0n, faults: [] });
    const { rows } = await books.database.pool.query<{ n: string }>(
      `SELECT count(*)::text AS n FROM (
         SELECT s.seq, lag(s.seq) OVER (ORDER BY s.journal_id) AS before
         FROM seals s JOIN transfers t USING (journal_id)
         JOIN accounts a ON a.id IN (t.from_account, t.to_account) AND a.kind = 'suspense') AS line
       WHERE before > seq`,
    );
    expect(rows[0]?.n).toBe('0');
  });
});

test('a balance as of any seal is the sum of what was sealed until then', async () => {
  for (const units of [5, 3, 9]) await books.post(journalOf([transfer('desk:main', 'escrow:l', units)]));
  await books.post(journalOf([transfer('escrow:l', 'payable:l', 4), transfer('escrow:l', 'payable:l', 1)]));
  await books.sealUpTo(4);
  const asOf = (account: string) =>
    Promise.all(
      [0n, 1n, 2n, 3n, 4n, 9n].map((seq) => books.ledger.balanceAsOf(books.database.prisma, account, 'AKT', seq)),
    );
  expect(await asOf('escrow:l')).toEqual([0n, 5n, 8n, 17n, 12n, 12n]);
  expect(await asOf('desk:main')).toEqual([0n, -5n, -8n, -17n, -17n, -17n]);
});

test('the head is what the verifier computes from the rows', async () => {
  expect(await books.ledger.head()).toMatchObject({ seq: 0n, hash: '0'.repeat(64) });
  const place = { height: 7, txId: 'é:1,' };
  await books.post(
    journalOf(
      [{ ...transfer('external:w', 'suspense:d', 10n ** 30n), place }, transfer('suspense:d', 'desk:main', 2)],
      {
        ...{ key: 'ключ', kind: 'a,b', cause: '3:x', tenantId: 'ten_1', priceEvidenceId: 'evi_1', ruleVersion: '' },
        effectiveAt: new Date('1969-12-31T23:59:59.999Z'),
      },
    ),
    journalOf([transfer('suspense:d', 'revenue:fee', 1)]),
  );
  await books.sealUpTo(2);
  await books.post(journalOf([transfer('suspense:d', 'revenue:fee', 1)]));
  const { seq, hash } = await books.ledger.head();
  expect(await books.verify()).toEqual({ seq, hash, unsealed: 1n, faults: [] });
  expect(seq).toBe(2n);
});

describe('the verifier sees what was done behind the triggers', () => {
  beforeEach(async () => {
    for (let n = 0; n < 4; n += 1) {
      await books.post(journalOf([transfer('external:w', 'suspense:d', 10 + n), transfer('suspense:d', 'desk:m', 1)]));
    }
    await books.sealUpTo(4);
    expect((await books.verify()).faults).toEqual([]);
  });

  const SEALED = 'each seal is the hash of its journal';
  test.each([
    ['an amount', ['UPDATE transfers SET units = units + 1 WHERE journal_id = 2 AND n = 1'], SEALED],
    ['a time, by a microsecond', [`UPDATE journals SET posted_at = posted_at + interval '1 us' WHERE id = 2`], SEALED],
    ['a cause', [`UPDATE journals SET cause = 'else' WHERE id = 2`], SEALED],
    ['a tenant', [`UPDATE transfers SET tenant_id = 'ten_x' WHERE journal_id = 2`], SEALED],
    ['the name of an account', [`UPDATE accounts SET ref = 'mine' WHERE kind = 'suspense'`], SEALED],
    ['a journal removed', ['DELETE FROM journals WHERE id = 2', 'DELETE FROM transfers WHERE journal_id = 2'], SEALED],
    ['a transfer removed', ['DELETE FROM transfers WHERE journal_id = 2 AND n = 2'], SEALED],
    ['a seal rewritten', [`UPDATE seals SET hash = sha256('x') WHERE seq = 2`], SEALED],
    ['a seal removed', ['DELETE FROM seals WHERE seq = 2'], 'seals have no gap'],
    [
      'a balance',
      [`UPDATE accounts SET balance = balance + 1 WHERE kind = 'desk'`],
      'a balance is the sum of its transfers',
    ],
    ['a key removed', ['DELETE FROM journal_keys WHERE journal_id = 2'], 'every journal has its event key'],
    [
      'a journal slipped in among the sealed',
      [
        'UPDATE sealer SET sealed_id = 4',
        `INSERT INTO journals (id, key_hash, kind, cause, effective_at, posted_at)
         SELECT 0, key_hash, kind, cause, effective_at, posted_at FROM journals WHERE id = 2`,
      ],
      'no journal appears behind the seals',
    ],
  ])('%s', async (_, statements, rule) => {
    await behindTriggers(books.test, ...statements);
    expect((await books.verify()).faults.map((fault) => fault.rule)).toContain(rule);
  });
});
