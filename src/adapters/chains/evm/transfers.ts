import { getAddress } from 'ethers';
import type { AssetId } from '../../../money/asset.ts';
import { maxUnits, minUnits } from '../../../money/money.ts';
import type { IncomingTransfer, WatchList } from '../../chain.ts';
import { ERC20, TRANSFER_TOPIC } from './abi.ts';
import { type EvmNode, type FullBlock, isMissingState, type Log, type Receipt } from './node.ts';

/** One `Transfer` event. Addresses are the watch list's keys: 40 lower-case hex digits. */
interface TokenMove {
  readonly contract: string;
  readonly from: string;
  readonly to: string;
  readonly units: bigint;
  readonly log: Log;
}

/** The assets of a chain by lower-case contract; the native coin under `null`. */
export type Pinned = ReadonlyMap<string | null, AssetId>;

/** An address as a watch list key. */
export const keyOf = (address: string): string => address.slice(2).toLowerCase();

/**
 * Everything that arrived at watched addresses in one block: `Transfer` events and plain payments of ether, from
 * transactions that succeeded. Ether moved inside a contract call leaves no trace here and is not seen.
 * A token that is pinned is credited with what the address's balance grew by, if that is less than its events name.
 * Where the node no longer has the state to tell, the events stand.
 */
export async function transfersOf(
  node: EvmNode,
  block: FullBlock,
  pinned: Pinned,
  watched: WatchList,
): Promise<IncomingTransfer[]> {
  const moves = (await node.logs(block.hash, TRANSFER_TOPIC)).flatMap(tokenMove);
  const arriving = moves.filter(({ to, from, units }) => units > 0n && from !== to && watched.has(to));
  const payments = block.transactions.filter(({ to, value }) => value > 0n && to != null && watched.has(keyOf(to)));
  if (arriving.length === 0 && payments.length === 0) return [];
  const receipts = new Map((await node.receipts(block.hash))?.map((receipt) => [receipt.transactionHash, receipt]));
  const arrived = await unitsArrived(node, block, pinned, moves, arriving);
  const tokens = arriving.map((move): IncomingTransfer => {
    const asset = pinned.get(move.contract) ?? null;
    const place = `log:${placeInReceipt(succeeded(receipts, move.log.transactionHash), move.log)}`;
    const units = arrived.get(move) ?? move.units;
    return incoming(watched, {
      txId: move.log.transactionHash,
      place,
      key: move.to,
      asset,
      units,
      contract: move.contract,
    });
  });
  const ether = payments
    .filter(({ hash }) => receiptOf(receipts, hash).status === 1n)
    .map(({ hash, to, value }): IncomingTransfer => {
      const asset = pinned.get(null) ?? null;
      return incoming(watched, {
        txId: hash,
        place: 'value',
        key: keyOf(to ?? ''),
        asset,
        units: value,
        contract: null,
      });
    });
  return [...ether, ...tokens].filter(({ units }) => units > 0n);
}

/** The `Transfer` of a log; ERC-721 has a fourth topic and is none. */
function tokenMove(log: Log): TokenMove[] {
  const [, from, to] = log.topics;
  if (log.topics.length !== 3 || from === undefined || to === undefined || log.data.length !== 66) return [];
  const contract = log.address.toLowerCase();
  return [
    { contract, from: from.slice(26).toLowerCase(), to: to.slice(26).toLowerCase(), units: BigInt(log.data), log },
  ];
}

async function unitsArrived(
  node: EvmNode,
  block: FullBlock,
  pinned: Pinned,
  moves: readonly TokenMove[],
  arriving: readonly TokenMove[],
): Promise<Map<TokenMove, bigint>> {
  const result = new Map<TokenMove, bigint>();
  const pairs = Map.groupBy(
    arriving.filter(({ contract }) => pinned.has(contract)),
    ({ contract, to }) => `${contract}/${to}`,
  );
  for (const group of pairs.values()) {
    const [{ contract, to } = { contract: '', to: '' }] = group;
    const left = moves.filter((move) => move.contract === contract && move.from === to && move.to !== to);
    const growth = await balanceGrowth(node, block, contract, to);
    if (growth === null) continue;
    let rest = maxUnits(growth + left.reduce((sum, { units }) => sum + units, 0n), 0n);
    for (const move of group) {
      const units = minUnits(move.units, rest);
      result.set(move, units);
      rest -= units;
    }
  }
  return result;
}

async function balanceGrowth(node: EvmNode, block: FullBlock, contract: string, key: string): Promise<bigint | null> {
  const data = ERC20.encodeFunctionData('balanceOf', [`0x${key}`]);
  const balanceAt = async (blockHash: string) => BigInt((await node.call(contract, data, { blockHash })) || '0x0');
  try {
    const [before, after] = await Promise.all([balanceAt(block.parentHash), balanceAt(block.hash)]);
    return after - before;
  } catch (error) {
    if (isMissingState(error)) return null;
    throw error;
  }
}

function receiptOf(receipts: ReadonlyMap<string, Receipt>, txId: string): Receipt {
  const receipt = receipts.get(txId);
  if (receipt === undefined) throw new Error(`the node has no receipt of ${txId} in the block that holds it`);
  return receipt;
}

function succeeded(receipts: ReadonlyMap<string, Receipt>, txId: string): Receipt {
  const receipt = receiptOf(receipts, txId);
  if (receipt.status !== 1n) throw new Error(`the node reports a log of ${txId}, which failed`);
  return receipt;
}

function placeInReceipt(receipt: Receipt, log: Log): number {
  const place = receipt.logs.findIndex(({ logIndex }) => logIndex === log.logIndex);
  if (place < 0) throw new Error(`log ${log.logIndex} is not in the receipt of ${log.transactionHash}`);
  return place;
}

function incoming(
  watched: WatchList,
  seen: { txId: string; place: string; key: string; asset: AssetId | null; units: bigint; contract: string | null },
): IncomingTransfer {
  const { txId, place, asset, units } = seen;
  const address = watched.address(seen.key) ?? getAddress(`0x${seen.key}`);
  const reference = seen.contract === null ? null : getAddress(seen.contract);
  return { txId, place, address, asset, reference, units, feeRate: null, spendable: true, memo: null };
}
