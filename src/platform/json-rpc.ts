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

/** JSON-RPC 2.0 over HTTP POST, one call a request. https://www.jsonrpc.org/specification */
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
  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    this.lastId += 1;
    const id = this.lastId;
    const text = await this.post(method, JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    const answer = parseObject(method, text);
    if (answer['error'] !== undefined && answer['error'] !== null) throw nodeError(method, answer['error']);
    if (answer['id'] !== id) throw new RpcUnavailable(method, 'the node answered another call (wrong id)');
    if (answer['result'] === undefined) throw new RpcUnavailable(method, 'the answer has neither result nor error');
    return answer['result'];
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

function parseObject(method: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch (error) {
    throw new RpcUnavailable(method, `the answer is not JSON: ${JSON.stringify(text.slice(0, 60))}`, error);
  }
  throw new RpcUnavailable(method, 'the answer is not a JSON-RPC object');
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
