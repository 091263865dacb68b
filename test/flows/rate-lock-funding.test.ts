import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/platform/id.ts';
import { creditOf, type Lock } from '../../src/quotes/lock.ts';
import { type LockRig, startLocks } from '../support/locks.ts';

let rig: LockRig;
const TENANT = 'ten_funding';

beforeAll(async () => {
  rig = await startLocks();
});
afterAll(async () => {
  await rig.stop();
});

const openFor = async (leaseId: string, seenAt: Date) =>
  rig.database.transaction((tx) => rig.locks.openFor(tx, leaseId, 'BTC', seenAt));
const paid = (lock: Lock, units: bigint) => rig.database.transaction((tx) => rig.locks.recordPaid(tx, lock.id, units));
const exposures = async (lockId: string) => {
  const rows = await rig.rows<{ kind: string; stress: string }>(
    'SELECT kind, stress_usd_micros::text AS stress FROM exposures WHERE lock_id = $1 ORDER BY kind',
    [lockId],
  );
  return Object.fromEntries(rows.map(({ kind, stress }) => [kind, stress]));
};
const later = (at: Date, ms: number) => new Date(at.getTime() + ms);
const advance = async (ms: number) => {
  await rig.db.advanceClock(ms);
  await rig.refresh();
};

test('a lock takes money until fundBy, then shrinks to what was credited and gives its exposure back', async () => {
  const leaseId = newId('lease');
  const lock = await rig.take(TENANT, await rig.quote(TENANT, { stressUsd: 10n }), leaseId);
  expect(lock.fundBy.getTime() - lock.lockedAt.getTime()).toBe(3_600_000);
  expect(lock.confirmBy.getTime() - lock.fundBy.getTime()).toBe(7_200_000);
  expect(await openFor(leaseId, later(lock.lockedAt, -1))).toBeNull();
  expect((await openFor(leaseId, lock.fundBy))?.id).toBe(lock.id);
  expect(await openFor(leaseId, later(lock.fundBy, 1))).toBeNull();

  const half = lock.quotedUnits / 2n;
  await paid(lock, half);
  const held = await exposures(lock.id);
  expect(BigInt(held['window'] ?? 0) + BigInt(held['unhedged'] ?? 0)).toBe(10_000_000n);
  expect(BigInt(held['window'] ?? 0)).toBeGreaterThanOrEqual(5_000_000n);

  await advance(3 * 3_600_000 - 1);
  expect(await rig.locks.closeDue(await rig.clock.now())).toBe(0);
  await advance(1);
  expect(await rig.locks.closeDue(await rig.clock.now())).toBe(1);
  expect(await rig.locks.closeDue(await rig.clock.now())).toBe(0);
  const [closed] = await rig.database.transaction((tx) => rig.locks.ofLease(tx, leaseId));
  expect(closed).toMatchObject({ state: 'closed', sizeUnits: half, paidUnits: half, quotedUnits: lock.quotedUnits });
  expect(await exposures(lock.id)).toEqual({});
  expect(
    await rig.rows('SELECT 1 FROM outbox WHERE type = $1 AND subject = $2', ['lock.closed', lock.id]),
  ).toHaveLength(1);

  // Money that was in time is credited at the lock's rate, however late its credit runs.
  const straggler = await openFor(leaseId, lock.fundBy);
  expect(straggler?.id).toBe(lock.id);
  expect(await paid(lock, lock.quotedUnits - half)).toMatchObject({ sizeUnits: lock.quotedUnits });
});

test('a right to top up is as large as the part of its price that was paid, and lasts until its own time', async () => {
  const leaseId = newId('lease');
  const lock = await rig.take(TENANT, await rig.quote(TENANT, { right: true }), leaseId);
  const right = async () => (await rig.database.transaction((tx) => rig.locks.ofLease(tx, leaseId)))[1];
  expect(await right()).toMatchObject({ kind: 'right', quotedUnits: 100_000n, capacityUnits: 0n });

  const half = lock.quotedUnits / 2n;
  await paid(lock, half);
  expect((await right())?.capacityUnits).toBe((100_000n * half) / lock.quotedUnits);
  await paid(lock, lock.quotedUnits - half);
  expect((await right())?.capacityUnits).toBe(100_000n);

  // The window is full, so more money goes to the right at the same rate, without a premium.
  const bought = await openFor(leaseId, later(lock.lockedAt, 1000));
  if (bought === null) throw new Error('the right is not open');
  expect(bought.kind).toBe('right');
  const credit = creditOf(bought, 0n, 150_000n, [0n]);
  expect(credit.excess).toBe(50_000n);
  expect(credit.costs.premium).toBe(0n);
  expect(bought.lines.map(({ rateNum, rateDen }) => [rateNum, rateDen])).toEqual(
    lock.lines.map(({ rateNum, rateDen }) => [rateNum, rateDen]),
  );
  expect((await openFor(leaseId, later(lock.lockedAt, 86_400_000)))?.kind).toBe('right');
  expect(await openFor(leaseId, later(lock.lockedAt, 86_400_001))).toBeNull();
});

test('a payment taken back by a reorganisation leaves the lock as it was', async () => {
  const leaseId = newId('lease');
  const lock = await rig.take(TENANT, await rig.quote(TENANT, { stressUsd: 10n, right: true }), leaseId);
  const before = await exposures(lock.id);
  await paid(lock, lock.quotedUnits);
  await paid(lock, -lock.quotedUnits);
  expect(await exposures(lock.id)).toEqual(before);
  const [window, right] = await rig.database.transaction((tx) => rig.locks.ofLease(tx, leaseId));
  expect([window?.paidUnits, right?.capacityUnits]).toEqual([0n, 0n]);
});

test('money belongs to the newest lock of its asset that was open when it was seen', async () => {
  const leaseId = newId('lease');
  const first = await rig.take(TENANT, await rig.quote(TENANT), leaseId);
  const second = await rig.take(TENANT, await rig.quote(TENANT, { leaseId }), leaseId);
  expect(second.lockedAt).toEqual(first.lockedAt);
  expect((await openFor(leaseId, first.lockedAt))?.id).toBe(second.id);
  expect(await rig.database.transaction((tx) => rig.locks.openFor(tx, leaseId, 'AKT', first.lockedAt))).toBeNull();
  await rig.database.transaction((tx) => rig.locks.closeOf(tx, leaseId));
  expect(await openFor(leaseId, later(first.lockedAt, 1))).toBeNull();
});

test('a quote is taken by its tenant, for its lease, before it expires, while the price holds', async () => {
  const of = (code: string) => ({ code });
  await expect(rig.take('ten_stranger', await rig.quote(TENANT))).rejects.toMatchObject(of('not_found'));
  await expect(rig.take(TENANT, await rig.quote(TENANT, { leaseId: newId('lease') }))).rejects.toMatchObject(
    of('conflict'),
  );

  const expiring = await rig.quote(TENANT);
  await advance(60_000);
  await expect(rig.take(TENANT, expiring)).rejects.toMatchObject(of('quote_expired'));

  // BTC loses 0.8 % against AKT: against the desk. It gains as much: against the tenant, and the quote holds.
  const falling = await rig.quote(TENANT);
  rig.exchanges.set('BTC', '63500');
  await rig.refresh();
  await expect(rig.take(TENANT, falling)).rejects.toMatchObject(of('price_moved'));
  const rising = await rig.quote(TENANT);
  rig.exchanges.set('BTC', '64000');
  await rig.refresh();
  await rig.take(TENANT, rising);

  const unpriced = await rig.quote(TENANT);
  for (const vendor of ['kraken', 'coinbase'] as const) rig.exchanges.fault(vendor, 'down');
  await rig.markets.refresh();
  await expect(rig.take(TENANT, unpriced)).rejects.toMatchObject(of('no_price'));
});
