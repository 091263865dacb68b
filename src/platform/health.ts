import { Injectable } from '@nestjs/common';

/** One dependency: null while it works, otherwise what is wrong with it in a few words. May throw. */
export type ReadinessCheck = () => Promise<string | null>;

/** What this process needs in order to work. Rooms add their own checks; `/health/ready` asks them all. */
@Injectable()
export class Health {
  readonly checks = new Map<string, ReadinessCheck>();

  /** Adds a dependency under its name: `database`, `chain.bitcoin`. @throws Error if the name is taken. */
  add(name: string, check: ReadinessCheck): void {
    if (this.checks.has(name)) throw new Error(`readiness check ${name} is there already`);
    this.checks.set(name, check);
  }
}
