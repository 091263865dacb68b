import { expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { benchAccrual } from './accrual.ts';
import { printGates } from './table.ts';

test('one tick of accrual over open leases that need nothing', async () => {
  const { ratio, small, large, smallMs, largeMs } = await benchAccrual(createDatabase);
  const figures = `${smallMs.toFixed(2)} ms at ${small}, ${largeMs.toFixed(2)} ms at ${large}`;
  printGates('accrual', [
    { what: 'tick, 1,000,000 against 10,000 leases', measured: ratio, asked: 1.2, sense: 'most', figures },
  ]);
  expect(ratio).toBeGreaterThan(0);
});
