import { randomUUID } from 'node:crypto';

/** An answer of the service that is not what was asked for. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, problem: { code?: string; title?: string; detail?: string }) {
    super(problem.detail ?? problem.title ?? `status ${status}`);
    this.status = status;
    this.code = problem.code ?? '';
  }
}

/** The service's REST API, for one key. */
export class Api {
  readonly url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.url = url;
    this.#key = key;
  }

  /** @throws ApiError for any answer but a 2xx. */
  get<T>(path: string): Promise<T> {
    return this.#send<T>(path, {});
  }

  /** @throws ApiError for any answer but a 2xx. */
  post<T>(path: string, body: object): Promise<T> {
    return this.#send<T>(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      body: JSON.stringify(body),
    });
  }

  async #send<T>(path: string, { headers, ...init }: RequestInit & { headers?: Record<string, string> }): Promise<T> {
    const all = { ...headers, authorization: `Bearer ${this.#key}` };
    const response = await fetch(this.url + path, { ...init, headers: all });
    const body = (await response.json()) as T;
    if (!response.ok) throw new ApiError(response.status, body as object);
    return body;
  }
}

export interface Amount {
  readonly asset: string;
  readonly amount: string;
}

export interface Quote {
  readonly id: string;
  readonly pay: Amount;
  readonly lines: readonly {
    readonly ticks: string;
    readonly escrow: Amount;
    readonly rate: { readonly decimal: string };
  }[];
}

export interface Deposit {
  readonly id: string;
  readonly leaseId: string | null;
  readonly asset: string | null;
  readonly txId: string;
  readonly amount: string;
  readonly state: string;
  readonly confirmations: number;
}

export interface Line {
  readonly id: string;
  readonly payeeAddress: string;
  readonly credited: Amount;
  readonly accrued: Amount;
  readonly paidOut: Amount;
  readonly unspent: Amount;
  readonly fundedUntil: { readonly tick: string } | null;
}

export interface Lease {
  readonly id: string;
  readonly state: string;
  readonly lines: readonly Line[];
  readonly locks: readonly {
    readonly address: string;
    readonly due: Amount;
    readonly paymentUri: string | null;
    readonly fundBy: string;
  }[];
  readonly lots: readonly { readonly lockId: string | null; readonly credited: Amount }[];
  readonly deposits: readonly Deposit[];
}

export interface Event {
  readonly type: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** Asks until there is an answer. @throws Error naming what did not happen in time. */
export async function eventually<T>(what: string, ask: () => Promise<T | null>, withinMs = 180_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await ask();
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${Math.round(withinMs / 1000)} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
