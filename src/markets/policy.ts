import { z } from 'zod';
import type { Config } from '../platform/config.ts';

const amount = z.string().regex(/^(0|[1-9]\d*)(\.\d+)?$/);
const count = z.number().int().min(0);
const bps = z.number().int().min(0).max(10_000);

/** What the operator decides about one asset; whole units of the asset unless the name says otherwise. */
const policySchema = z.strictObject({
  /** Confirmations until a deposit is credited and its escrow starts. */
  creditDepth: count,
  /** Confirmations until what came of a deposit may leave: payables paid, its coin spent. */
  releaseDepth: count,
  /** Deposits worth more than this, in USD, wait for `releaseDepth` before they are credited. */
  largeDepositUsd: amount,
  /** Time from the lock until a deposit must have been seen, in milliseconds. */
  fundByMs: z.number().int().positive(),
  /** Further time until it must be in a block. */
  confirmAfterMs: z.number().int().positive(),
  /** Deposits below this are not credited: unclaimed, listed, claimable. */
  depositMinimum: amount,
  /** Largest size of one lock. */
  lockMaximum: amount,
  /** Lock premium, basis points of the pay amount. */
  premiumBps: bps,
  /** Stress of a lock in this asset: the part of its notional that is reserved against the caps. */
  stressBps: bps,
  /** Cap on the stress of all open locks paid in this asset, USD. */
  exposureCapUsd: amount,
  /** Cap on what was credited but not released, USD; above it deposits wait for `releaseDepth`. */
  unreleasedCapUsd: amount,
  /** Own float below which quotes that need it stop and an alarm is raised. */
  floatLow: amount,
  /** Position the desk steers to, and how far it may stray before it trades. */
  positionTarget: amount,
  positionBand: amount,
  /** Least payout to one payee. */
  payoutMinimum: amount,
});

export type AssetPolicy = z.output<typeof policySchema>;

const HOUR_MS = 3_600_000;
const STABLECOIN: AssetPolicy = {
  creditDepth: 12,
  releaseDepth: 64,
  largeDepositUsd: '10000',
  fundByMs: HOUR_MS,
  confirmAfterMs: HOUR_MS / 4,
  depositMinimum: '1',
  lockMaximum: '100000',
  premiumBps: 100,
  stressBps: 1500,
  exposureCapUsd: '200000',
  unreleasedCapUsd: '50000',
  floatLow: '0',
  positionTarget: '0',
  positionBand: '500',
  payoutMinimum: '5',
};

/** Starting policies, by asset; `POLICY` changes single values. Premiums: `docs` of the rate lock in ARCHITECTURE.md. */
const DEFAULTS: Readonly<Record<string, AssetPolicy>> = {
  BTC: {
    ...STABLECOIN,
    creditDepth: 1,
    releaseDepth: 6,
    confirmAfterMs: 2 * HOUR_MS,
    depositMinimum: '0.0002',
    lockMaximum: '2',
    premiumBps: 150,
    positionBand: '0.01',
    payoutMinimum: '0.0005',
  },
  AKT: {
    ...STABLECOIN,
    creditDepth: 1,
    releaseDepth: 1,
    depositMinimum: '0.1',
    lockMaximum: '100000',
    floatLow: '1000',
    positionBand: '10',
    payoutMinimum: '0.1',
  },
  ETH: { ...STABLECOIN, depositMinimum: '0.001', lockMaximum: '50', positionTarget: '0.5', positionBand: '0.25' },
};

export const POLICY_NAMES = Object.keys(policySchema.shape) as (keyof AssetPolicy)[];

const known = new WeakMap<Config, Map<string, AssetPolicy>>();

/** The policy of an asset under a configuration. @throws Error naming the setting if `POLICY` changes it to something unusable. */
export function policyOf(config: Config, asset: string): AssetPolicy {
  const policies = known.get(config) ?? new Map<string, AssetPolicy>();
  const policy = policies.get(asset) ?? readPolicy(config, asset);
  known.set(config, policies.set(asset, policy));
  return policy;
}

function readPolicy(config: Config, asset: string): AssetPolicy {
  const changed = { ...(DEFAULTS[asset] ?? STABLECOIN), ...(config.settings.POLICY?.[asset] as object | undefined) };
  const parsed = policySchema.safeParse(changed);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  throw new Error(`settings: POLICY for ${asset}: ${faults.join('; ')}`);
}
