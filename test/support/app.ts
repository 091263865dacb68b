import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { KeyOwner } from '../../src/access/caller.ts';
import { KeysService } from '../../src/access/keys.service.ts';
import { type Scope, scopesOf } from '../../src/access/scopes.ts';
import { createApp } from '../../src/access/shell.ts';
import { TenantsService } from '../../src/access/tenants.service.ts';
import { appModule } from '../../src/app.module.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/id.ts';
import { createLogger } from '../../src/platform/logging.ts';
import type { TestDatabase } from './database.ts';

/** A key for requests: the header that carries it, and whose it is. */
export interface TestKey {
  readonly secret: string;
  readonly keyId: string;
  readonly ownerId: string;
}

export interface TestApp {
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly config: Config;
  /** A key of a new tenant, or of `tenantId`, with all scopes unless said otherwise. */
  tenantKey(options?: { tenantId?: string; scopes?: readonly Scope[]; expiresAt?: Date }): Promise<TestKey>;
  operatorKey(scopes?: readonly Scope[]): Promise<TestKey>;
  payeeKey(payeeId: string, scopes?: readonly Scope[]): Promise<TestKey>;
  /** One request; a POST gets a new Idempotency-Key unless its headers have one. */
  send(method: string, path: string, options?: SendOptions): Promise<Reply>;
  close(): Promise<void>;
}

export interface SendOptions {
  readonly key?: TestKey;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON; the text of other types. */
  readonly body: Record<string, unknown>;
  readonly text: string;
}

/** The real REST service on a free port, against a test database whose clock it follows. */
export async function startApp(
  database: Pick<TestDatabase, 'appUrl'>,
  overrides: Readonly<Record<string, string>> = {},
): Promise<TestApp> {
  const config = Config.parse({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATABASE_URL: database.appUrl,
    CLOCK: 'database',
    HOST: '127.0.0.1',
    PORT: '0',
    RATE_LIMIT_PER_S: '100000',
    ...overrides,
  });
  const logger = createLogger(config.settings.LOG_LEVEL, 'test');
  const app = await createApp(appModule(config, logger), logger);
  await app.listen(config.settings.PORT, config.settings.HOST);
  const url = await app.getUrl();
  const issue = async (
    owner: KeyOwner,
    ownerId: string,
    scopes = scopesOf(owner.role),
    expiresAt: Date | null = null,
  ) => {
    const { key, secret } = await app
      .get(Database)
      .transaction((tx) =>
        app.get(KeysService, { strict: false }).issue(tx, owner, { name: 'a test', scopes, expiresAt }),
      );
    return { secret, keyId: key.id, ownerId };
  };
  const tenants = app.get(TenantsService, { strict: false });
  return {
    url,
    app,
    config,
    async tenantKey({ tenantId, scopes, expiresAt } = {}) {
      const id = tenantId ?? (await app.get(Database).transaction((tx) => tenants.createTenant(tx, newId('tenant'))));
      return issue({ role: 'tenant', tenantId: id }, id, scopes && [...scopes], expiresAt);
    },
    async operatorKey(scopes) {
      const id = await app.get(Database).transaction((tx) => tenants.createOperator(tx, newId('operator')));
      return issue({ role: 'operator', operatorId: id }, id, scopes && [...scopes]);
    },
    payeeKey: (payeeId, scopes) => issue({ role: 'payee', payeeId }, payeeId, scopes && [...scopes]),
    send: (method, path, options) => send(url, method, path, options),
    close: () => app.close(),
  };
}

/** One request to a running service. */
export async function send(url: string, method: string, path: string, options: SendOptions = {}): Promise<Reply> {
  const { key, body, headers } = options;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key.secret}` }),
      ...(method === 'POST' ? { 'idempotency-key': newId('request') } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = text !== '' && /[/+]json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : {} };
}
