import { afterAll, beforeAll, expect, test } from 'vitest';
import { behindTriggers, journalOf, openLedger, type TestLedger, transfer } from '../support/ledger.ts';
import { startProcess } from '../support/process.ts';

let books: TestLedger;
beforeAll(async () => {
  books = await openLedger();
});
afterAll(() => books.close());

async function verify() {
  const process = startProcess('verify', { DATABASE_URL: books.test.appUrl });
  return { code: await process.ended, out: process.out() };
}

test('the verifier prints the head, and what was changed behind its back', async () => {
  await books.post(journalOf([transfer('external:w', 'suspense:d', 5)]));
  await books.sealUpTo(1);
  const { hash } = await books.ledger.head();
  expect(await verify()).toEqual({
    code: 0,
    out: `head 1 ${hash}\nsealed 1, not yet sealed 0\nthe books are whole\n`,
  });
  await behindTriggers(books.test, 'UPDATE transfers SET units = 4');
  const { code, out } = await verify();
  expect(code).toBe(1);
  expect(out).toContain('fault: each seal is the hash of its journal: seal 1, journal 1\n');
  expect(out).toContain('fault: a balance is the sum of its transfers: suspense:d AKT: 5, transfers 4\n');
});
