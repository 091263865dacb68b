import 'reflect-metadata';
import { parseArgs } from 'node:util';
import type { KeyOwner } from './access/caller.ts';
import { textField, timestamp } from './access/fields.ts';
import { KeysService } from './access/keys.service.ts';
import { isScope, type Scope, scopesOf } from './access/scopes.ts';
import { TenantsService } from './access/tenants.service.ts';
import { Clock } from './platform/clock.ts';
import { Config } from './platform/config.ts';
import { Database, type Tx } from './platform/database.ts';
import { Refusal } from './platform/refusal.ts';

const USAGE = `usage:
  npm run admin -- tenant create --name <name>
  npm run admin -- operator create --name <name>
  npm run admin -- key create (--tenant <id> | --operator <id> | --payee <id>) --name <name> [--scopes <a,b>] [--expires <RFC 3339>]`;

interface Options {
  readonly name?: string | undefined;
  readonly tenant?: string | undefined;
  readonly operator?: string | undefined;
  readonly payee?: string | undefined;
  readonly scopes?: string | undefined;
  readonly expires?: string | undefined;
}

/** Creates tenants, operators and their keys, straight in the database; prints one JSON object, the secret in it once. */
async function main(args: readonly string[]): Promise<void> {
  const { noun, options } = read(args);
  const config = Config.parse(process.env);
  const database = new Database(config);
  try {
    const clock = new Clock(config, database);
    const admin = new Admin(new TenantsService(clock), new KeysService(database, clock));
    const created = await database.transaction((tx) => admin.create(tx, noun, options));
    process.stdout.write(`${JSON.stringify(created, null, 2)}\n`);
  } finally {
    await database.onApplicationShutdown();
  }
}

class Admin {
  constructor(
    private readonly tenants: TenantsService,
    private readonly keys: KeysService,
  ) {}

  async create(tx: Tx, noun: Noun, options: Options): Promise<Record<string, unknown>> {
    const name = nameOf(options);
    if (noun === 'tenant') {
      const tenantId = await this.tenants.createTenant(tx, name);
      return { tenantId, ...(await this.key(tx, { role: 'tenant', tenantId }, name, options)) };
    }
    if (noun === 'operator') {
      const operatorId = await this.tenants.createOperator(tx, name);
      return { operatorId, ...(await this.key(tx, { role: 'operator', operatorId }, name, options)) };
    }
    return this.key(tx, await this.ownerOf(tx, options), name, options);
  }

  private async ownerOf(tx: Tx, { tenant, operator, payee }: Options): Promise<KeyOwner> {
    if ([tenant, operator, payee].filter((given) => given !== undefined).length !== 1) {
      throw new Refusal('invalid_field', { field: '--tenant, --operator or --payee', expected: 'exactly one of them' });
    }
    if (tenant !== undefined) {
      await this.tenants.requireTenant(tx, tenant);
      return { role: 'tenant', tenantId: tenant };
    }
    if (operator !== undefined) {
      await this.tenants.requireOperator(tx, operator);
      return { role: 'operator', operatorId: operator };
    }
    const [known] = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM payees WHERE id = ${payee}`;
    if (known === undefined) throw new Refusal('not_found', { field: '--payee' });
    return { role: 'payee', payeeId: known.id };
  }

  private async key(tx: Tx, owner: KeyOwner, name: string, options: Options): Promise<Record<string, unknown>> {
    const { key, secret } = await this.keys.issue(tx, owner, {
      name,
      scopes: options.scopes === undefined ? scopesOf(owner.role) : readScopes(options.scopes),
      expiresAt: readExpiry(options.expires),
    });
    return { keyId: key.id, scopes: key.scopes, expiresAt: key.expiresAt, secret };
  }
}

type Noun = 'tenant' | 'operator' | 'key';

function read(args: readonly string[]): { noun: Noun; options: Options } {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { name: text, tenant: text, operator: text, payee: text, scopes: text, expires: text },
  });
  const [noun, verb, ...rest] = positionals;
  if ((noun === 'tenant' || noun === 'operator' || noun === 'key') && verb === 'create' && rest.length === 0) {
    return { noun, options: values };
  }
  throw new Error(USAGE);
}

function nameOf({ name }: Options): string {
  const parsed = textField(100).safeParse(name);
  if (parsed.success) return parsed.data;
  throw new Refusal('invalid_field', { field: '--name', expected: '1 to 100 characters' });
}

function readScopes(text: string): Scope[] {
  return text.split(',').map((scope) => {
    if (!isScope(scope))
      throw new Refusal('invalid_field', { field: '--scopes', expected: `known scopes, not ${scope}` });
    return scope;
  });
}

function readExpiry(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const parsed = timestamp.safeParse(text);
  if (parsed.success) return new Date(parsed.data);
  throw new Refusal('invalid_field', { field: '--expires', expected: 'a time such as 2027-01-31T12:00:00Z' });
}

function explain(error: unknown): string {
  if (error instanceof Refusal) {
    return [error.detail.field, error.message, error.detail.expected].filter((part) => part !== undefined).join(': ');
  }
  return error instanceof Error ? error.message : String(error);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`admin: ${explain(error)}\n`);
  process.exitCode = 1;
});
