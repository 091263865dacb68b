import type { Config } from '../../platform/config.ts';
import type { Chains } from '../chains/index.ts';
import type { Venue } from '../venue.ts';

/** Every venue there is a driver for; one that is not configured is off. */
const DRIVERS: readonly ((config: Config, chains: Chains) => Venue | null)[] = [];

/** The venues in use. */
export class Venues {
  constructor(private readonly venues: readonly Venue[]) {}

  /** The venues a configuration switches on. */
  static from(config: Config, chains: Chains): Venues {
    return new Venues(DRIVERS.flatMap((driver) => driver(config, chains) ?? []));
  }

  /** @throws Error for a venue that is off: a leg that was placed there cannot be followed. */
  get(name: string): Venue {
    const venue = this.venues.find((candidate) => candidate.name === name);
    if (venue === undefined) throw new Error(`venue ${name} is not configured`);
    return venue;
  }

  all(): readonly Venue[] {
    return this.venues;
  }
}
