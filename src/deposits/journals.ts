import type { Journal } from '../ledger/transfer.ts';

interface Booked {
  readonly id: string;
  readonly tenant_id: string | null;
  readonly wallet_id: string;
  readonly asset: string | null;
  readonly units: string;
  readonly reversals: number;
}

interface Placed extends Booked {
  readonly tx_id: string;
  readonly height: number;
  readonly block_time: Date;
}

function journal(
  name: string,
  row: Booked,
  effectiveAt: Date,
  from: string,
  to: string,
  at: { height: number; txId: string } | null,
): Journal {
  if (row.asset === null) throw new Error(`deposit ${row.id} of an unknown token is never booked`);
  return {
    key: `deposit.${name}:${row.id}:${row.reversals}`,
    kind: `deposit.${name}`,
    cause: row.id,
    effectiveAt,
    tenantId: row.tenant_id,
    transfers: [{ from, to, asset: row.asset, units: BigInt(row.units), ...(at === null ? {} : { place: at }) }],
  };
}

const at = (row: Placed) => ({ height: row.height, txId: row.tx_id });

/** Money in one of our wallets: a lease's waits in suspense, the operator's own becomes float. */
export const confirmJournal = (row: Placed & { readonly lease_id: string | null }): Journal => {
  const to = row.lease_id === null ? 'equity:float' : `suspense:${row.id}`;
  return journal('confirmed', row, row.block_time, `external:${row.wallet_id}`, to, at(row));
};

/** The chain no longer holds what was booked. */
export const reorgJournal = (row: Booked, forkHeight: number, now: Date): Journal =>
  journal('reorged', row, now, `reorg:${row.id}`, `external:${row.wallet_id}`, { height: forkHeight, txId: row.id });

/** Mined again. */
export const restoreJournal = (row: Placed, now: Date): Journal =>
  journal('restored', row, now, `external:${row.wallet_id}`, `reorg:${row.id}`, at(row));
