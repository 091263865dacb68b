import { Refusal } from '../platform/refusal.ts';

const DEPTH_MAX = 32;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/**
 * A request body as JSON, stricter than `JSON.parse`: no duplicate names, no `__proto__`, at most 32 levels, strings that
 * PostgreSQL can store (no NUL or other control characters, no lone surrogates). An empty body is `{}`.
 * @throws Refusal `invalid_body` naming the place.
 */
export function parseJsonBody(text: string): unknown {
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal('invalid_body', { field: 'body', expected: 'well-formed JSON' });
  }
  checkTokens(text);
  return value;
}

interface Open {
  /** Names seen in an object; null inside an array. */
  readonly names: Set<string> | null;
  expectsName: boolean;
}

/** Walks the tokens of a text that is known to be JSON. */
function checkTokens(text: string): void {
  const open: Open[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const inside = open.at(-1);
    if (token === '{' || token === '[') {
      open.push({ names: token === '{' ? new Set() : null, expectsName: token === '{' });
      if (open.length > DEPTH_MAX) fail('body', `at most ${DEPTH_MAX} levels of nesting`);
    } else if (token === '}' || token === ']') open.pop();
    else if (token === ',') {
      if (inside !== undefined) inside.expectsName = inside.names !== null;
    } else if (token !== ':')
      checkText(token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1), inside);
  }
}

function checkText(text: string, inside: Open | undefined): void {
  if (!text.isWellFormed() || CONTROL.test(text)) {
    fail('body', 'text without control characters and lone surrogates');
  }
  if (inside?.expectsName !== true || inside.names === null) return;
  inside.expectsName = false;
  if (text === '__proto__') fail('__proto__', 'no such field');
  if (inside.names.has(text)) fail(text, 'each field once');
  inside.names.add(text);
}

function fail(field: string, expected: string): never {
  throw new Refusal('invalid_body', { field, expected });
}
