import 'reflect-metadata';
import Fastify from 'fastify';
import { KeysService } from '../../src/access/keys.service.ts';
import { scopesOf } from '../../src/access/scopes.ts';
import { createApp } from '../../src/access/shell.ts';
import { TenantsService } from '../../src/access/tenants.service.ts';
import { appModule } from '../../src/app.module.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { createLogger } from '../../src/platform/logging.ts';

/** What a server tells its parent once it listens. */
export interface Listening {
  readonly url: string;
  readonly key: string;
}

const BARE_BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['payAsset', 'fix', 'lines'],
  properties: {
    payAsset: { type: 'string' },
    fix: { enum: ['duration', 'pay'] },
    duration: { type: 'string' },
    lines: { type: 'array', minItems: 1, items: { type: 'object' } },
  },
};

/** A Fastify POST that checks the same body and answers 300 bytes: what the machine can do at most. */
async function bare(): Promise<Listening> {
  const fastify = Fastify();
  const answer = {
    id: 'quo_AAAAAAAAAAAAAAAAAAAAAA',
    pay: { asset: 'BTC', amount: '0.00103170' },
    filler: 'x'.repeat(220),
  };
  fastify.post('/v1/quotes', { schema: { body: BARE_BODY } }, async (_request, reply) =>
    reply.status(201).send(answer),
  );
  return { url: await fastify.listen({ port: 0, host: '127.0.0.1' }), key: '' };
}

/** The service itself, with a tenant's key and a float. */
async function service(): Promise<Listening> {
  const config = Config.parse(process.env);
  const logger = createLogger(config.settings.LOG_LEVEL, 'main');
  const app = await createApp(appModule(config, logger), logger);
  const database = app.get(Database);
  const key = await database.transaction(async (tx) => {
    const tenantId = await app.get(TenantsService, { strict: false }).createTenant(tx, 'bench');
    const grant = { name: 'bench', scopes: scopesOf('tenant'), expiresAt: null };
    return app.get(KeysService, { strict: false }).issue(tx, { role: 'tenant', tenantId }, grant);
  });
  const transfer = { from: 'external:akash-hot', to: 'equity:float', asset: 'AKT', units: 50_000_000_000n };
  const journal = { key: 'float:bench', kind: 'float', cause: 'bench', transfers: [transfer], effectiveAt: new Date() };
  await database.transaction((tx) => app.get(Ledger, { strict: false }).post(tx, [journal]));
  await app.listen(config.settings.PORT, config.settings.HOST);
  return { url: await app.getUrl(), key: key.secret };
}

const listening = await (process.argv[2] === 'bare' ? bare() : service());
process.send?.(listening);
process.once('disconnect', () => process.exit(0));
