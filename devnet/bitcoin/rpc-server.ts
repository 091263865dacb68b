import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Method } from './methods.ts';
import { RPC, RpcError } from './rpc-error.ts';

interface Reply {
  readonly result: unknown;
  readonly error: { readonly code: number; readonly message: string } | null;
  readonly id: unknown;
}

/** Runs one task at a time in the order they came: mempool and chain are changed by nobody else meanwhile. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(task: () => Promise<T> | T): Promise<T> {
    const mine = this.#last.then(task);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

/** JSON-RPC 1.0 over HTTP as Core answers it, single or batch, on 127.0.0.1. */
export function serveRpc(methods: ReadonlyMap<string, Method>, turn: Turn, port: number): Promise<Server> {
  const answer = async (call: unknown): Promise<Reply> => {
    const { method, params, id } = call as { method?: unknown; params?: unknown; id?: unknown };
    try {
      const run = typeof method === 'string' ? methods.get(method) : undefined;
      if (!run) throw new RpcError(RPC.methodNotFound, 'Method not found');
      return { result: await turn.take(() => run(Array.isArray(params) ? params : [])), error: null, id: id ?? null };
    } catch (error) {
      const code = error instanceof RpcError ? error.code : RPC.misc;
      return { result: null, error: { code, message: (error as Error).message }, id: id ?? null };
    }
  };
  const server = createServer((request, response) => {
    respond(request, answer)
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      })
      .catch((error: unknown) => {
        response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error));
      });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function respond(
  request: IncomingMessage,
  answer: (call: unknown) => Promise<Reply>,
): Promise<{ status: number; body: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const calls: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (Array.isArray(calls)) return { status: 200, body: JSON.stringify(await Promise.all(calls.map(answer))) };
  const reply = await answer(calls);
  const status = reply.error === null ? 200 : reply.error.code === RPC.methodNotFound ? 404 : 500;
  return { status, body: JSON.stringify(reply) };
}
