import type { BitcoinDevnet } from '../bitcoin/client.ts';
import type { AkashDevnet } from '../akash/client.ts';
import type { EvmChain } from '../evm/start.ts';
import { evmWallet } from '../evm/wallet.ts';
import { operatorKeys } from './keys.ts';

/** What the operator starts with, base units by asset. */
const FLOAT: Readonly<Record<string, bigint>> = {
  BTC: 500_000_000n,
  ETH: 50n * 10n ** 18n,
  'USDC.ethereum': 100_000n * 10n ** 6n,
  'DAI.ethereum': 100_000n * 10n ** 18n,
  AKT: 500_000n * 10n ** 6n,
};

export const FLOAT_ASSETS = Object.keys(FLOAT);

interface Wallets {
  readonly bitcoin: { readonly devnet: BitcoinDevnet };
  readonly evm: EvmChain;
  readonly akash: { readonly client: AkashDevnet };
}

/** Sends the operator's float from the development wallets, as an operator would: a payment to the own address. */
export async function sendFloat({ bitcoin, evm, akash }: Wallets, assets: readonly string[]): Promise<void> {
  const { float } = operatorKeys();
  const wallet = evmWallet(evm.node, evm.deployment);
  for (const asset of assets) {
    const units = FLOAT[asset];
    if (units === undefined) throw new Error(`there is no float of ${asset}`);
    if (asset === 'BTC') await bitcoin.devnet.pay(float.bitcoin, units);
    else if (asset === 'AKT') await akash.client.pay(float.akash, units);
    else {
      const token = asset === 'ETH' ? null : tokenOf(evm, asset);
      await evm.node.mined(await wallet.pay({ token, to: float.ethereum, units }));
    }
  }
}

function tokenOf({ deployment }: EvmChain, asset: string): string {
  const token = deployment.tokens[asset.split('.')[0] ?? ''];
  if (token === undefined) throw new Error(`no token ${asset} stands on the local chain`);
  return token.address;
}
