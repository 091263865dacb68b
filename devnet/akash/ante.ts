import { pubkeyToAddress } from '@cosmjs/amino';
import { toBase64 } from '@cosmjs/encoding';
import { PubKey } from 'cosmjs-types/cosmos/crypto/secp256k1/keys.js';
import type { AuthInfo, SignerInfo, TxBody } from 'cosmjs-types/cosmos/tx/v1beta1/tx.js';
import { type Account, account, ensureAccount, saveAccount } from './accounts.ts';
import { FEE_COLLECTOR, PREFIX } from './addresses.ts';
import { addCoins, messageSigner, subtractCoins } from './bank.ts';
import { type ChainEvent, coinsText, event } from './events.ts';
import { GAS, type GasMeter } from './gas.ts';
import { isSignedBy } from './signature.ts';
import type { State } from './state.ts';
import { TxError } from './tx-error.ts';

/** A transaction taken apart. */
export interface DecodedTx {
  readonly bytes: Uint8Array;
  readonly bodyBytes: Uint8Array;
  readonly authInfoBytes: Uint8Array;
  readonly body: TxBody;
  readonly authInfo: AuthInfo;
  readonly signatures: readonly Uint8Array[];
}

/** `check`: offered to the mempool. `deliver`: in a block. `simulate`: asked what it would do, unsigned. */
export type Mode = 'check' | 'deliver' | 'simulate';

export interface TxContext {
  readonly mode: Mode;
  readonly chainId: string;
  readonly height: number;
}

const FEE_DENOM = 'uakt';
/** 0.0025 uakt a unit of gas: the node's default minimum, as thousandths of a uakt per thousand gas. */
const MIN_GAS_PRICE = { num: 25n, den: 10_000n };
const MEMO_BYTES_MAX = 256;

/**
 * The checks every transaction passes before its messages run, in the SDK's order. On success the fee is paid and the
 * sequence used, whatever the messages do afterwards.
 * https://github.com/cosmos/cosmos-sdk/blob/main/x/auth/ante/ante.go
 */
export function runAnte(state: State, tx: DecodedTx, gas: GasMeter, context: TxContext): ChainEvent[] {
  const signer = onlySigner(tx);
  checkBody(tx, context);
  gas.consume(GAS.txByte * tx.bytes.length, 'txSize');
  gas.consume(GAS.fee, 'fee');
  const feeEvents = payFee(state, tx, signer, context);
  const [signerInfo] = tx.authInfo.signerInfos;
  if (!signerInfo) throw new TxError('noSignatures', 'no signer info');
  const owner = withPubkey(ensureAccount(state, signer), signer, signerInfo, context.mode);
  gas.consume(GAS.signature, 'ante verify: secp256k1');
  checkSignature(tx, owner, signerInfo, context);
  saveAccount(state, signer, { ...owner, sequence: owner.sequence + 1 });
  return [
    ...feeEvents,
    event('tx', { acc_seq: `${signer}/${signerInfo.sequence}` }),
    event('tx', { signature: toBase64(tx.signatures[0] ?? new Uint8Array()) }),
  ];
}

function onlySigner({ body, authInfo }: DecodedTx): string {
  if (body.messages.length === 0) throw new TxError('invalidRequest', 'must contain at least one message');
  const [signer = '', ...others] = new Set(body.messages.map(messageSigner));
  if (others.length > 0 || authInfo.signerInfos.length > 1) {
    throw new TxError('notSupported', 'this development chain takes one signer a transaction');
  }
  const { payer = '', granter = '' } = authInfo.fee ?? {};
  if ((payer !== '' && payer !== signer) || granter !== '') {
    throw new TxError('notSupported', 'this development chain has no fee grants');
  }
  return signer;
}

function checkBody({ body }: DecodedTx, { height }: TxContext): void {
  const { memo, timeoutHeight } = body;
  if (timeoutHeight > 0n && BigInt(height) > timeoutHeight) {
    throw new TxError('timeoutHeight', `block height: ${height}, timeout height: ${timeoutHeight}`);
  }
  const memoBytes = Buffer.byteLength(memo);
  if (memoBytes > MEMO_BYTES_MAX) {
    throw new TxError(
      'memoTooLarge',
      `maximum number of characters is ${MEMO_BYTES_MAX} but received ${memoBytes} characters`,
    );
  }
}

function payFee(state: State, { authInfo }: DecodedTx, payer: string, { mode }: TxContext): ChainEvent[] {
  const coins = authInfo.fee?.amount ?? [];
  if (mode === 'check') requireMinimumFee(authInfo);
  if (!account(state, payer)) throw new TxError('unknownAddress', `fee payer address: ${payer} does not exist`);
  if (coins.length === 0) return [event('tx', { fee: '', fee_payer: payer })];
  return [
    ...subtractCoins(state, payer, coins),
    ...addCoins(state, FEE_COLLECTOR, coins),
    event('transfer', { recipient: FEE_COLLECTOR, sender: payer, amount: coinsText(coins) }),
    event('message', { sender: payer }),
    event('tx', { fee: coinsText(coins), fee_payer: payer }),
  ];
}

function requireMinimumFee({ fee }: AuthInfo): void {
  const { amount: coins = [], gasLimit = 0n } = fee ?? {};
  const required = (gasLimit * MIN_GAS_PRICE.num + MIN_GAS_PRICE.den - 1n) / MIN_GAS_PRICE.den;
  const paid = BigInt(coins.find((coin) => coin.denom === FEE_DENOM)?.amount ?? '0');
  if (paid < required || coins.some((coin) => coin.denom !== FEE_DENOM)) {
    const figures = `got: ${coinsText(coins)} required: ${required}${FEE_DENOM}`;
    throw new TxError('insufficientFee', `insufficient fees; ${figures}`);
  }
}

/** The account with the key that its first transaction brings along. */
function withPubkey(owner: Account, signer: string, { publicKey }: SignerInfo, mode: Mode): Account {
  if (owner.pubkey || !publicKey) return owner;
  if (publicKey.typeUrl !== PubKey.typeUrl) throw new TxError('invalidPubKey', `unknown key type ${publicKey.typeUrl}`);
  const value = toBase64(PubKey.decode(publicKey.value).key);
  if (mode !== 'simulate' && pubkeyToAddress({ type: 'tendermint/PubKeySecp256k1', value }, PREFIX) !== signer) {
    throw new TxError('invalidPubKey', `pubKey does not match signer address ${signer} with signer index: 0`);
  }
  return { ...owner, pubkey: value };
}

function checkSignature(tx: DecodedTx, owner: Account, signerInfo: SignerInfo, context: TxContext): void {
  const { sequence } = signerInfo;
  if (sequence !== BigInt(owner.sequence)) {
    throw new TxError('wrongSequence', `account sequence mismatch, expected ${owner.sequence}, got ${sequence}`);
  }
  if (context.mode === 'simulate') return;
  const signDoc = { chainId: context.chainId, accountNumber: owner.number, sequence: owner.sequence };
  if (!owner.pubkey || !isSignedBy(owner.pubkey, tx, signDoc)) {
    const facts = `account number (${owner.number}), sequence (${owner.sequence}) and chain-id (${context.chainId})`;
    throw new TxError('unauthorized', `signature verification failed; please verify ${facts}`);
  }
}
