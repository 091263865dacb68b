import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { parseUnits } from '../../src/money/codec.ts';
import { AkashDevnet } from '../akash/client.ts';
import { BitcoinDevnet } from '../bitcoin/client.ts';
import type { EvmDeployment } from '../evm/deploy.ts';
import { evmNode } from '../evm/node.ts';
import { evmWallet } from '../evm/wallet.ts';
import { type StackState, StackError } from './data-folder.ts';

/** What a payment URI asks for. */
export type PaymentRequest =
  | { readonly chain: 'bitcoin'; readonly address: string; readonly units: bigint }
  | { readonly chain: 'ethereum'; readonly address: string; readonly units: bigint; readonly token: string | null }
  | { readonly chain: 'akash'; readonly address: string; readonly units: bigint };

const BITCOIN_DECIMALS = 8;
const WHOLE = /^\d+$/;

/**
 * Reads BIP-21, EIP-681 (ether, and ERC-20 `transfer`) and the `akash:` URIs of the service.
 * https://github.com/bitcoin/bips/blob/master/bip-0021.mediawiki https://eips.ethereum.org/EIPS/eip-681
 * @throws StackError for anything else
 */
export function readPaymentUri(uri: string): PaymentRequest {
  const [, scheme = '', path = '', query = ''] = /^([a-z]+):([^?]+)(?:\?(.*))?$/i.exec(uri) ?? [];
  const values = new URLSearchParams(query);
  const wrong = (why: string) => new StackError(`not a payment URI that can be paid here: ${why}`);
  const whole = (name: string) => {
    const text = values.get(name) ?? '';
    if (!WHOLE.test(text)) throw wrong(`${name} is missing`);
    return BigInt(text);
  };
  switch (scheme.toLowerCase()) {
    case 'bitcoin': {
      const units = parseUnits(values.get('amount') ?? '', BITCOIN_DECIMALS);
      if (typeof units !== 'bigint') throw wrong('amount is missing');
      return { chain: 'bitcoin', address: path, units };
    }
    case 'ethereum': {
      const [, target = '', call] = /^(?:pay-)?([^@/]+)(?:@\d+)?(?:\/(\w+))?$/.exec(path) ?? [];
      if (call === undefined) return { chain: 'ethereum', address: target, units: whole('value'), token: null };
      if (call !== 'transfer') throw wrong(`${call} is not transfer`);
      return { chain: 'ethereum', address: values.get('address') ?? '', units: whole('uint256'), token: target };
    }
    case 'akash':
      if (values.get('denom') !== 'uakt') throw wrong('denom is not uakt');
      return { chain: 'akash', address: path, units: whole('amount') };
    default:
      throw wrong('it begins with neither bitcoin:, ethereum: nor akash:');
  }
}

/** Pays a URI from the development wallet of its chain and gives the transaction id. */
export async function payUri(folder: string, { rpcUrls }: StackState, uri: string): Promise<string> {
  const request = readPaymentUri(uri);
  const { address, units } = request;
  switch (request.chain) {
    case 'bitcoin':
      return new BitcoinDevnet(rpcUrls.bitcoin).pay(address, units);
    case 'ethereum': {
      const file = join(folder, 'ethereum', 'deployment.json');
      const deployment = JSON.parse(readFileSync(file, 'utf8')) as EvmDeployment;
      return evmWallet(evmNode(rpcUrls.ethereum), deployment).pay({ token: request.token, to: address, units });
    }
    case 'akash':
      return (await new AkashDevnet(rpcUrls.akash).pay(address, units)).txId;
  }
}
