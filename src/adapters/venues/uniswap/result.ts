import type { Asset } from '../../../money/asset.ts';
import type { JsonRpc } from '../../../platform/json-rpc.ts';
import type { LegResult } from '../../venue.ts';
import { headerSchema, receiptSchema, TOKEN_EVENTS } from './abi.ts';

interface SentSwap {
  readonly txId: string;
  readonly deadline: Date;
  readonly finality: 'tag' | number;
  readonly contracts: { readonly router: string; readonly weth: string };
  readonly wallet: string;
}

interface Event {
  readonly contract: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly units: bigint;
}

type Swapped =
  | Exclude<LegResult, { kind: 'done' }>
  | { readonly kind: 'done'; readonly input: bigint; readonly output: bigint };

/** What a sent swap did: input out of the wallet and output into it, summed over the receipt's events. */
export async function resultOf(rpc: JsonRpc, swap: SentSwap, from: Asset, to: Asset): Promise<Swapped> {
  // The final block is read first: a receipt missing after it was read can no longer come in time.
  const final = await finalHeader(rpc, swap.finality);
  const receipt = receiptSchema.parse(await rpc.call('eth_getTransactionReceipt', [swap.txId]));
  const deadlineSeconds = BigInt(Math.floor(swap.deadline.getTime() / 1000));
  if (receipt === null)
    return final.timestamp > deadlineSeconds ? failed('not mined before its deadline') : { kind: 'pending' };
  if (receipt.status !== 1n) return receipt.blockNumber <= final.number ? failed('reverted') : { kind: 'pending' };
  const events = receipt.logs.flatMap(eventOf);
  const { router, weth } = swap.contracts;
  const sum = (wanted: Partial<Event>): bigint =>
    events.filter((event) => matches(event, wanted)).reduce((total, { units }) => total + units, 0n);
  const input = from.reference === null ? 0n : sum({ name: 'Transfer', contract: from.reference, from: swap.wallet });
  const output =
    to.reference === null
      ? sum({ name: 'Withdrawal', contract: weth, from: router })
      : sum({ name: 'Transfer', contract: to.reference, to: swap.wallet });
  if (output === 0n || (from.reference !== null && input === 0n))
    throw new Error(`transaction ${swap.txId} succeeded but its events show no swap of ${from.id} to ${to.id}`);
  return { kind: 'done', input, output };
}

async function finalHeader(rpc: JsonRpc, finality: 'tag' | number): Promise<{ number: bigint; timestamp: bigint }> {
  if (finality === 'tag') return headerSchema.parse(await rpc.call('eth_getBlockByNumber', ['finalized', false]));
  const tip = headerSchema.parse(await rpc.call('eth_getBlockByNumber', ['latest', false]));
  const height = tip.number > BigInt(finality) ? tip.number - BigInt(finality) : 0n;
  return headerSchema.parse(await rpc.call('eth_getBlockByNumber', [`0x${height.toString(16)}`, false]));
}

function eventOf(log: { address: string; topics: string[]; data: string }): Event[] {
  const parsed = TOKEN_EVENTS.parseLog(log);
  if (parsed === null) return [];
  const [first, second] = parsed.args.toArray().map(String);
  const isTransfer = parsed.name === 'Transfer';
  const to = isTransfer ? (second ?? '') : '';
  const units = BigInt(String(parsed.args.getValue('units')));
  return [{ contract: log.address, name: parsed.name, from: first ?? '', to, units }];
}

const matches = (event: Event, wanted: Partial<Event>): boolean =>
  (['contract', 'name', 'from', 'to'] as const).every(
    (key) => wanted[key] === undefined || wanted[key].toLowerCase() === event[key].toLowerCase(),
  );

const failed = (reason: string): Swapped => ({ kind: 'failed', reason });
