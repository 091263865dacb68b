import type { LoggerService } from '@nestjs/common';
import { type Logger, pino } from 'pino';

/** Values under these names never reach a log line. */
const SECRET_NAMES = [
  'authorization',
  'apiKey',
  'key',
  'secret',
  'password',
  'mnemonic',
  'xprv',
  'raw',
  'databaseUrl',
  'redisUrl',
];

/** The process's structured log: one JSON object a line on standard output. */
export function createLogger(level: string, process: string): Logger {
  return pino({
    level,
    base: { process },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
  });
}

/** Nest's own messages in the same log. */
export class NestLog implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: unknown): void {
    this.logger.debug({ context }, String(message));
  }
  warn(message: unknown, context?: unknown): void {
    this.logger.warn({ context }, String(message));
  }
  error(message: unknown, stack?: unknown, context?: unknown): void {
    this.logger.error({ context, stack }, String(message));
  }
}
