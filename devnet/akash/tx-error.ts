/**
 * Errors as the Cosmos SDK registers them: name → code and text. The code is what a client sees.
 * https://github.com/cosmos/cosmos-sdk/blob/main/types/errors/errors.go
 */
const REGISTERED = {
  txDecode: ['sdk', 2, 'tx parse error'],
  unauthorized: ['sdk', 4, 'unauthorized'],
  insufficientFunds: ['sdk', 5, 'insufficient funds'],
  unknownRequest: ['sdk', 6, 'unknown request'],
  invalidAddress: ['sdk', 7, 'invalid address'],
  invalidPubKey: ['sdk', 8, 'invalid pubkey'],
  unknownAddress: ['sdk', 9, 'unknown address'],
  invalidCoins: ['sdk', 10, 'invalid coins'],
  outOfGas: ['sdk', 11, 'out of gas'],
  memoTooLarge: ['sdk', 12, 'memo too large'],
  insufficientFee: ['sdk', 13, 'insufficient fee'],
  noSignatures: ['sdk', 15, 'no signatures supplied'],
  invalidRequest: ['sdk', 18, 'invalid request'],
  timeoutHeight: ['sdk', 30, 'tx timeout height'],
  wrongSequence: ['sdk', 32, 'incorrect account sequence'],
  notSupported: ['sdk', 37, 'feature not supported'],
  sendDisabled: ['bank', 5, 'send transactions are disabled'],
} as const;

/** What a transaction is refused or fails with. */
export class TxError extends Error {
  readonly codespace: string;
  readonly code: number;

  constructor(kind: keyof typeof REGISTERED, detail: string) {
    const [codespace, code, text] = REGISTERED[kind];
    super(`${detail}: ${text}`);
    this.codespace = codespace;
    this.code = code;
  }
}
