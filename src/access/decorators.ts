import { applyDecorators, createParamDecorator, type ExecutionContext, HttpCode, SetMetadata } from '@nestjs/common';
import { ApiResponse, ApiSecurity } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Tx } from '../platform/database.ts';
import type { OnceKey } from '../platform/once.ts';
import type { Caller } from './caller.ts';
import type { Scope } from './scopes.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard on every route that is not public. */
    caller: Caller | null;
    /** The transaction of a POST: its effect and its stored answer commit together. */
    tx: Tx | null;
    once: OnceReply | null;
  }
}

/** What a POST that stores its own answer is given instead of a transaction. */
export interface OnceReply {
  readonly key: OnceKey;
  /** To be called when the answer is the stored one, so that the reply says so. */
  replayed(): void;
}

export const PUBLIC = 'access:public';
export const NEEDS = 'access:needs';
export const ANSWER = 'access:answer';
export const SECRETS = 'access:secrets';
export const STORES_OWN_ANSWER = 'access:stores-own-answer';

/** Opens a route to everybody, without a key. A route with neither this nor `@Needs` refuses to start. */
export const Public = () => SetMetadata(PUBLIC, true);

/** Opens a route to keys that carry this scope; its roles are the scope's. */
export const Needs = (scope: Scope) => applyDecorators(SetMetadata(NEEDS, scope), ApiSecurity('apiKey', [scope]));

/** A successful reply: its status and schema, checked before it is sent and shown in the OpenAPI document. */
export interface Answer {
  readonly status: number;
  readonly schema: z.ZodType;
}

/** Declares the successful reply of a route. A reply that does not fit its schema is a bug and answers 500. */
export const Answers = (status: 200 | 201 | 202, schema: z.ZodType, description = 'Done') =>
  applyDecorators(
    SetMetadata(ANSWER, { status, schema } satisfies Answer),
    HttpCode(status),
    ApiResponse({ status, description, standardSchema: schema }),
  );

/** Fields of a POST's answer that are shown in the first reply and never stored: a replay has null in their place. */
export const ShownOnce = (...fields: string[]) => SetMetadata(SECRETS, fields);

/**
 * For a POST whose service writes effect and stored answer in one statement of its own, with `@OnceKeyOf()`. Every other
 * POST runs in the transaction of `Once.run` and takes it with `@CurrentTx()`.
 */
export const StoresOwnAnswer = () => SetMetadata(STORES_OWN_ANSWER, true);

const requestOf = (context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>();

/** The caller, as a handler's parameter of type `Caller`. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = requestOf(context);
  if (caller === null) throw new Error('a public route has no caller');
  return caller;
});

/** A POST's transaction, as a handler's parameter of type `Tx`. It commits after the handler, with the answer. */
export const CurrentTx = createParamDecorator((_: unknown, context: ExecutionContext): Tx => {
  const { tx } = requestOf(context);
  if (tx === null) throw new Error('only a POST without @StoresOwnAnswer has a transaction');
  return tx;
});

/** What makes this request the same as another, as a handler's parameter of type `OnceReply`. */
export const OnceKeyOf = createParamDecorator((_: unknown, context: ExecutionContext): OnceReply => {
  const { once } = requestOf(context);
  if (once === null) throw new Error('only a POST with @StoresOwnAnswer is given its key');
  return once;
});
