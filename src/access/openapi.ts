import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { problemView } from './problem.filter.ts';

const PROBLEM = {
  description: 'Refused (4xx) or failed (5xx)',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** Each status by its own name, so that generated clients can tell a problem from a success by it. */
const CALLER_PROBLEMS = [400, 401, 403, 404, 429];
const WRITE_PROBLEMS = [409, 413, 415, 422];
const OUR_PROBLEMS = [500, 503];

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  required: true,
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  description: 'Any text that is new for each new request. The same key and body give the same answer for 30 days.',
};

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

/** The OpenAPI 3.1 document of every route, from the schemas that check its requests and replies. */
export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Lockstep')
    .setDescription('Settlement and swap service for Akash leases. Amounts are decimal strings, times RFC 3339 UTC.')
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'opaque', description: 'API key, lsk_…' }, 'apiKey');
  const document = SwaggerModule.createDocument(app, builder.build(), {
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? jsonSchemaOf(schema, schemaType) : undefined,
    operationIdFactory: (_controller, method) => method,
  });
  document.components ??= {};
  document.components.schemas = { ...document.components.schemas, ...jsonSchemaOf(problemView, 'output').components };
  for (const path of Object.values(document.paths)) {
    for (const [method, operation] of Object.entries({
      get: path.get,
      post: path.post,
      patch: path.patch,
      delete: path.delete,
    })) {
      if (operation === undefined) continue;
      const statuses = [
        ...(operation.security === undefined ? [] : CALLER_PROBLEMS),
        ...(method === 'get' ? [] : WRITE_PROBLEMS),
        ...OUR_PROBLEMS,
      ];
      for (const status of statuses) operation.responses[status] ??= PROBLEM;
    }
    if (path.post !== undefined) path.post.parameters = [...(path.post.parameters ?? []), IDEMPOTENCY_KEY];
  }
  return document;
}

/** JSON Schema of a zod schema; schemas with an id of their own become components. */
function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output') {
  const { $schema: _, $defs, ...json } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return { schema: json, components: { ...$defs } as Schemas };
}

/** Serves the document at `/docs/openapi.json` and its pages at `/docs`. */
export function serveDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), { jsonDocumentUrl: 'docs/openapi.json' });
}
