import { expect, test } from 'vitest';
import { benchPosting } from './posting.ts';
import { printGates } from './table.ts';

test('posting against pgbench TPC-B on the same server', async () => {
  const { tpcb, single, batch, hot, node, transfers, ...ratios } = await benchPosting();
  const a = (rate: number) => `${Math.round(rate)} a second against ${Math.round(tpcb)}`;
  printGates('posting', [
    {
      what: 'the function, a journal a call',
      measured: ratios.singleRatio,
      asked: 0.7,
      sense: 'least',
      figures: a(single),
    },
    {
      what: 'ledger.post from Node, 200 a transaction',
      measured: ratios.nodeRatio,
      asked: 1,
      sense: 'least',
      figures: a(node),
    },
    {
      what: 'the function, 100 journals a call',
      measured: ratios.batchRatio,
      asked: 1.5,
      sense: 'least',
      figures: a(batch),
    },
    {
      what: 'one hot account against many',
      measured: ratios.hotRatio,
      asked: 0.6,
      sense: 'least',
      figures: `${Math.round(hot)} against ${Math.round(batch)}`,
    },
  ]);
  expect(transfers).toBeGreaterThan(0);
});
