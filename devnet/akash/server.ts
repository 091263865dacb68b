import { createServer, type IncomingMessage, type Server } from 'node:http';
import { DEVNET_METHODS } from './devnet-methods.ts';
import { COMETBFT_METHODS, LostAnswer, type Node, type Params, RpcError } from './rpc.ts';

interface Call {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
}

/** JSON-RPC 2.0 over HTTP POST, single and in batches, as CometBFT serves it: errors too come with status 200. */
export function rpcServer(node: Node): Server {
  return createServer((request, response) => {
    answerBody(node, request).then(
      (answer) => response.setHeader('content-type', 'application/json').end(JSON.stringify(answer)),
      (error: unknown) => {
        if (!(error instanceof LostAnswer)) process.stderr.write(`${error}\n`);
        response.destroy();
      },
    );
  });
}

async function answerBody(node: Node, request: IncomingMessage): Promise<unknown> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  let calls: unknown;
  try {
    calls = JSON.parse(body);
  } catch {
    return failure(null, -32700, 'Parse error', 'the body is not JSON');
  }
  return Array.isArray(calls) ? Promise.all(calls.map((call) => answer(node, call))) : answer(node, calls);
}

async function answer(node: Node, call: unknown): Promise<unknown> {
  if (!isRecord(call)) return failure(null, -32600, 'Invalid Request', 'a call is an object');
  const { id, method, params }: Call = call;
  const run = typeof method === 'string' ? (COMETBFT_METHODS[method] ?? DEVNET_METHODS[method]) : undefined;
  if (!run) return failure(id, -32601, 'Method not found', '');
  try {
    return { jsonrpc: '2.0', id, result: await run(node, isRecord(params) ? params : {}) };
  } catch (error) {
    if (error instanceof RpcError) return failure(id, -32603, 'Internal error', error.message);
    throw error;
  }
}

const failure = (id: unknown, code: number, message: string, data: string) => ({
  jsonrpc: '2.0',
  id: id ?? -1,
  error: { code, message, data },
});

const isRecord = (value: unknown): value is Params =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
