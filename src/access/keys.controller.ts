import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { Database, type Tx } from '../platform/database.ts';
import type { Caller } from './caller.ts';
import { Answers, CurrentCaller, CurrentTx, Needs, ShownOnce } from './decorators.ts';
import { idField, textField, timestamp, viewTime, viewTimeOrNull } from './fields.ts';
import { type KeyRecord, KeysService } from './keys.service.ts';
import { type PageQuery, page, pageOf, pageQuery, timePosition } from './page.ts';
import { ALL_SCOPES } from './scopes.ts';

const OVERLAP_MAX_MS = 30 * 86_400_000;

const keyView = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.string()),
    createdAt: timestamp,
    expiresAt: timestamp.nullable(),
    revokedAt: timestamp.nullable(),
    lastUsedAt: timestamp.nullable().meta({ description: 'To the minute' }),
  })
  .meta({ id: 'Key' });

const issuedView = z
  .strictObject({
    ...keyView.shape,
    secret: z
      .string()
      .nullable()
      .meta({ description: 'The whole API key. Shown in the first reply only: a replay has null' }),
  })
  .meta({ id: 'IssuedKey' });

const createBody = z.strictObject({
  name: textField(100),
  scopes: z
    .array(z.enum(ALL_SCOPES))
    .min(1)
    .max(ALL_SCOPES.length)
    .meta({ description: 'At most those of the calling key' }),
  expiresAt: timestamp.nullable().default(null).meta({ description: 'When the key ends by itself; null for never' }),
});

const rotateBody = z.strictObject({
  overlapMs: z
    .int()
    .min(0)
    .max(OVERLAP_MAX_MS)
    .meta({ description: 'How long the old key still works, in milliseconds; at most 30 days' }),
});

const keyId = idField('key');

/** A caller's own API keys. */
@Controller('v1/keys')
export class KeysController {
  constructor(
    private readonly keys: KeysService,
    private readonly database: Database,
  ) {}

  @Post()
  @Needs('keys:write')
  @ShownOnce('secret')
  @Answers(201, issuedView, 'The key; its secret is shown this once')
  async createKey(
    @CurrentTx() tx: Tx,
    @CurrentCaller() caller: Caller,
    @Body({ schema: createBody }) body: z.output<typeof createBody>,
  ) {
    const expiresAt = body.expiresAt === null ? null : new Date(body.expiresAt);
    const { key, secret } = await this.keys.issueBy(tx, caller, { name: body.name, scopes: body.scopes, expiresAt });
    return { ...viewKey(key), secret };
  }

  @Get()
  @Needs('keys:read')
  @Answers(200, pageOf(keyView), 'Keys of the same tenant, payee or operator, newest first')
  async listKeys(@CurrentCaller() caller: Caller, @Query({ schema: pageQuery }) query: PageQuery) {
    const rows = await this.keys.list(caller, query);
    return page('keys', rows, query.limit, timePosition, viewKey);
  }

  @Post(':id/rotate')
  @Needs('keys:write')
  @ShownOnce('secret')
  @Answers(201, issuedView, 'The successor: same name and scopes')
  async rotateKey(
    @CurrentTx() tx: Tx,
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: keyId }) id: string,
    @Body({ schema: rotateBody }) body: z.output<typeof rotateBody>,
  ) {
    const { key, secret } = await this.keys.rotate(tx, caller, id, body.overlapMs);
    return { ...viewKey(key), secret };
  }

  @Delete(':id')
  @Needs('keys:write')
  @Answers(200, keyView, 'The key, revoked; it stops working everywhere within two seconds')
  async revokeKey(@CurrentCaller() caller: Caller, @Param('id', { schema: keyId }) id: string) {
    return viewKey(await this.database.transaction((tx) => this.keys.revoke(tx, caller, id)));
  }
}

const viewKey = (key: KeyRecord): z.output<typeof keyView> => ({
  id: key.id,
  name: key.name,
  scopes: key.scopes,
  createdAt: viewTime(key.createdAt),
  expiresAt: viewTimeOrNull(key.expiresAt),
  revokedAt: viewTimeOrNull(key.revokedAt),
  lastUsedAt: viewTimeOrNull(key.lastUsedAt),
});
