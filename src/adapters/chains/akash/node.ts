import { Comet38Client, type RpcClient } from '@cosmjs/tendermint-rpc';
import { BaseAccount } from 'cosmjs-types/cosmos/auth/v1beta1/auth.js';
import { QueryAccountRequest, QueryAccountResponse } from 'cosmjs-types/cosmos/auth/v1beta1/query.js';
import { QueryBalanceRequest, QueryBalanceResponse } from 'cosmjs-types/cosmos/bank/v1beta1/query.js';
import { SimulateRequest, SimulateResponse } from 'cosmjs-types/cosmos/tx/v1beta1/service.js';
import { z } from 'zod';
import { JsonRpc, RpcError } from '../../../platform/json-rpc.ts';
import { transactionId } from './transaction.ts';

/** `ErrKeyNotFound` and `ErrWrongSequence` of the Cosmos SDK. */
const NOT_FOUND = 22;
export const WRONG_SEQUENCE = 32;

const unconfirmedSchema = z.object({ txs: z.array(z.string()).nullable() });

export interface ChainAccount {
  readonly number: bigint;
  readonly sequence: bigint;
}

export type Simulation =
  | { readonly kind: 'ran'; readonly gasUsed: bigint }
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string };

/** An Akash node: CometBFT's RPC, and the SDK's queries over its `abci_query`. */
export class AkashNode {
  readonly comet: Comet38Client;
  private readonly rpc: JsonRpc;

  constructor(url: string, timeoutMs: number) {
    const rpc = new JsonRpc({ url, timeoutMs });
    const transport: RpcClient = {
      execute: async ({ id, method, params }) => {
        if (Array.isArray(params)) throw new Error('CometBFT takes named parameters');
        return { jsonrpc: '2.0', id, result: await rpc.call(method, params) };
      },
      disconnect: () => undefined,
    };
    this.rpc = rpc;
    this.comet = Comet38Client.create(transport);
  }

  /** Height of its latest block. */
  async height(): Promise<number> {
    return (await this.comet.status()).syncInfo.latestBlockHeight;
  }

  /** Account number and sequence; null for an address that never received anything. */
  async account(address: string, height?: number): Promise<ChainAccount | null> {
    const request = QueryAccountRequest.encode({ address }).finish();
    const answer = await this.query('/cosmos.auth.v1beta1.Query/Account', request, height);
    if (answer.code === NOT_FOUND) return null;
    const { account } = QueryAccountResponse.decode(okValue(answer));
    if (account?.typeUrl !== BaseAccount.typeUrl) throw new Error(`${address} is not a plain account`);
    const { accountNumber, sequence } = BaseAccount.decode(account.value);
    return { number: accountNumber, sequence };
  }

  async balance(address: string, denom: string, height: number): Promise<bigint> {
    const request = QueryBalanceRequest.encode({ address, denom }).finish();
    const answer = await this.query('/cosmos.bank.v1beta1.Query/Balance', request, height);
    return BigInt(QueryBalanceResponse.decode(okValue(answer)).balance?.amount ?? '0');
  }

  /** Gas a transaction would use now, or why it would not run. */
  async simulate(txBytes: Uint8Array): Promise<Simulation> {
    const request = SimulateRequest.encode(SimulateRequest.fromPartial({ txBytes })).finish();
    const answer = await this.query('/cosmos.tx.v1beta1.Service/Simulate', request);
    if (answer.code) return { kind: 'refused', code: answer.code, reason: answer.log ?? '' };
    return { kind: 'ran', gasUsed: SimulateResponse.decode(answer.value).gasInfo?.gasUsed ?? 0n };
  }

  /** Whether a transaction waits in the node's mempool (among its first hundred, which is all that nodes show). */
  async isWaiting(txId: string): Promise<boolean> {
    const { txs } = unconfirmedSchema.parse(await this.rpc.call('unconfirmed_txs', { limit: '100' }));
    return (txs ?? []).some((tx) => transactionId(Buffer.from(tx, 'base64')) === txId);
  }

  private async query(path: string, data: Uint8Array, height?: number) {
    return this.comet.abciQuery({ path, data, prove: false, ...(height === undefined ? {} : { height }) });
  }
}

interface Answer {
  readonly code?: number | undefined;
  readonly log?: string | undefined;
  readonly value: Uint8Array;
}

function okValue(answer: Answer): Uint8Array {
  if (answer.code) throw new Error(`the node refused a query (${answer.code}): ${answer.log}`);
  return answer.value;
}

/** The text of an error the node answered, CometBFT puts it into `data`; null for anything else that was thrown. */
export function answeredError(error: unknown): string | null {
  if (!(error instanceof RpcError)) return null;
  return typeof error.data === 'string' ? error.data : error.message;
}

/** What the node answers, or null where it answers with an error of that text. */
export async function unlessAnswered<Answer>(text: string, ask: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await ask();
  } catch (error) {
    if (answeredError(error)?.includes(text)) return null;
    throw error;
  }
}
