import { expect, test } from 'vitest';
import { benchQuotes } from './quotes.ts';
import { printGates } from './table.ts';

test('durable quotes over HTTP', async () => {
  const { bare, quotes, ratio, p50Ms, p99Ms, bad } = await benchQuotes();
  const rates = `${bare.toFixed(0)} bare, ${quotes.toFixed(0)} quotes a second`;
  printGates('quotes', [
    {
      what: 'POST /v1/quotes against a bare Fastify POST',
      measured: ratio,
      asked: 0.35,
      sense: 'least',
      figures: rates,
    },
    {
      what: 'p99 at 70 % of peak, ms',
      measured: p99Ms,
      asked: 20,
      sense: 'most',
      figures: `p50 ${p50Ms.toFixed(1)} ms`,
    },
  ]);
  expect(bad).toBe(0);
});
