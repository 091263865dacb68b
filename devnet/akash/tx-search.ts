import type { IncludedTx } from './chain.ts';

interface Condition {
  readonly key: string;
  readonly operator: string;
  readonly value: string;
}

/** Whether a transaction matches a query such as `transfer.recipient='akash1…' AND tx.height>=5`. Throws if malformed. */
export function txFilter(query: string): (tx: IncludedTx) => boolean {
  const conditions = query.split(/\s+AND\s+/).map(parseCondition);
  return (tx) => conditions.every((condition) => matches(tx, condition));
}

function parseCondition(text: string): Condition {
  const [, key, operator, quoted, plain] = /^\s*([\w.]+)\s*(=|<=|>=|<|>)\s*(?:'([^']*)'|(\d+))\s*$/.exec(text) ?? [];
  if (!key || !operator) throw new Error(`got invalid query condition: ${text}`);
  return { key, operator, value: quoted ?? plain ?? '' };
}

function matches(tx: IncludedTx, { key, operator, value }: Condition): boolean {
  if (key === 'tx.hash') return tx.hash === value.toUpperCase();
  if (key === 'tx.height') return compare(tx.height, operator, Number(value));
  const dot = key.lastIndexOf('.');
  return tx.result.events.some(
    ({ type, attributes }) =>
      type === key.slice(0, dot) && attributes.some((item) => item.key === key.slice(dot + 1) && item.value === value),
  );
}

function compare(left: number, operator: string, right: number): boolean {
  if (operator === '=') return left === right;
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}
