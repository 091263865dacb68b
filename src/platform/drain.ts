import type { INestApplicationContext } from '@nestjs/common';
import type { Logger } from 'pino';

/** Ends the process on SIGTERM or SIGINT once what it has begun is finished; `fail` is given what went wrong meanwhile. */
export function drainOnSignal(app: INestApplicationContext, logger: Logger, fail: (error: unknown) => void): void {
  let draining = false;
  const drain = (signal: string) => {
    if (draining) return;
    draining = true;
    logger.info({ signal }, 'draining');
    app.close().then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', drain);
  process.on('SIGINT', drain);
}
