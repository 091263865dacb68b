export interface JsonRpcOptions {
  /** HTTP(S) address of the node; user and password in it become a Basic authorization header. */
  readonly url: string;
  /** Time limit of one call, answer included. */
  readonly timeoutMs?: number;
  /** Longest answer read. */
  readonly bytesMax?: number;
}

/** The node understood the call and answered with an error. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(method: string, code: number, message: string, data: unknown) {
    super(`${method}: ${message} (${code})`);
    this.name = 'RpcError';
    this.code = code;
    this.data = data;
  }
}

/** No usable answer came: the call may or may not have had its effect. */
export class RpcUnavailable extends Error {
  constructor(method: string, reason: string, cause?: unknown) {
    super(`${method}: ${reason}`, { cause });
    this.name = 'RpcUnavailable';
  }
}

const BATCH_SIZE = 100;

/** JSON-RPC 2.0 over HTTP POST. https://www.jsonrpc.org/specification */
export class JsonRpc {
  private readonly url: string;
  private readonly headers: Record<string, string>;
  private readonly timeoutMs: number;
  private readonly bytesMax: number;
  private lastId = 0;

  constructor({ url, timeoutMs = 15_000, bytesMax = 64 << 20 }: JsonRpcOptions) {
    const { href, authorization } = splitCredentials(url);
    this.url = href;
    this.headers = { 'content-type': 'application/json', ...(authorization === null ? {} : { authorization }) };
    this.timeoutMs = timeoutMs;
    this.bytesMax = bytesMax;
  }

  /**
   * The `result` of a call, to be parsed by the caller.
   * @throws RpcError for an error the node answered; RpcUnavailable for anything that is not an answer to this call:
   * no connection, time out, HTML, truncated or oversized text, another id.
   */
  async call(method: string, params: readonly unknown[] | Readonly<Record<string, unknown>>): Promise<unknown> {
    this.lastId += 1;
    const id = this.lastId;
    const text = await this.post(method, JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    const answer = parseObject(method, text);
    const error = errorOf(method, answer);
    if (error !== null) throw error;
    if (answer['id'] !== id) throw new RpcUnavailable(method, 'the node answered another call (wrong id)');
    return resultOf(method, answer);
  }

  /**
   * Results of many calls of one method, in their order, sent in batches of 100; where the node answered a call with an
   * error, the RpcError stands in its place. @throws RpcUnavailable as `call` does, for all of them.
   */
  async batch(method: string, calls: readonly (readonly unknown[])[]): Promise<unknown[]> {
    const results: unknown[] = [];
    for (let from = 0; from < calls.length; from += BATCH_SIZE) {
      const part = calls.slice(from, from + BATCH_SIZE);
      const firstId = this.lastId + 1;
      this.lastId += part.length;
      const body = part.map((params, place) => ({ jsonrpc: '2.0', id: firstId + place, method, params }));
      const answers = new Map(
        parseList(method, await this.post(method, JSON.stringify(body))).map((one) => [one['id'], one]),
      );
      for (const { id } of body) {
        const answer = answers.get(id);
        if (answer === undefined) throw new RpcUnavailable(method, 'a call of the batch has no answer');
        results.push(errorOf(method, answer) ?? resultOf(method, answer));
      }
    }
    return results;
  }

  private async post(method: string, body: string): Promise<string> {
    const signal = AbortSignal.timeout(this.timeoutMs);
    try {
      const init = { method: 'POST', headers: this.headers, body, signal, redirect: 'error' } as const;
      const response = await fetch(this.url, init);
      return await readText(response, this.bytesMax);
    } catch (error) {
      const reason = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : '';
      throw new RpcUnavailable(method, `no answer: ${reason}`, error);
    }
  }
}

async function readText(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > bytesMax) throw new Error(`the answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function errorOf(method: string, answer: Record<string, unknown>): RpcError | null {
  const error = answer['error'];
  return error === undefined || error === null ? null : nodeError(method, error);
}

function resultOf(method: string, answer: Record<string, unknown>): unknown {
  if (answer['result'] === undefined) throw new RpcUnavailable(method, 'the answer has neither result nor error');
  return answer['result'];
}

function parseObject(method: string, text: string): Record<string, unknown> {
  const value = parseExact(method, text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new RpcUnavailable(method, 'the answer is not a JSON-RPC object');
}

function parseList(method: string, text: string): Record<string, unknown>[] {
  const value = parseExact(method, text);
  if (!Array.isArray(value)) throw new RpcUnavailable(method, 'the answer is not a JSON-RPC batch');
  return value.map((one: unknown) => (typeof one === 'object' && one !== null ? { ...one } : {}));
}

/** JSON in which only safe integers become numbers; other numbers (`0.10000000` BTC) come as the text they were. */
function parseExact(method: string, text: string): unknown {
  const exact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined) return value;
    return Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? value : source;
  };
  try {
    return JSON.parse(text, exact);
  } catch (error) {
    throw new RpcUnavailable(method, `the answer is not JSON: ${JSON.stringify(text.slice(0, 60))}`, error);
  }
}

function nodeError(method: string, error: unknown): RpcError {
  const { code, message, data } = typeof error === 'object' && error !== null ? { ...EMPTY, ...error } : EMPTY;
  return new RpcError(method, typeof code === 'number' ? code : 0, String(message), data);
}

const EMPTY: { code: unknown; message: unknown; data: unknown } = { code: 0, message: 'unknown error', data: null };

function splitCredentials(url: string): { href: string; authorization: string | null } {
  const parsed = new URL(url);
  if (parsed.username === '' && parsed.password === '') return { href: parsed.href, authorization: null };
  const pair = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
  parsed.username = '';
  parsed.password = '';
  return { href: parsed.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
