import { z } from 'zod';
import { isScope, type Scope } from '../../src/access/scopes.ts';
import type { TestApp } from './app.ts';

/** JSON Schema as far as the document uses it. */
export interface Schema {
  readonly type?: string | readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: Schema | undefined;
  readonly anyOf?: readonly Schema[] | undefined;
  readonly oneOf?: readonly Schema[] | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown;
  readonly example?: unknown;
  readonly default?: unknown;
  readonly pattern?: string | undefined;
  readonly minimum?: number | undefined;
  readonly minLength?: number | undefined;
  readonly minItems?: number | undefined;
  readonly $ref?: string | undefined;
}

export interface Route {
  /** `POST /v1/keys/{id}/rotate` */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Null for a public route. */
  readonly scope: Scope | null;
  readonly body: Schema | null;
  /** An id of the right form for its path, as the document shows it. */
  readonly idExample: string | null;
  readonly query: readonly { readonly name: string; readonly required: boolean; readonly schema: Schema }[];
}

const operation = z.object({
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z
    .array(z.object({ name: z.string(), in: z.string(), required: z.boolean().optional(), schema: z.custom<Schema>() }))
    .optional(),
  requestBody: z
    .object({ content: z.object({ 'application/json': z.object({ schema: z.custom<Schema>() }) }) })
    .optional(),
});
const document = z.object({
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.object({ schemas: z.record(z.string(), z.custom<Schema>()) }),
});

/** Every route of a running service, as its OpenAPI document lists them. */
export async function routesOf(service: TestApp): Promise<Route[]> {
  const { paths, components } = document.parse((await service.send('GET', '/docs/openapi.json')).body);
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([lower, { security, parameters, requestBody }]) => {
      const scope = security?.[0]?.['apiKey']?.[0] ?? null;
      if (scope !== null && !isScope(scope)) throw new Error(`${path} needs an unknown scope ${scope}`);
      return {
        name: `${lower.toUpperCase()} ${path}`,
        method: lower.toUpperCase(),
        path,
        scope,
        body:
          requestBody === undefined
            ? null
            : inlined(requestBody.content['application/json'].schema, components.schemas),
        idExample: exampleOf((parameters ?? []).find((parameter) => parameter.in === 'path')?.schema),
        query: (parameters ?? [])
          .filter((parameter) => parameter.in === 'query')
          .map(({ name, required, schema }) => ({ name, required: required ?? false, schema })),
      };
    }),
  );
}

/** A schema with its references replaced by what they name. No body refers to itself. */
function inlined(schema: Schema, named: Readonly<Record<string, Schema>>): Schema {
  const of = schema.$ref === undefined ? schema : named[schema.$ref.replace('#/components/schemas/', '')];
  if (of === undefined) throw new Error(`${schema.$ref} is not in the document`);
  const each = (parts: readonly Schema[] | undefined) => parts?.map((part) => inlined(part, named));
  const properties = Object.entries(of.properties ?? {}).map(([name, part]) => [name, inlined(part, named)] as const);
  return {
    ...of,
    ...(of.properties && { properties: Object.fromEntries(properties) }),
    ...(of.items && { items: inlined(of.items, named) }),
    ...(of.anyOf && { anyOf: each(of.anyOf) }),
    ...(of.oneOf && { oneOf: each(of.oneOf) }),
  };
}

const exampleOf = (schema: Schema | undefined): string | null =>
  typeof schema?.example === 'string' ? schema.example : null;

/** A body that fits a schema: examples where there are any, otherwise the least that is accepted. */
export function sampleOf(schema: Schema): unknown {
  if (schema.example !== undefined) return schema.example;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const branch = (schema.anyOf ?? schema.oneOf)?.[0];
  if (branch !== undefined) return sampleOf(branch);
  switch ([schema.type].flat()[0]) {
    case 'object':
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, of]) => [name, sampleOf(of)]));
    case 'array':
      return schema.items === undefined ? [] : [sampleOf(schema.items)];
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      if (schema.pattern !== undefined) throw new Error(`a string with a pattern needs an example: ${schema.pattern}`);
      return 'x'.repeat(Math.max(schema.minLength ?? 1, 1));
  }
}

export interface Field {
  /** JSON path as a refusal names it. */
  readonly name: string;
  readonly path: readonly (string | number)[];
  readonly schema: Schema;
}

/** Every field of a body's schema, those inside its parts included. */
export function fieldsOf(schema: Schema, path: readonly (string | number)[] = []): Field[] {
  const branch = (schema.anyOf ?? schema.oneOf)?.[0];
  const here: Field[] = path.length === 0 ? [] : [{ name: jsonPath(path), path, schema: branch ?? schema }];
  const of = branch ?? schema;
  return [
    ...here,
    ...Object.entries(of.properties ?? {}).flatMap(([name, part]) => fieldsOf(part, [...path, name])),
    ...(of.items === undefined ? [] : fieldsOf(of.items, [...path, 0])),
  ];
}

/** A copy of a JSON value with one part of it replaced. */
export function replaced(value: unknown, path: readonly (string | number)[], by: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return by;
  if (Array.isArray(value)) return value.map((item, index) => (index === first ? replaced(item, rest, by) : item));
  const record = z.record(z.string(), z.unknown()).parse(value);
  return { ...record, [first]: replaced(record[first], rest, by) };
}

const jsonPath = (path: readonly (string | number)[]): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
