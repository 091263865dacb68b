import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort } from '../postgres.ts';
import { StackError } from './data-folder.ts';

/** The port of the API: `PORT`, 8080 by default, 0 for a free one. */
export async function apiPort(text: string | undefined): Promise<number> {
  const port = Number(text === undefined || text === '' ? 8080 : text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new StackError(`PORT is not a port: ${text}`);
  return port === 0 ? freePort() : port;
}

/** @throws StackError for a port that something else listens on */
export async function requireFree(port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    throw new StackError(taken ? `port ${port} is in use; set PORT to another` : `port ${port}: ${String(error)}`);
  } finally {
    server.close();
  }
}
