import { TxMsgData } from 'cosmjs-types/cosmos/base/abci/v1beta1/abci.js';
import { AuthInfo, TxBody, TxRaw } from 'cosmjs-types/cosmos/tx/v1beta1/tx.js';
import { type DecodedTx, runAnte, type TxContext } from './ante.ts';
import { runMessage } from './bank.ts';
import { type ChainEvent, withMessageIndex } from './events.ts';
import { GasMeter } from './gas.ts';
import { Branch, type State } from './state.ts';
import { TxError } from './tx-error.ts';

/** What came of a transaction; code 0 is success. */
export interface TxResult {
  readonly code: number;
  readonly codespace: string;
  readonly log: string;
  readonly data: Uint8Array;
  readonly gasWanted: number;
  readonly gasUsed: number;
  readonly events: readonly ChainEvent[];
}

/**
 * Runs a transaction on a state. If the checks before its messages refuse it, the state is untouched; if a message
 * fails, the fee is paid and the sequence used, and nothing else happened. Messages do not run when only checking.
 */
export function execute(state: State, bytes: Uint8Array, context: TxContext): TxResult {
  let gas = new GasMeter(Number.POSITIVE_INFINITY);
  let gasWanted = 0;
  let events: ChainEvent[] = [];
  try {
    const tx = decodeTx(bytes);
    gasWanted = Number(tx.authInfo.fee?.gasLimit ?? 0n);
    if (context.mode !== 'simulate') gas = new GasMeter(gasWanted);
    const ante = new Branch(state);
    events = runAnte(ante, tx, gas, context);
    ante.commit();
    const effects = new Branch(state);
    const messageEvents = context.mode === 'check' ? [] : runMessages(effects, tx, gas);
    effects.commit();
    return {
      code: 0,
      codespace: '',
      log: '',
      data: responses(tx),
      gasWanted,
      gasUsed: gas.used,
      events: [...events, ...messageEvents],
    };
  } catch (error) {
    if (!(error instanceof TxError)) throw error;
    const { code, codespace, message: log } = error;
    return { code, codespace, log, data: new Uint8Array(), gasWanted, gasUsed: gas.used, events };
  }
}

function decodeTx(bytes: Uint8Array): DecodedTx {
  try {
    const { bodyBytes, authInfoBytes, signatures } = TxRaw.decode(bytes);
    const body = TxBody.decode(bodyBytes);
    return { bytes, bodyBytes, authInfoBytes, body, authInfo: AuthInfo.decode(authInfoBytes), signatures };
  } catch (error) {
    throw new TxError('txDecode', error instanceof Error ? error.message : String(error));
  }
}

function runMessages(state: State, { body }: DecodedTx, gas: GasMeter): ChainEvent[] {
  return body.messages.flatMap((message, index) => {
    try {
      return withMessageIndex(runMessage(state, message, gas), index);
    } catch (error) {
      if (error instanceof TxError)
        error.message = `failed to execute message; message index: ${index}: ${error.message}`;
      throw error;
    }
  });
}

function responses({ body }: DecodedTx): Uint8Array {
  const msgResponses = body.messages.map(({ typeUrl }) => ({ typeUrl: `${typeUrl}Response`, value: new Uint8Array() }));
  return TxMsgData.encode(TxMsgData.fromPartial({ msgResponses })).finish();
}
