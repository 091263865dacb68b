// `node scripts/schema.ts <database URL>`: adds to prisma/schema.prisma a model for every table of a migrated database
// that has none. Migrations are plain SQL and come first; a model that no longer fits is deleted by hand and made anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

const SCHEMA = join(import.meta.dirname, '..', 'prisma', 'schema.prisma');

interface Column {
  readonly table: string;
  readonly column: string;
  /** As PostgreSQL writes it: `timestamp with time zone`, `numeric(78,0)`, `text[]`. */
  readonly type: string;
  readonly nullable: boolean;
  readonly defaulted: boolean;
  /** Place in the primary key from 1; null outside of it. */
  readonly key: number | null;
}

/** A column as both sides can say it: `units Decimal @db.Decimal(78, 0)`. */
export type Shape = Readonly<Record<string, readonly string[]>>;

const COLUMNS = `
  SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
         NOT a.attnotnull AS nullable, a.atthasdef OR a.attidentity <> '' AS defaulted,
         array_position(i.indkey::int2[], a.attnum) + 1 - array_lower(i.indkey::int2[], 1) AS key
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relname <> '_prisma_migrations'
  ORDER BY c.relname, a.attnum`;

const TYPES: Readonly<Record<string, string>> = {
  text: 'String',
  integer: 'Int',
  smallint: 'Int @db.SmallInt',
  bigint: 'BigInt',
  boolean: 'Boolean',
  bytea: 'Bytes',
  jsonb: 'Json',
  json: 'Json @db.Json',
  'numeric(78,0)': 'Decimal @db.Decimal(78, 0)',
  'timestamp with time zone': 'DateTime @db.Timestamptz(6)',
  'timestamp(3) with time zone': 'DateTime @db.Timestamptz(3)',
  date: 'DateTime @db.Date',
};

/** Every column of the tables that are ours; partitions and the migrations' own history are not. */
export async function readColumns(databaseUrl: string): Promise<Column[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Column>(COLUMNS)).rows;
  } finally {
    await client.end();
  }
}

/** The columns of each table, as the database has them. */
export const shapeOfDatabase = (columns: readonly Column[]): Shape =>
  shape(columns.map((column) => [column.table, `${column.column} ${typed(column)}`]));

/** The columns of each table, as the models of a Prisma schema say; relations are left out. */
export function shapeOfModels(text: string): Shape {
  const blocks = [...text.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)];
  const models = new Set(blocks.map(([, name]) => name));
  return shape(
    blocks.flatMap(([, name = '', body = '']) => {
      const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? name;
      const fields = [...body.matchAll(/^ {2}(\w+)\s+(Unsupported\("[^"]+"\)|[\w[\]]+)(\??)(.*)$/gm)];
      return fields
        .filter(([, , type = '']) => !models.has(type.replace('[]', '')))
        .map(([, field = '', type = '', optional = '', rest = '']): [string, string] => {
          const native = /@db\.\w+(\([^)]*\))?/.exec(rest)?.[0];
          const column = /@map\("(\w+)"\)/.exec(rest)?.[1] ?? field;
          return [table, `${column} ${type}${optional}${native === undefined ? '' : ` ${native}`}`];
        });
    }),
  );
}

function shape(pairs: readonly (readonly [string, string])[]): Shape {
  const tables: Record<string, string[]> = {};
  for (const [table, line] of pairs) tables[table] = [...(tables[table] ?? []), line].sort();
  return tables;
}

function typed({ type, nullable }: Column): string {
  const list = type.endsWith('[]');
  const scalar = list ? type.slice(0, -2) : type;
  const [name, native] = (TYPES[scalar] ?? `Unsupported("${scalar}")`).split(/ (?=@)/);
  return `${name}${list ? '[]' : nullable ? '?' : ''}${native === undefined ? '' : ` ${native}`}`;
}

const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

function modelOf(table: string, columns: readonly Column[]): string {
  const singular = table
    .replace(/(sse)s$/, '$1')
    .replace(/sse$/, 'ss')
    .replace(/ies$/, 'y')
    .replace(/([^s])s$/, '$1');
  const name = camel(`_${singular}`);
  const key = columns.filter((column) => column.key !== null).sort((a, b) => (a.key ?? 0) - (b.key ?? 0));
  const fields = columns.map((column) => {
    const [type, native] = typed(column).split(/ (?=@db)/);
    return [
      `  ${camel(column.column)} ${type}`,
      key.length === 1 && column.key !== null ? '@id' : '',
      column.defaulted ? '@default(dbgenerated())' : '',
      camel(column.column) === column.column ? '' : `@map("${column.column}")`,
      native ?? '',
    ]
      .filter((part) => part !== '')
      .join(' ');
  });
  const id = key.length > 1 ? [`  @@id([${key.map(({ column }) => camel(column)).join(', ')}])`] : [];
  const ignored = key.length === 0 ? ['  @@ignore'] : [];
  return `model ${name} {\n${[...fields, '', ...id, ...ignored, `  @@map("${table}")`].join('\n')}\n}\n`;
}

async function main(url: string | undefined): Promise<void> {
  if (url === undefined) throw new Error('the URL of a migrated database is needed');
  const columns = await readColumns(url);
  const text = readFileSync(SCHEMA, 'utf8');
  const there = shapeOfModels(text);
  const missing = [...new Set(columns.map(({ table }) => table))].filter((table) => there[table] === undefined);
  const models = missing.map((table) =>
    modelOf(
      table,
      columns.filter((column) => column.table === table),
    ),
  );
  writeFileSync(SCHEMA, [text.trimEnd(), ...models.map((model) => model.trimEnd())].join('\n\n').concat('\n'));
  process.stdout.write(missing.map((table) => `added ${table}\n`).join(''));
}

if (import.meta.main) await main(process.argv[2]);
