import { ACCOUNT_KINDS, type AccountKindName } from '../ledger/account.ts';
import type { Balance } from '../ledger/ledger.service.ts';
import type { AssetId } from '../money/asset.ts';
import type { Money } from '../money/money.ts';

/**
 * What all places hold less all customer liabilities, in two parts: `desk + float`. As every transfer is balanced, that
 * is the sum of our own accounts: `float` is what the operator lent (`equity:float`), `desk` all the others.
 */
export interface Position {
  readonly desk: bigint;
  readonly float: bigint;
}

/** The kinds a position is made of. Not `swap`: what an open swap holds is counted as what it will bring. */
export const POSITION_KINDS = (Object.keys(ACCOUNT_KINDS) as AccountKindName[]).filter(
  (kind) => ACCOUNT_KINDS[kind].role === 'own' && kind !== 'swap',
);

const FLAT: Position = { desk: 0n, float: 0n };

/** The position in each asset, from the balances of `POSITION_KINDS` and the output expected of the open swaps. */
export function positionsOf(balances: readonly Balance[], expected: readonly Money[]): ReadonlyMap<AssetId, Position> {
  const positions = new Map<AssetId, Position>();
  const of = (asset: AssetId) => positions.get(asset) ?? FLAT;
  for (const { account, asset, units } of balances) {
    const { desk, float } = of(asset);
    positions.set(asset, account === 'equity:float' ? { desk, float: float + units } : { desk: desk + units, float });
  }
  for (const { asset, units } of expected) positions.set(asset, { ...of(asset), desk: of(asset).desk + units });
  return positions;
}
