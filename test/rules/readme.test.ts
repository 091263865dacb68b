import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withTables } from '../../scripts/settings-table.ts';

const readme = readFileSync('README.md', 'utf8');

test('the tables of the README are what the schemas say now (node scripts/settings-table.ts)', () => {
  expect(readme).toContain('| `DATABASE_URL` | needed |');
  expect(withTables(readme)).toBe(readme);
});
