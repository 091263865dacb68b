import { fromBase64 } from '@cosmjs/encoding';
import { BaseAccount } from 'cosmjs-types/cosmos/auth/v1beta1/auth.js';
import { QueryAccountRequest, QueryAccountResponse } from 'cosmjs-types/cosmos/auth/v1beta1/query.js';
import {
  QueryAllBalancesRequest,
  QueryAllBalancesResponse,
  QueryBalanceRequest,
  QueryBalanceResponse,
} from 'cosmjs-types/cosmos/bank/v1beta1/query.js';
import { PubKey } from 'cosmjs-types/cosmos/crypto/secp256k1/keys.js';
import { SimulateRequest, SimulateResponse } from 'cosmjs-types/cosmos/tx/v1beta1/service.js';
import { account } from './accounts.ts';
import { balance } from './bank.ts';
import type { DevChain } from './chain.ts';

/** A gRPC query asked over `abci_query`. */
interface Query {
  readonly chain: DevChain;
  readonly data: Uint8Array;
  readonly height: number;
}

export type QueryAnswer =
  | { readonly code: 0; readonly value: Uint8Array }
  | { readonly code: number; readonly codespace: string; readonly log: string };

const QUERIES: Readonly<Record<string, (query: Query) => QueryAnswer>> = {
  '/cosmos.auth.v1beta1.Query/Account': accountQuery,
  '/cosmos.bank.v1beta1.Query/Balance': balanceQuery,
  '/cosmos.bank.v1beta1.Query/AllBalances': allBalancesQuery,
  '/cosmos.tx.v1beta1.Service/Simulate': simulateQuery,
};

/** Answers a query at a height; what this chain does not have is answered as an unknown path. */
export function answerQuery(path: string, query: Query): QueryAnswer {
  const answer = QUERIES[path];
  return answer ? answer(query) : { code: 6, codespace: 'sdk', log: `unknown query path ${path}: unknown request` };
}

function accountQuery({ chain, data, height }: Query): QueryAnswer {
  const { address } = QueryAccountRequest.decode(data);
  const found = account(chain.state(height), address);
  if (!found) {
    const log = `rpc error: code = NotFound desc = account ${address} not found: key not found`;
    return { code: 22, codespace: 'sdk', log };
  }
  const pubKey = found.pubkey && {
    typeUrl: PubKey.typeUrl,
    value: PubKey.encode({ key: fromBase64(found.pubkey) }).finish(),
  };
  const value = BaseAccount.encode(
    BaseAccount.fromPartial({
      address,
      accountNumber: BigInt(found.number),
      sequence: BigInt(found.sequence),
      ...(pubKey ? { pubKey } : {}),
    }),
  ).finish();
  return ok(QueryAccountResponse.encode({ account: { typeUrl: BaseAccount.typeUrl, value } }).finish());
}

function balanceQuery({ chain, data, height }: Query): QueryAnswer {
  const { address, denom } = QueryBalanceRequest.decode(data);
  const amount = String(balance(chain.state(height), address, denom));
  return ok(QueryBalanceResponse.encode({ balance: { denom, amount } }).finish());
}

function allBalancesQuery({ chain, data, height }: Query): QueryAnswer {
  const { address } = QueryAllBalancesRequest.decode(data);
  const prefix = `balance/${address}/`;
  const denoms = chain.history.keys(prefix).map((key) => key.slice(prefix.length));
  const balances = denoms
    .map((denom) => ({ denom, amount: String(balance(chain.state(height), address, denom)) }))
    .filter(({ amount }) => amount !== '0');
  return ok(QueryAllBalancesResponse.encode(QueryAllBalancesResponse.fromPartial({ balances })).finish());
}

function simulateQuery({ chain, data }: Query): QueryAnswer {
  const { code, codespace, log, gasUsed, gasWanted } = chain.simulate(SimulateRequest.decode(data).txBytes);
  if (code !== 0) return { code, codespace, log: `rpc error: code = Unknown desc = ${log}` };
  const gasInfo = { gasUsed: BigInt(gasUsed), gasWanted: BigInt(gasWanted) };
  return ok(SimulateResponse.encode(SimulateResponse.fromPartial({ gasInfo })).finish());
}

const ok = (value: Uint8Array): QueryAnswer => ({ code: 0, value });
