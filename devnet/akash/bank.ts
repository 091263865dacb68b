import { MsgMultiSend, MsgSend } from 'cosmjs-types/cosmos/bank/v1beta1/tx.js';
import type { Coin } from 'cosmjs-types/cosmos/base/v1beta1/coin.js';
import type { Any } from 'cosmjs-types/google/protobuf/any.js';
import { account, ensureAccount } from './accounts.ts';
import { BLOCKED, canonicalAddress } from './addresses.ts';
import { type ChainEvent, coinsText, event } from './events.ts';
import { GAS, type GasMeter } from './gas.ts';
import type { State } from './state.ts';
import { TxError } from './tx-error.ts';

/** ACT cannot be sent, as on mainnet; everything else can. */
const SEND_DISABLED: ReadonlySet<string> = new Set(['uact']);

export function balance(state: State, address: string, denom: string): bigint {
  return BigInt(state.get(`balance/${address}/${denom}`) ?? '0');
}

export function addCoins(state: State, address: string, coins: readonly Coin[]): ChainEvent[] {
  for (const { denom, amount } of coins) {
    state.set(`balance/${address}/${denom}`, String(balance(state, address, denom) + BigInt(amount)));
  }
  ensureAccount(state, address);
  return [event('coin_received', { receiver: address, amount: coinsText(coins) })];
}

/** Throws `insufficient funds` unless all of the coins are there. */
export function subtractCoins(state: State, address: string, coins: readonly Coin[]): ChainEvent[] {
  for (const { denom, amount } of coins) {
    const held = balance(state, address, denom);
    if (held < BigInt(amount)) {
      throw new TxError('insufficientFunds', `spendable balance ${held}${denom} is smaller than ${amount}${denom}`);
    }
    state.set(`balance/${address}/${denom}`, String(held - BigInt(amount)));
  }
  return [event('coin_spent', { spender: address, amount: coinsText(coins) })];
}

/** The address that must sign a message. Throws for a message this chain does not know. */
export function messageSigner({ typeUrl, value }: Any): string {
  if (typeUrl === MsgSend.typeUrl) return canonicalAddress(MsgSend.decode(value).fromAddress);
  if (typeUrl === MsgMultiSend.typeUrl) return canonicalAddress(MsgMultiSend.decode(value).inputs[0]?.address ?? '');
  throw new TxError('txDecode', `unable to resolve type URL ${typeUrl}`);
}

/** Runs one message of x/bank and returns its events. */
export function runMessage(state: State, { typeUrl, value }: Any, gas: GasMeter): ChainEvent[] {
  gas.consume(GAS.message, 'message');
  return typeUrl === MsgSend.typeUrl ? send(state, value, gas) : multiSend(state, value, gas);
}

function send(state: State, value: Uint8Array, gas: GasMeter): ChainEvent[] {
  const { fromAddress, toAddress, amount: coins } = MsgSend.decode(value);
  const sender = canonicalAddress(fromAddress);
  const recipient = requireSendable(toAddress, coins);
  chargeOutput(state, recipient, gas);
  return [
    messageEvent(MsgSend.typeUrl, sender),
    ...subtractCoins(state, sender, coins),
    ...addCoins(state, recipient, coins),
    event('transfer', { recipient, sender, amount: coinsText(coins) }),
    event('message', { sender }),
  ];
}

function multiSend(state: State, value: Uint8Array, gas: GasMeter): ChainEvent[] {
  const { inputs, outputs } = MsgMultiSend.decode(value);
  const [input] = inputs;
  if (!input) throw new TxError('invalidRequest', 'no inputs to send transaction');
  if (inputs.length > 1) throw new TxError('invalidRequest', 'multiple senders not allowed');
  if (outputs.length === 0) throw new TxError('invalidRequest', 'no outputs to send transaction');
  const sender = canonicalAddress(input.address);
  const recipients = outputs.map(({ address, coins }) => ({ recipient: requireSendable(address, coins), coins }));
  requireSameTotals(input.coins, outputs);

  const events = [
    messageEvent(MsgMultiSend.typeUrl, sender),
    ...subtractCoins(state, sender, input.coins),
    event('message', { sender }),
  ];
  for (const { recipient, coins } of recipients) {
    chargeOutput(state, recipient, gas);
    events.push(...addCoins(state, recipient, coins));
    events.push(event('transfer', { recipient, sender, amount: coinsText(coins) }));
  }
  return events;
}

/** The recipient in canonical form. Throws unless it may be sent these coins. */
function requireSendable(address: string, coins: readonly Coin[]): string {
  const recipient = canonicalAddress(address);
  const denoms = coins.map((coin) => coin.denom);
  const sorted = denoms.every((denom, index) => index === 0 || (denoms[index - 1] ?? '') < denom);
  const positive = coins.every((coin) => /^[1-9]\d*$/.test(coin.amount));
  if (coins.length === 0 || !sorted || !positive) throw new TxError('invalidCoins', coinsText(coins));
  const disabled = denoms.find((denom) => SEND_DISABLED.has(denom));
  if (disabled) throw new TxError('sendDisabled', `${disabled} transfers are currently disabled`);
  if (BLOCKED.has(recipient)) throw new TxError('unauthorized', `${recipient} is not allowed to receive funds`);
  return recipient;
}

function requireSameTotals(input: readonly Coin[], outputs: readonly { readonly coins: readonly Coin[] }[]): void {
  const totals = new Map(input.map(({ denom, amount }) => [denom, BigInt(amount)]));
  for (const { denom, amount } of outputs.flatMap((output) => output.coins)) {
    totals.set(denom, (totals.get(denom) ?? 0n) - BigInt(amount));
  }
  if ([...totals.values()].some((rest) => rest !== 0n)) {
    throw new TxError('invalidRequest', 'sum inputs != sum outputs');
  }
}

function chargeOutput(state: State, recipient: string, gas: GasMeter): void {
  gas.consume(GAS.output, 'WritePerByte');
  if (!account(state, recipient)) gas.consume(GAS.newAccount, 'WritePerByte');
}

const messageEvent = (action: string, sender: string): ChainEvent =>
  event('message', { action, sender, module: 'bank' });
