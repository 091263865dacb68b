import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, map, type Observable } from 'rxjs';
import { Once, type OnceKey, type StoredAnswer } from '../platform/once.ts';
import { Refusal } from '../platform/refusal.ts';
import { ownerId } from './caller.ts';
import { ANSWER, type Answer, SECRETS, STORES_OWN_ANSWER } from './decorators.ts';

const KEY_GRAMMAR = /^[\x20-\x7e]{1,255}$/;

/**
 * Runs every POST once per Idempotency-Key: the handler runs inside the transaction that stores its answer. Checks every
 * successful reply against the schema its route declares, before anything commits.
 */
@Injectable()
export class OnceInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly once: Once,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const handler = context.getHandler();
    const answer = this.reflector.get<Answer>(ANSWER, handler);
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (request.method !== 'POST') return next.handle().pipe(map((body) => conform(answer, body)));
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const key = onceKey(request);
    if (this.reflector.get<boolean | undefined>(STORES_OWN_ANSWER, handler) === true) {
      request.once = { key, replayed: () => markReplayed(reply) };
      return next.handle().pipe(map((body) => conform(answer, body)));
    }
    const secrets = this.reflector.get<string[] | undefined>(SECRETS, handler) ?? [];
    const run = async () => conform(answer, await lastValueFrom(next.handle()));
    return from(this.runOnce({ key, request, reply, status: answer.status, secrets, run }));
  }

  private async runOnce(post: Post): Promise<unknown> {
    let fresh: { stored: StoredAnswer; body: unknown } | undefined;
    const stored = await this.once.run(post.key, async (tx) => {
      post.request.tx = tx;
      const body = await post.run();
      const toStore = { status: post.status, body: withoutSecrets(body, post.secrets) };
      fresh = { stored: toStore, body };
      return toStore;
    });
    if (fresh?.stored === stored) return fresh.body;
    markReplayed(post.reply);
    void post.reply.status(stored.status);
    return stored.body;
  }
}

interface Post {
  readonly key: OnceKey;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly status: number;
  readonly secrets: readonly string[];
  readonly run: () => Promise<unknown>;
}

function onceKey(request: FastifyRequest): OnceKey {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || !KEY_GRAMMAR.test(key)) {
    throw new Refusal('invalid_idempotency_key', {
      field: 'Idempotency-Key',
      expected: '1 to 255 printable ASCII characters',
    });
  }
  if (request.caller === null) throw new Error('a POST needs a caller');
  return {
    owner: ownerId(request.caller),
    route: `POST ${request.routeOptions.url ?? ''}`,
    key,
    body: { params: request.params, body: request.body },
  };
}

const markReplayed = (reply: FastifyReply) => void reply.header('Idempotency-Replayed', 'true');

/** The reply as its schema has it. Text (CSV) is sent as it is. */
function conform(answer: Answer, body: unknown): unknown {
  if (typeof body === 'string') return body;
  const parsed = answer.schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`a reply does not fit its schema: ${faults.join('; ')}`);
}

function withoutSecrets(body: unknown, secrets: readonly string[]): unknown {
  if (secrets.length === 0 || typeof body !== 'object' || body === null) return body;
  return { ...body, ...Object.fromEntries(secrets.map((name) => [name, null])) };
}
