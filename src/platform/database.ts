import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Config } from './config.ts';
import { type Prisma, PrismaClient } from './prisma/client.ts';

/** Prisma's interactive transaction. Every function that writes takes one first. */
export type Tx = Prisma.TransactionClient;

/** SQLSTATEs after which the same transaction may succeed: serialization failure, deadlock, lock not available. */
const RETRYABLE = ['40001', '40P01', '55P03', 'P2034'];
const ATTEMPTS_MAX = 8;

/** The connection to PostgreSQL: Prisma for rooms, the `pg` pool for hot paths and batch statements. */
@Injectable()
export class Database implements OnApplicationShutdown {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;

  constructor(config: Config) {
    this.pool = new pg.Pool({ connectionString: config.databaseUrl, max: config.databasePoolSize });
    // An idle connection lost to a database restart is replaced on next use; without a listener it would end the process.
    this.pool.on('error', () => this.pool.emit('lockstep-connection-lost'));
    this.prisma = new PrismaClient({ adapter: new PrismaPg(this.pool) });
  }

  /**
   * Runs `work` in one transaction and commits. On a serialization failure or deadlock the whole closure runs again, so
   * it must have no effect outside the database.
   */
  async transaction<T>(work: (tx: Tx) => Promise<T>, timeoutMs = 30_000): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.prisma.$transaction(work, { maxWait: timeoutMs, timeout: timeoutMs });
      } catch (error) {
        if (attempt >= ATTEMPTS_MAX || !isRetryable(error)) throw error;
      }
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.prisma.$disconnect();
    await this.pool.end();
  }
}

/** SQLSTATE or Prisma code of a database error, looking through Prisma's and the adapter's wrapping. */
export function databaseErrorCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; depth < 6 && typeof at === 'object' && at !== null; depth += 1) {
    const record = at as Record<string, unknown>;
    for (const key of ['originalCode', 'sqlState', 'code']) {
      const code = record[key];
      if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && code !== 'P2010') return code;
    }
    at =
      record['cause'] ??
      (record['meta'] as Record<string, unknown> | undefined)?.['driverAdapterError'] ??
      record['meta'];
  }
  return undefined;
}

const isRetryable = (error: unknown): boolean => RETRYABLE.includes(databaseErrorCode(error) ?? '');
