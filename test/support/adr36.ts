import { Secp256k1HdWallet } from '@cosmjs/amino';
import type { OwnershipProof } from '../../src/adapters/chain.ts';
import { adr36Document } from '../../src/adapters/chains/adr36.ts';

/** Signs text as a Cosmos wallet does for `signArbitrary`, with the first Akash account of a mnemonic. */
export async function signAdr36(mnemonic: string, data: string): Promise<OwnershipProof> {
  const wallet = await Secp256k1HdWallet.fromMnemonic(mnemonic, { prefix: 'akash' });
  const [account] = await wallet.getAccounts();
  if (!account) throw new Error('the mnemonic gave no account');
  const { signature } = await wallet.signAmino(account.address, adr36Document(account.address, data));
  return { address: account.address, pubkey: signature.pub_key.value, signature: signature.signature, data };
}
