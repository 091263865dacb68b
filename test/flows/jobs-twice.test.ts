import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestKey } from '../support/app.ts';
import { EVERY_JOB } from '../../src/jobs/flow.ts';
import { until } from '../support/database.ts';
import { expectCreditedOnce } from '../support/paid-once.ts';
import type { RunningProcess } from '../support/process.ts';
import { type OpenedLease, Stack } from '../support/stack.ts';

const DEADLINE_MS = 180_000;
const STORY_MS = 600_000;

let stack: Stack;
let operator: TestKey;
let workers: RunningProcess[] = [];
let bitcoin: OpenedLease;
let usdc: OpenedLease;

beforeAll(async () => {
  stack = await Stack.start();
  operator = await stack.service.operatorKey();
  workers = [stack.startWorker(), stack.startWorker()];
}, STORY_MS);

afterAll(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  await stack?.stop();
});

/** Runs every job twice at the same time, while two workers run them as well; a minute of blocks on every chain between rounds. */
async function twiceUntil(what: string, read: () => Promise<boolean>): Promise<void> {
  await until(
    what,
    async () => {
      await Promise.all(EVERY_JOB.flatMap((name) => [stack.run(name), stack.run(name)]));
      await stack.mine(10);
      return read();
    },
    DEADLINE_MS,
  );
}

const stateOf = async ({ lease }: OpenedLease) => (await stack.lease(lease.id)).state;
const parked = async () => {
  const { body } = await stack.service.send('GET', '/v1/jobs/parked', { key: operator });
  return body['data'];
};

test(
  'two payments are credited',
  async () => {
    bitcoin = await stack.open({ payAsset: 'BTC' });
    usdc = await stack.open({ payAsset: 'USDC.ethereum' });
    for (const { lease } of [bitcoin, usdc]) await stack.payUri(lease.locks[0]?.paymentUri);
    await twiceUntil('both credits', async () => {
      const states = await Promise.all([bitcoin, usdc].map(stateOf));
      return states.every((state) => state === 'active');
    });
    await expectCreditedOnce(stack, [bitcoin, usdc]);
  },
  STORY_MS,
);

test(
  'an item that always fails is parked, and stops nobody else',
  async () => {
    await stack.mine(100);
    // A refund that cannot be made: nobody knows where to.
    await stack.rows(`UPDATE leases SET refund_addresses = '{}' WHERE id = $1`, bitcoin.lease.id);
    for (const { lease } of [bitcoin, usdc]) await stack.call('POST', `/v1/leases/${lease.id}/close`, {});
    await twiceUntil('it to be parked', async () => (await stack.rows('SELECT id FROM parked_jobs')).length > 0);
    const id = `make-refunds:${bitcoin.lease.id}`;
    expect(await parked()).toMatchObject([
      { id, name: 'make-refunds', data: { id: bitcoin.lease.id }, error: expect.stringContaining('refund address') },
    ]);
    await twiceUntil(
      'the neighbour to be refunded',
      async () => (await stack.paidTo('ethereum', usdc.refundAddress)) !== undefined,
    );
    expect(await stack.rows('SELECT id FROM refunds WHERE lease_id = $1', bitcoin.lease.id)).toEqual([]);
  },
  STORY_MS,
);
