import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT_KINDS, mayGoNegative } from '../../src/ledger/account.ts';
import type { Journal, Transfer } from '../../src/ledger/transfer.ts';
import { Refusal } from '../../src/platform/refusal.ts';
import { journalOf, openLedger, type TestLedger, transfer } from '../support/ledger.ts';

let books: TestLedger;
beforeAll(async () => {
  books = await openLedger();
});
afterAll(() => books.close());

const refusal = (error: unknown): Refusal => {
  if (!(error instanceof Refusal)) throw error;
  return error;
};

describe('one key, one journal', () => {
  test('posting again gives the earlier journal', async () => {
    const journal = journalOf([transfer('external:once', 'suspense:once', 7)], { tenantId: 'ten_1' });
    const [first] = await books.post(journal);
    expect(first).toMatchObject({ posted: true });
    const again = { ...journal, effectiveAt: new Date('2027-01-01T00:00:00Z'), ruleVersion: 'next' };
    expect(await books.post(again, journal)).toEqual([
      { journalId: first?.journalId, posted: false },
      { journalId: first?.journalId, posted: false },
    ]);
    expect(await books.balance('suspense:once')).toBe(7n);
  });

  test('also within a batch, beside new ones', async () => {
    const journal = journalOf([transfer('external:twice', 'suspense:twice', 7)]);
    const other = journalOf([transfer('suspense:twice', 'desk:twice', 3)]);
    const posted = await books.post(journal, other, journal);
    expect(posted.map((one) => one.posted)).toEqual([true, true, false]);
    expect(posted[2]?.journalId).toBe(posted[0]?.journalId);
    expect(await books.balance('suspense:twice')).toBe(4n);
    expect(await books.balance('desk:twice')).toBe(3n);
  });

  test('on another shard of a busy account', async () => {
    const journal = journalOf([transfer('desk:shard', 'escrow:shard', 7)]);
    for (let n = 0; n < 9; n += 1) await books.post(journal);
    expect(await books.balance('desk:shard')).toBe(-7n);
  });

  const first = [transfer('external:other', 'suspense:other', 7)];
  test.each<[string, Partial<Journal>]>([
    ['units', { transfers: [transfer('external:other', 'suspense:other', 8)] }],
    ['account', { transfers: [transfer('external:other', 'suspense:another', 7)] }],
    ['asset', { transfers: [transfer('external:other', 'suspense:other', 7, 'BTC')] }],
    ['number of transfers', { transfers: [...first, ...first] }],
    ['tenant', { tenantId: 'ten_2' }],
    ['kind', { kind: 'else' }],
    [
      'transaction',
      { transfers: [{ ...transfer('external:other', 'suspense:other', 7), place: { height: 1, txId: 'x' } }] },
    ],
  ])('with another %s it is refused', async (_, other) => {
    const journal = journalOf(first, { key: 'other' });
    await books.post(journal);
    await expect(books.post({ ...journal, ...other })).rejects.toThrow('posted before with other content');
    expect(await books.balance('suspense:other')).toBe(7n);
  });
});

describe('below zero', () => {
  test('the refusal names the account, and nothing of the batch is posted', async () => {
    await books.post(journalOf([transfer('external:low', 'escrow:low', 5)]));
    const batch = [
      journalOf([transfer('external:low', 'escrow:low', 1)]),
      journalOf([transfer('escrow:low', 'payable:low', 7)]),
    ];
    const error = refusal(await books.post(...batch).catch((caught: unknown) => caught));
    expect([error.code, error.detail.expected]).toEqual([
      'conflict',
      'every account at or above zero: escrow:low has 6 AKT and cannot give 7',
    ]);
    expect([await books.balance('escrow:low'), await books.balance('payable:low')]).toEqual([5n, 0n]);
  });

  test('the same through the driver, without Prisma', async () => {
    const client = await books.database.pool.connect();
    try {
      const wrong = books.ledger.postBatch(client, [journalOf([transfer('payout:none', 'external:low', 1)])]);
      expect(refusal(await wrong.catch((caught: unknown) => caught)).detail.expected).toContain(
        'payout:none has 0 AKT',
      );
      const [right] = await books.ledger.postBatch(client, [journalOf([transfer('external:low', 'payout:none', 1)])]);
      expect(right?.posted).toBe(true);
    } finally {
      client.release();
    }
  });

  test('the order within a journal counts', async () => {
    const [into, out] = [transfer('external:order', 'swap:order', 3), transfer('swap:order', 'desk:order', 3)];
    await expect(books.post(journalOf([out, into]))).rejects.toThrow(Refusal);
    await books.post(journalOf([into, out]));
    expect(await books.balance('swap:order')).toBe(0n);
  });

  test('the database refuses it too, by the same table of kinds', async () => {
    const { rows } = await books.database.pool.query<{ name: string; may: boolean; role: string }>(
      `SELECT kind || ':' || ref AS name, may_go_negative AS may, role FROM accounts`,
    );
    const names = Object.keys(ACCOUNT_KINDS).flatMap((kind) => [`${kind}:float`, `${kind}:main`]);
    await books.post(...names.map((name) => journalOf([transfer('external:kinds', name, 1, 'KINDS')])));
    const all = await books.database.pool.query<{ name: string; may: boolean; role: string; kind: string }>(
      `SELECT kind || ':' || ref AS name, may_go_negative AS may, role, kind FROM accounts WHERE asset = 'KINDS'`,
    );
    expect(all.rows.length).toBeGreaterThan(names.length);
    expect(rows.length).toBeGreaterThan(0);
    for (const { name, may, role, kind } of all.rows) {
      expect([name, may]).toEqual([name, mayGoNegative(name)]);
      expect([name, role]).toEqual([name, Object.entries(ACCOUNT_KINDS).find(([known]) => known === kind)?.[1].role]);
    }
  });
});

test('amounts of 78 digits stay exact', async () => {
  const most = 10n ** 78n - 1n;
  await books.post(journalOf([transfer('external:wide', 'escrow:wide', most)]));
  await books.post(journalOf([transfer('escrow:wide', 'payable:wide', most - 1n)]));
  expect(await books.balance('escrow:wide')).toBe(1n);
  expect(await books.balance('external:wide')).toBe(-most);
});

test('any journals, in any batches, with keys repeated, give what posting them one by one gives', async () => {
  const model = new Model();
  const name = fc.constantFrom('external:m', 'desk:m', 'escrow:m', 'payable:m', 'swap:m', 'equity:float', 'revenue:m');
  const move = fc
    .record({ from: name, to: name, asset: fc.constantFrom('A', 'B'), units: fc.bigInt({ min: 1n, max: 40n }) })
    .filter(({ from, to }) => from !== to);
  const entry = fc.record({ key: fc.nat(400), transfers: fc.array(move, { minLength: 1, maxLength: 4 }) });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 12 }), async (entries) => {
      run += 1;
      // Within a run a repeated key repeats the whole journal; across runs every tenth key does.
      const batch = entries.map(({ key, transfers }) => model.known(key, run, transfers));
      const expected = model.post(batch);
      const actual = await books.post(...batch).catch((caught: unknown) => refusal(caught).code);
      if (expected === null) expect(actual).toBe('conflict');
      else expect(Array.isArray(actual) && actual.map(({ posted }) => posted)).toEqual(expected);
      for (const asset of ['A', 'B']) {
        for (const account of ['external:m', 'escrow:m', 'equity:float', 'desk:m']) {
          expect(await books.balance(account, asset)).toBe(model.balance(account, asset));
        }
      }
    }),
    { numRuns: 150 },
  );
  const kept = (await books.ledger.balances(books.database.prisma)).filter(
    ({ asset }) => asset === 'A' || asset === 'B',
  );
  expect(new Map(kept.map(({ account, asset, units }) => [`${account} ${asset}`, units]))).toEqual(model.nonZero());
  expect(await books.faults()).toEqual([]);
});

/** The ledger in a few lines: balances in a map, journals one after another. */
class Model {
  private balances = new Map<string, bigint>();
  private readonly journals = new Map<string, Journal>();
  private readonly posted = new Set<string>();

  known(number: number, run: number, transfers: readonly Transfer[]): Journal {
    const key = number % 10 === 0 ? `model:${number}` : `model:${number}:${run}`;
    const journal = this.journals.get(key) ?? journalOf(transfers, { key });
    this.journals.set(key, journal);
    return journal;
  }

  balance = (account: string, asset: string): bigint => this.balances.get(`${account} ${asset}`) ?? 0n;

  nonZero = (): Map<string, bigint> => new Map([...this.balances].filter(([, units]) => units !== 0n));

  /** Which were posted, or null if the batch is refused. */
  post(batch: readonly Journal[]): boolean[] | null {
    const before = new Map(this.balances);
    const fresh: boolean[] = [];
    const keys: string[] = [];
    for (const { key, transfers } of batch) {
      fresh.push(!this.posted.has(key) && !keys.includes(key));
      if (fresh.at(-1) !== true) continue;
      keys.push(key);
      for (const { from, to, asset, units } of transfers) {
        this.balances.set(`${from} ${asset}`, this.balance(from, asset) - units);
        this.balances.set(`${to} ${asset}`, this.balance(to, asset) + units);
        if (this.balance(from, asset) < 0n && !mayGoNegative(from)) {
          this.balances = before;
          return null;
        }
      }
    }
    for (const key of keys) this.posted.add(key);
    return fresh;
  }
}
