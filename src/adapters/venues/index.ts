import type { Config } from '../../platform/config.ts';
import { configuredAssets } from '../assets.ts';
import type { Venue } from '../venue.ts';
import { InventoryVenue } from './inventory.ts';
import { UniswapVenue } from './uniswap.ts';

/** Every venue there is a driver for; one that is not configured is off. */
const DRIVERS: readonly ((config: Config) => Venue | null)[] = [inventory, uniswap];

/** The venues in use. */
export class Venues {
  constructor(private readonly venues: readonly Venue[]) {}

  /** The venues a configuration switches on. */
  static from(config: Config): Venues {
    return new Venues(DRIVERS.flatMap((driver) => driver(config) ?? []));
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

/** The asset the float is kept in: what providers are paid in. */
const FLOAT_ASSET = 'AKT';
/** p95 time until a sent swap is final: two epochs of Ethereum and a block. */
const ETHEREUM_SETTLE_MS = 15 * 60_000;

function inventory(config: Config): Venue | null {
  const assets = configuredAssets(config);
  if (!assets.some(({ id }) => id === FLOAT_ASSET)) return null;
  const { SPREAD_BPS, QUOTE_TTL_MS } = config.settings;
  return new InventoryVenue({ assets, floatAsset: FLOAT_ASSET, spreadBps: SPREAD_BPS, quoteTtlMs: QUOTE_TTL_MS });
}

function uniswap(config: Config): Venue | null {
  const { UNISWAP, ETHEREUM_RPC_URL, ETHEREUM_HOT_ADDRESS, QUOTE_TTL_MS } = config.settings;
  const assets = configuredAssets(config).filter(({ chain }) => chain === 'ethereum');
  const feeAsset = assets.find(({ reference }) => reference === null);
  if (UNISWAP === undefined || ETHEREUM_RPC_URL === undefined || ETHEREUM_HOT_ADDRESS === undefined || !feeAsset)
    return null;
  return new UniswapVenue({
    rpcUrl: ETHEREUM_RPC_URL,
    contracts: UNISWAP,
    assets,
    feeAsset,
    wallet: ETHEREUM_HOT_ADDRESS,
    quoteTtlMs: QUOTE_TTL_MS,
    settleMs: ETHEREUM_SETTLE_MS,
    finality: 'tag',
  });
}
