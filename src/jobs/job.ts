import type { JobName } from './flow.ts';

/**
 * A step of the business. Running it twice, late, at the same time in two workers, or for nothing changes nothing: what is
 * due is decided in the database. `key` is the chain for jobs that run per chain, else empty.
 */
export abstract class Job {
  abstract readonly name: JobName;
  abstract run(key: string): Promise<void>;
}

/** Token of all jobs. */
export const JOB_LIST = Symbol('JOB_LIST');
