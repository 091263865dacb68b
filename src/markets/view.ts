import { z } from 'zod';
import { timestamp, viewTime, viewTimeOrNull } from '../access/fields.ts';
import type { Asset } from '../money/asset.ts';
import { formatRatio } from '../money/codec.ts';
import { ASSET_STATES, type AssetState, type AssetStateRecord } from './asset-states.service.ts';
import type { AssetPolicy } from './policy.ts';
import type { AcceptedPrice, MissingPrice, PriceInput } from './price.ts';
import { PRICE_RULE_VERSION } from './price-rule.ts';

/** Digits shown of a USD price; rules compute with the exact ratio. */
const PRICE_PLACES = 12;

const amount = (description: string) => z.string().meta({ description });
const milliseconds = (description: string) => z.int().meta({ description: `${description}, milliseconds` });

export const assetView = z
  .strictObject({
    id: z.string(),
    ticker: z.string(),
    chain: z.string(),
    decimals: z.int(),
    caip19: z.string().meta({ description: 'CAIP-19 id' }),
    reference: z.string().nullable().meta({ description: "Token contract or bank denom; null for a chain's own coin" }),
    state: z.enum(ASSET_STATES),
    stateReason: z.string().nullable(),
    stateChangedAt: timestamp.nullable(),
    finality: z.strictObject({
      creditDepth: z.int().meta({ description: 'Confirmations until a deposit is credited' }),
      releaseDepth: z.int().meta({ description: 'Confirmations until what came of it may be paid out' }),
      largeDepositUsd: amount('Deposits worth more wait for the release depth, USD'),
    }),
    limits: z.strictObject({
      depositMinimum: amount('Least deposit that is credited'),
      lockMaximum: amount('Largest size of one lock'),
      payoutMinimum: amount('Least payout to one payee'),
      fundByMs: milliseconds('Time from the lock until a deposit must be seen'),
      confirmAfterMs: milliseconds('Further time until it must be in a block'),
    }),
    premiumBps: z.int().meta({ description: 'Lock premium, basis points of the pay amount' }),
  })
  .meta({ id: 'Asset' });

export function viewAsset(
  asset: Asset,
  state: AssetState,
  record: AssetStateRecord | null,
  policy: AssetPolicy,
): z.output<typeof assetView> {
  const { id, ticker, chain, decimals, caip19, reference } = asset;
  const { creditDepth, releaseDepth, largeDepositUsd } = policy;
  const { depositMinimum, lockMaximum, payoutMinimum, fundByMs, confirmAfterMs } = policy;
  return {
    id,
    ticker,
    chain,
    decimals,
    caip19,
    reference,
    state,
    stateReason: record?.reason ?? null,
    stateChangedAt: viewTimeOrNull(record?.changedAt ?? null),
    finality: { creditDepth, releaseDepth, largeDepositUsd },
    limits: { depositMinimum, lockMaximum, payoutMinimum, fundByMs, confirmAfterMs },
    premiumBps: policy.premiumBps,
  };
}

const usd = z.string().meta({ description: `USD for one whole unit, cut after ${PRICE_PLACES} decimals` });

const sourceView = z.strictObject({
  source: z.string(),
  bid: usd.nullable(),
  ask: usd.nullable(),
  through: z.string().nullable().meta({ description: 'Asset the source quotes in, where it is not USD' }),
  observedAt: timestamp.nullable(),
  ageMs: milliseconds('Age of the observation').nullable(),
  used: z.boolean(),
  why: z.string().nullable().meta({ description: 'Why it is not used' }),
});

export const rateView = z
  .strictObject({
    asset: z.string(),
    price: z
      .strictObject({
        mid: usd,
        bid: usd,
        ask: usd,
        uncertaintyBps: z.int().meta({ description: 'Half the distance of bid and ask, basis points' }),
        oldestObservedAt: timestamp,
        ageMs: milliseconds('Age of the oldest observation used'),
      })
      .nullable()
      .meta({ description: 'Null: nothing is quoted in this asset now' }),
    why: z.string().nullable().meta({ description: 'Why there is no price' }),
    judgedAt: timestamp,
    ruleVersion: z.string(),
    sources: z.array(sourceView),
  })
  .meta({ id: 'Rate' });

export function viewRate(rate: AcceptedPrice | MissingPrice, now: Date): z.output<typeof rateView> {
  const accepted = 'mid' in rate ? rate : null;
  const ageMs = (at: Date) => now.getTime() - at.getTime();
  return {
    asset: rate.asset,
    price: accepted && {
      mid: formatRatio(accepted.mid, PRICE_PLACES),
      bid: formatRatio(accepted.bid, PRICE_PLACES),
      ask: formatRatio(accepted.ask, PRICE_PLACES),
      uncertaintyBps: accepted.uncertaintyBps,
      oldestObservedAt: viewTime(accepted.oldestObservedAt),
      ageMs: ageMs(accepted.oldestObservedAt),
    },
    why: 'reason' in rate ? rate.reason : null,
    judgedAt: viewTime(rate.at),
    ruleVersion: PRICE_RULE_VERSION,
    sources: rate.inputs.map((input) => viewSource(input, rate, ageMs)),
  };
}

function viewSource(
  { source, reading, through, reason }: PriceInput,
  rate: AcceptedPrice | MissingPrice,
  ageMs: (at: Date) => number,
): z.output<typeof sourceView> {
  return {
    source,
    bid: reading && formatRatio(reading.bid, PRICE_PLACES),
    ask: reading && formatRatio(reading.ask, PRICE_PLACES),
    through,
    observedAt: reading && viewTime(reading.observedAt),
    ageMs: reading && ageMs(reading.observedAt),
    used: 'used' in rate && rate.used.includes(source),
    why: reason ?? rate.dropped.find((drop) => drop.source === source)?.reason ?? null,
  };
}
