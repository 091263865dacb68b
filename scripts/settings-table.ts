// `node scripts/settings-table.ts`: writes the tables of settings and policies into README.md, from the schemas that read
// them. A test fails while the file says something else.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { POLICY_NAMES, policyOf } from '../src/markets/policy.ts';
import { Config, SETTINGS } from '../src/platform/config.ts';

const README = join(import.meta.dirname, '..', 'README.md');
/** Assets with policies of their own, and any other. */
const ASSETS_SHOWN = ['BTC', 'ETH', 'AKT', 'every other'];
const MARKERS = { settings: settingsTable, policies: policiesTable };

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)].join('\n');

function settingsTable(): string {
  const rows = Object.entries(SETTINGS.shape).map(([name, schema]) => {
    const given = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    const needed = !schema.safeParse(undefined).success;
    const start = needed ? 'needed' : given === undefined ? '' : `\`${String(given)}\``;
    return [`\`${name}\``, start, schema.description ?? ''];
  });
  return table(['setting', 'default', 'meaning'], rows);
}

function policiesTable(): string {
  const config = Config.parse({ DATABASE_URL: 'postgresql://' });
  const policies = ASSETS_SHOWN.map((asset) => policyOf(config, asset));
  const rows = POLICY_NAMES.map((name) => [`\`${name}\``, ...policies.map((policy) => String(policy[name]))]);
  return table(['policy', ...ASSETS_SHOWN], rows);
}

/** README.md with its tables as the schemas are now. */
export function withTables(readme: string): string {
  return Object.entries(MARKERS).reduce((text, [name, make]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined) throw new Error(`README.md has no place for ${name}`);
    return `${before}${begin}\n${make()}\n${end}${after}`;
  }, readme);
}

if (import.meta.main) writeFileSync(README, withTables(readFileSync(README, 'utf8')));
