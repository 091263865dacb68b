import { expect, test } from 'vitest';
import { benchMatchBlock } from './match-block.ts';
import { printGates } from './table.ts';

test('matching a full block against a million addresses', () => {
  const { ratio, parseMs, matchMs, readMs, outputs, watched, matched } = benchMatchBlock();
  const figures = `parse ${parseMs.toFixed(0)} ms, match ${matchMs.toFixed(0)} ms (reading alone ${readMs.toFixed(1)} ms), ${outputs} outputs, ${watched} watched`;
  printGates('bitcoin', [
    { what: 'matching a 4 MB block against parsing it', measured: ratio, asked: 1.3, sense: 'most', figures },
  ]);
  expect(matched).toBeGreaterThan(0);
});
