import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Refusal, type RefusalCode } from '../platform/refusal.ts';
import type { RouteTable } from './routes.ts';

/** The body of every reply that is not a success. https://www.rfc-editor.org/rfc/rfc9457 */
export const problemView = z
  .object({
    type: z.string().meta({ description: '`urn:lockstep:problem:` and the code' }),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'Stable name of the reason, for programs' }),
    detail: z.string(),
    field: z.string().optional().meta({ description: 'JSON path, header or parameter at fault' }),
    expected: z.string().optional().meta({ description: 'What would be accepted' }),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
    requestId: z.string(),
  })
  .meta({ id: 'Problem', description: 'Why a request was refused (RFC 9457)' });

export type Problem = z.output<typeof problemView>;

/** Turns everything that is thrown into a problem. What is not a refusal is logged and tells the caller nothing. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly routes: RouteTable,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const refusal = this.refusalFor(error, request, reply);
    if (refusal === undefined) {
      this.logger.error({ err: error, requestId: request.id, route: request.routeOptions.url }, 'request failed');
    }
    sendProblem(reply, refusal === undefined ? unexpected(request.id) : problemOf(refusal, request.id));
  }

  private refusalFor(error: unknown, request: FastifyRequest, reply: FastifyReply): Refusal | undefined {
    if (error instanceof Refusal) return error;
    const status = statusOf(error);
    if (status === 404) {
      const methods = this.routes.methodsAt(request.url);
      if (methods.length === 0) return new Refusal('unknown_route');
      reply.header('Allow', methods.join(', '));
      return new Refusal('method_not_allowed', { expected: methods.join(' or ') });
    }
    const code = status === undefined ? undefined : FRAMEWORK_REFUSALS[status];
    return code === undefined ? undefined : new Refusal(code);
  }
}

/** What Fastify itself refuses, by status. */
const FRAMEWORK_REFUSALS: Readonly<Record<number, RefusalCode>> = {
  400: 'invalid_body',
  413: 'body_too_large',
  414: 'unknown_route',
  415: 'unsupported_media_type',
};

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}

export function problemOf(refusal: Refusal, requestId: string): Problem {
  const { field, expected, facts } = refusal.detail;
  const parts = [refusal.message, ...(expected === undefined ? [] : [`Expected ${expected}.`])];
  return {
    type: `urn:lockstep:problem:${refusal.code}`,
    title: refusal.message,
    status: refusal.status,
    code: refusal.code,
    detail: field === undefined ? parts.join(' ') : `${field}: ${parts.join(' ')}`,
    ...(field === undefined ? {} : { field }),
    ...(expected === undefined ? {} : { expected }),
    ...(facts === undefined ? {} : { facts: { ...facts } }),
    requestId,
  };
}

const unexpected = (requestId: string): Problem => ({
  type: 'urn:lockstep:problem:unexpected',
  title: 'The request failed on our side.',
  status: 500,
  code: 'unexpected',
  detail: 'The request failed on our side. A POST may be repeated with the same Idempotency-Key.',
  requestId,
});

export function sendProblem(reply: FastifyReply, problem: Problem): void {
  void reply.status(problem.status).header('Content-Type', 'application/problem+json; charset=utf-8').send(problem);
}
