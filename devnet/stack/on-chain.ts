import { randomBytes } from 'node:crypto';
import { toBech32 } from '@cosmjs/encoding';
import { StargateClient } from '@cosmjs/stargate';
import { networks, payments } from 'bitcoinjs-lib';
import { getAddress, hexlify } from 'ethers';
import { parseUnits } from '../../src/money/codec.ts';
import { BitcoinDevnet } from '../bitcoin/client.ts';
import { evmNode } from '../evm/node.ts';

/** ERC-20 `Transfer(address,address,uint256)`. https://eips.ethereum.org/EIPS/eip-20 */
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

/** Addresses nobody used before, so that what lies at them is what was just paid. */
export const freshAddress = {
  bitcoin(): string {
    const { address } = payments.p2wpkh({ hash: randomBytes(20), network: networks.regtest });
    if (address === undefined) throw new Error('no address');
    return address;
  },
  ethereum: (): string => getAddress(hexlify(randomBytes(20))),
  akash: (): string => toBech32('akash', randomBytes(20)),
};

/** uakt an address holds, as the chain says. */
export async function aktBalance(rpcUrl: string, address: string): Promise<bigint> {
  const client = await StargateClient.connect(rpcUrl);
  try {
    return BigInt((await client.getBalance(address, 'uakt')).amount);
  } finally {
    client.disconnect();
  }
}

/** Ids of the transactions that paid an address, oldest first. */
export async function aktPayments(rpcUrl: string, address: string): Promise<string[]> {
  const client = await StargateClient.connect(rpcUrl);
  try {
    const found = await client.searchTx([{ key: 'transfer.recipient', value: address }]);
    return found.map(({ hash }) => hash);
  } finally {
    client.disconnect();
  }
}

interface BitcoinTransaction {
  readonly vout: readonly { readonly value: number; readonly scriptPubKey: { readonly address?: string } }[];
}

/** Satoshi a transaction pays an address. */
export async function bitcoinPaid(rpcUrl: string, txId: string, address: string): Promise<bigint> {
  const { vout } = await new BitcoinDevnet(rpcUrl).call<BitcoinTransaction>('getrawtransaction', [txId, true]);
  const units = vout
    .filter(({ scriptPubKey }) => scriptPubKey.address === address)
    .map(({ value }) => parseUnits(value.toFixed(8), 8));
  return units.reduce<bigint>((sum, one) => sum + (typeof one === 'bigint' ? one : 0n), 0n);
}

interface Receipt {
  readonly logs: readonly { readonly topics: readonly string[]; readonly data: string }[];
}

/** Token base units a transaction transferred to an address. */
export async function tokenPaid(rpcUrl: string, txId: string, address: string): Promise<bigint> {
  const receipt = (await evmNode(rpcUrl).call('eth_getTransactionReceipt', [txId])) as Receipt | null;
  const key = address.slice(2).toLowerCase();
  const transfers = receipt?.logs.filter(({ topics }) => topics[0] === TRANSFER && topics[2]?.endsWith(key)) ?? [];
  return transfers.reduce((sum, { data }) => sum + BigInt(data), 0n);
}
