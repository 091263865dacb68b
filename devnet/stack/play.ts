import { formatUnits, parseUnits } from '../../src/money/codec.ts';
import { type Api, ApiError, type Event, eventually, type Lease, type Page, type Quote } from './api.ts';
import type { StackState } from './data-folder.ts';
import { aktBalance, aktPayments, bitcoinPaid, freshAddress, tokenPaid } from './on-chain.ts';
import { payUri } from './payment.ts';

/** Everything the play needs: the API as a tenant, and the development wallets as a payer. */
export interface Stage {
  readonly api: Api;
  readonly folder: string;
  readonly state: StackState;
  /** One step that has happened. */
  readonly tell: (text: string) => void;
  /** What is waited for. */
  readonly wait: (text: string) => void;
}

/** How one lease is paid. */
interface Part {
  readonly asset: string;
  readonly chain: 'bitcoin' | 'ethereum';
  readonly decimals: number;
  readonly paid: (txId: string, address: string) => Promise<bigint>;
}

const AKT_DECIMALS = 6;
const PRICE_UAKT = '500000';
const BLOCKS = 400;
/** Answers of a service whose prices or float are still coming in. */
const NOT_YET = ['no_price', 'no_route', 'float_low', 'price_moved'];

/** One lease in BTC and one in USDC side by side, from quote to payout and refund. */
export async function play(stage: Stage): Promise<void> {
  const { rpcUrls } = stage.state;
  const parts: readonly Part[] = [
    {
      asset: 'BTC',
      chain: 'bitcoin',
      decimals: 8,
      paid: (txId, address) => bitcoinPaid(rpcUrls.bitcoin, txId, address),
    },
    {
      asset: 'USDC.ethereum',
      chain: 'ethereum',
      decimals: 6,
      paid: (txId, address) => tokenPaid(rpcUrls.ethereum, txId, address),
    },
  ];
  stage.wait('playing two leases');
  await Promise.all(parts.map((part) => playLease(stage, part)));
}

async function playLease(stage: Stage, part: Part): Promise<void> {
  const { api, state } = stage;
  const name = part.asset.split('.')[0] ?? part.asset;
  const tell = (step: string, text: string) => stage.tell(`${name.padEnd(4)}  ${step.padEnd(8)}  ${text}`);
  const provider = freshAddress.akash();
  const refundAddress = freshAddress[part.chain]();

  const { quote, lease } = await open(api, part.asset, provider, refundAddress);
  const [line] = quote.lines;
  tell(
    'quote',
    `${quote.id}  ${BLOCKS} blocks, ${line?.escrow.amount} AKT for ${quote.pay.amount} ${name}, 1 ${name} = ${line?.rate.decimal} AKT`,
  );
  const lock = lease.locks[0];
  if (lock === undefined || lock.paymentUri === null) throw new Error(`lease ${lease.id} asks for no payment`);
  tell('lease', `${lease.id}  pay ${lock.due.amount} ${name} to ${lock.address} by ${lock.fundBy}`);

  const paidIn = await payUri(stage.folder, state, lock.paymentUri);
  tell('paid', `${paidIn}  ${lock.due.amount} ${name}`);
  const active = await until(api, lease.id, 'the credit', (now) => now.state === 'active');
  if (active.lots.some(({ lockId }) => lockId === null))
    throw new Error(`lease ${lease.id} was not credited at its lock`);
  tell(
    'credited',
    `${active.deposits[0]?.txId}  ${active.lines[0]?.credited.amount} AKT in escrow, funded until block ${active.lines[0]?.fundedUntil?.tick}`,
  );

  const balance = await eventually('a payout', async () => nonZero(await aktBalance(state.rpcUrls.akash, provider)));
  const [payout] = await aktPayments(state.rpcUrls.akash, provider);
  tell('payout', `${payout}  ${formatUnits(balance, AKT_DECIMALS)} AKT at ${provider}`);

  await api.post<Lease>(`/v1/leases/${lease.id}/close`, {});
  const closed = await api.get<Lease>(`/v1/leases/${lease.id}`);
  const [ended] = closed.lines;
  tell('closed', `${lease.id}  ${ended?.accrued.amount} AKT to the provider, the rest back in ${name}`);

  const paidOut = await refundOf(api, lease.id, part.asset);
  const arrived = await part.paid(paidOut, refundAddress);
  if (arrived === 0n) throw new Error(`${paidOut} pays nothing to ${refundAddress}`);
  tell('refund', `${paidOut}  ${formatUnits(arrived, part.decimals)} ${name} at ${refundAddress}`);

  const owed = ended?.accrued.amount ?? '0';
  // A payout leaves only while its fee is at most a hundredth of it.
  const least = (unitsOf(owed) * 99n) / 100n;
  const total = await eventually('the last payout', async () => {
    const now = await aktBalance(state.rpcUrls.akash, provider);
    return now >= least ? now : null;
  });
  const all = await aktPayments(state.rpcUrls.akash, provider);
  tell(
    'done',
    `${all.at(-1)}  ${formatUnits(total, AKT_DECIMALS)} AKT at the provider of ${owed} accrued, less network fees`,
  );
}

/** A quote and the lease made of it, asked for again while prices come in. */
async function open(api: Api, payAsset: string, provider: string, refundAddress: string) {
  const price = { amount: PRICE_UAKT, unit: 'uakt', per: 'block' };
  const body = {
    payAsset,
    fix: 'duration',
    blocks: BLOCKS,
    lines: [{ payee: { address: provider }, asset: 'AKT', price }],
  };
  return eventually(`a quote in ${payAsset}`, async () => {
    try {
      const quote = await api.post<Quote>('/v1/quotes', body);
      const reference = `demo ${quote.id}`;
      const lease = await api.post<Lease>('/v1/leases', { quoteId: quote.id, lease: { reference }, refundAddress });
      return { quote, lease };
    } catch (error) {
      if (error instanceof ApiError && NOT_YET.includes(error.code)) return null;
      throw error;
    }
  });
}

function until(api: Api, leaseId: string, what: string, holds: (lease: Lease) => boolean): Promise<Lease> {
  return eventually(what, async () => {
    const lease = await api.get<Lease>(`/v1/leases/${leaseId}`);
    return holds(lease) ? lease : null;
  });
}

function unitsOf(akt: string): bigint {
  const units = parseUnits(akt, AKT_DECIMALS);
  if (typeof units !== 'bigint') throw new Error(`not an amount of AKT: ${akt}`);
  return units;
}

const nonZero = (units: bigint): bigint | null => (units > 0n ? units : null);

/** Transaction id of a lease's refund, from the tenant's events. */
async function refundOf(api: Api, leaseId: string, asset: string): Promise<string> {
  const ids = new Set<string>();
  let cursor: string | null = null;
  return eventually('the refund', async () => {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<Event> = await api.get<Page<Event>>(`/v1/events?limit=100${query}`);
    cursor = page.nextCursor;
    for (const { type, subject, data } of page.data) {
      if (type === 'refund.planned' && data['leaseId'] === leaseId && data['asset'] === asset) ids.add(subject);
      if (type === 'refund.confirmed' && ids.has(subject)) return String(data['txId']);
    }
    return null;
  });
}
