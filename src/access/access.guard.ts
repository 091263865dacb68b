import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../platform/config.ts';
import { Refusal } from '../platform/refusal.ts';
import type { Caller } from './caller.ts';
import { NEEDS, PUBLIC } from './decorators.ts';
import { KeysService } from './keys.service.ts';
import { RateLimit } from './rate-limit.ts';
import { SCOPES, type Scope } from './scopes.ts';

/** Requests without a valid key that one address may send in a second. */
const UNKNOWN_PER_SECOND = 20;

/**
 * Stands before every route: recognises the key, counts its requests, and lets through what the route's `@Needs` and
 * `@Roles` allow. A route that says nothing about access is closed.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly known: RateLimit;
  private readonly unknown = new RateLimit(UNKNOWN_PER_SECOND);

  constructor(
    private readonly reflector: Reflector,
    private readonly keys: KeysService,
    config: Config,
  ) {
    this.known = new RateLimit(config.settings.RATE_LIMIT_PER_S);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets) === true) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const caller = await this.recognise(request, reply);
    request.caller = caller;
    count(this.known, caller.keyId, reply);
    const scope = this.reflector.getAllAndOverride<Scope | undefined>(NEEDS, targets);
    if (scope === undefined) throw new Refusal('forbidden');
    const roles = SCOPES[scope];
    if (!roles.some((role) => role === caller.role)) {
      throw new Refusal('forbidden', { expected: `the API key of a ${roles.join(' or ')}` });
    }
    if (!caller.scopes.includes(scope)) throw new Refusal('forbidden', { expected: `the scope ${scope}` });
    return true;
  }

  private async recognise(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const [, text] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    try {
      if (text === undefined)
        throw new Refusal('unauthenticated', { field: 'Authorization', expected: 'Bearer lsk_…' });
      return await this.keys.authenticate(text);
    } catch (error) {
      if (error instanceof Refusal) count(this.unknown, request.ip, reply);
      throw error;
    }
  }
}

/** https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-07 */
function count(limit: RateLimit, name: string, reply: FastifyReply): void {
  const left = limit.take(name, performance.now());
  reply.header('RateLimit-Limit', left.limit);
  reply.header('RateLimit-Remaining', left.remaining);
  reply.header('RateLimit-Reset', left.resetS);
  if (left.allowed) return;
  reply.header('Retry-After', left.resetS);
  throw new Refusal('rate_limited', { facts: { retryAfterS: left.resetS } });
}
