import { z } from 'zod';
import { moneyView, timestamp, viewMoney, viewTime, viewTimeOrNull } from '../access/fields.ts';
import type { AssetCatalog } from '../markets/catalog.ts';
import type { AssetId } from '../money/asset.ts';
import type { LegRow, SwapRow } from './swap-rows.service.ts';

const legView = z
  .strictObject({
    id: z.string(),
    venue: z.string(),
    state: z.enum(['ready', 'intent', 'sent', 'seen', 'doubt', 'done', 'partial', 'returned']),
    input: moneyView,
    expected: moneyView,
    minimum: moneyView.meta({ description: 'The least it may bring; the venue itself refuses less' }),
    output: moneyView.nullable(),
    fees: z.array(z.strictObject({ kind: z.enum(['venue', 'network', 'spread']), amount: moneyView })),
    deadline: timestamp,
    sendId: z.string().nullable(),
    note: z.string().nullable().meta({ description: 'Why it waits, or why it was returned' }),
  })
  .meta({ id: 'SwapLeg' });

export const swapView = z
  .strictObject({
    id: z.string(),
    state: z.enum(['planned', 'running', 'held', 'done', 'failed']),
    reason: z
      .enum(['short', 'stock', 'surplus'])
      .meta({ description: 'short: owed and not there; stock: below its target; surplus: owed to nobody' }),
    input: moneyView,
    expected: moneyView,
    minimum: moneyView,
    output: moneyView.nullable(),
    legs: z.array(legView),
    lost: z
      .array(z.strictObject({ route: z.string(), why: z.string() }))
      .meta({ description: 'Routes that were not taken' }),
    evidenceIds: z.array(z.string()),
    note: z.string().nullable(),
    createdAt: timestamp,
    doneAt: timestamp.nullable(),
  })
  .meta({ id: 'Swap' });

export function viewSwap(swap: SwapRow, catalog: AssetCatalog): z.output<typeof swapView> {
  const amount = (asset: AssetId, units: bigint) => viewMoney(catalog.require(asset), units);
  return {
    id: swap.id,
    state: swap.state,
    reason: swap.reason,
    input: amount(swap.fromAsset, swap.inputUnits),
    expected: amount(swap.toAsset, swap.expectedUnits),
    minimum: amount(swap.toAsset, swap.minimumUnits),
    output: swap.outputUnits === null ? null : amount(swap.toAsset, swap.outputUnits),
    legs: swap.legs.map((leg) => viewLeg(leg, amount)),
    lost: [...swap.lost],
    evidenceIds: [...swap.evidenceIds],
    note: swap.note,
    createdAt: viewTime(swap.createdAt),
    doneAt: viewTimeOrNull(swap.doneAt),
  };
}

const viewLeg = (
  leg: LegRow,
  amount: (asset: AssetId, units: bigint) => z.output<typeof moneyView>,
): z.output<typeof legView> => ({
  id: leg.id,
  venue: leg.venue,
  state: leg.state,
  input: amount(leg.fromAsset, leg.inputUnits),
  expected: amount(leg.toAsset, leg.expectedUnits),
  minimum: amount(leg.toAsset, leg.minimumUnits),
  output: leg.outputUnits === null ? null : amount(leg.toAsset, leg.outputUnits),
  fees: leg.fees.map((fee) => ({ kind: fee.kind, amount: amount(fee.amount.asset, fee.amount.units) })),
  deadline: viewTime(leg.deadline),
  sendId: leg.sendId,
  note: leg.note,
});
