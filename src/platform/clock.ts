import { Injectable } from '@nestjs/common';
import { Config } from './config.ts';
import { Database, type Tx } from './database.ts';

/**
 * The one clock all rules use. In production it is the system's. With `CLOCK=database` it is a row of PostgreSQL that
 * every process reads, so that a test sets the time of all of them at once; SQL sees the same time as `lockstep_now()`.
 */
@Injectable()
export class Clock {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
  ) {}

  /** Inside a transaction give it `tx`: it holds a connection already, and waiting for a second one can block all. */
  async now(tx?: Tx): Promise<Date> {
    if (this.config.clock === 'system') return new Date();
    const [row] =
      tx === undefined
        ? (await this.database.pool.query<{ now: Date }>('SELECT lockstep_now() AS now')).rows
        : await tx.$queryRaw<{ now: Date }[]>`SELECT lockstep_now() AS now`;
    if (row === undefined) throw new Error('lockstep_now() gave no row');
    return row.now;
  }
}
