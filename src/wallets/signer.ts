import type { Signed, Unsigned } from '../adapters/chain.ts';

/** The signer will not sign this. Nothing was signed; the send waits and an alarm is raised. */
export class SigningRefused extends Error {
  constructor(reason: string) {
    super(`the signer refuses: ${reason}`);
    this.name = 'SigningRefused';
  }
}

/** The one way to a signature. Whoever implements it decides by its own reading of the body, not by what it is told. */
export abstract class Signer {
  /**
   * Signs for a wallet. The same body gives the same bytes. One send may be signed again (a higher fee), but only for
   * the same payments or call as the first time.
   * @throws SigningRefused for an unknown wallet, a destination that is not allowed, or more than a cap allows.
   */
  abstract sign(walletId: string, sendId: string, unsigned: Unsigned): Promise<Signed>;
}

/** The signer of processes that hold no key. */
export class NoSigner extends Signer {
  override sign(): Promise<Signed> {
    return Promise.reject(new Error('this process holds no key and signs nothing'));
  }
}
