import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { REFUSALS, Refusal, type RefusalCode } from '../platform/refusal.ts';

/**
 * Reads every body, query and path parameter through the zod schema beside its decorator. The first fault, an
 * unknown field before all others, becomes a refusal that names the field by its JSON path and says what would be accepted.
 */
export class SchemaPipe implements PipeTransform {
  transform(value: unknown, { schema, type, data }: ArgumentMetadata): unknown {
    if (type === 'custom') return value;
    if (!(schema instanceof z.ZodType)) throw new Error(`a ${type} parameter has no zod schema`);
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const { issues } = parsed.error;
    const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
    if (issue === undefined) throw new Error('zod refused without an issue');
    throw refusalOf(issue, typeof data === 'string' ? [data] : []);
  }
}

/** The refusal of one zod issue found at `base`. Of a union, the branch that got furthest speaks. */
export function refusalOf(issue: z.core.$ZodIssue, base: readonly PropertyKey[] = []): Refusal {
  const path = [...base, ...issue.path];
  if (issue.code === 'invalid_union') {
    const deepest = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0];
    if (deepest !== undefined && deepest.path.length > 0) return refusalOf(deepest, path);
  }
  if (issue.code === 'unrecognized_keys') {
    return new Refusal('unknown_field', { field: jsonPath([...path, issue.keys[0] ?? '']), expected: 'no such field' });
  }
  return new Refusal(codeOf(issue), { field: jsonPath(path) || 'body', expected: expectedBy(issue) });
}

function codeOf(issue: z.core.$ZodIssue): RefusalCode {
  const code: unknown = issue.code === 'custom' ? issue.params?.['refusal'] : undefined;
  return typeof code === 'string' && isRefusalCode(code) ? code : 'invalid_field';
}

const isRefusalCode = (code: string): code is RefusalCode => Object.hasOwn(REFUSALS, code);

/** What would be accepted, in words. */
function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `a value of type ${issue.expected}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${unitOf(issue.origin)}`;
    default:
      return issue.message;
  }
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' || origin === 'set' ? ' items' : '';
}

/** `lines[0].price.amount` */
const jsonPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
