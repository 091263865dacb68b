import { maxUnits } from '../../../money/money.ts';
import { divide } from '../../../money/rate.ts';
import { type AkashNode, WRONG_SEQUENCE } from './node.ts';
import { simulationBytes } from './transaction.ts';

/** Gas limit of a payment: what simulation used × `marginBps` / 10,000, at least `base` + `perOutput` × outputs. */
export interface GasRule {
  readonly marginBps: bigint;
  readonly base: bigint;
  readonly perOutput: bigint;
}

export const DEFAULT_GAS: GasRule = { marginBps: 15_000n, base: 90_000n, perOutput: 30_000n };

/** Decimals of a fee rate: it counts 10^-18 uakt a unit of gas. */
export const FEE_RATE_DECIMALS = 18;

export const gasFloor = ({ base, perOutput }: GasRule, outputs: number): bigint => base + perOutput * BigInt(outputs);

/** uakt, rounded up. */
export const feeUnits = (gas: bigint, feeRate: bigint): bigint =>
  divide(gas * feeRate, 10n ** BigInt(FEE_RATE_DECIMALS), 'ceil');

interface Payment {
  readonly txBody: Uint8Array;
  readonly sequence: bigint;
  readonly outputs: number;
}

/** Throws with the node's reason where it would refuse the payment as it stands. */
export async function gasLimit(node: AkashNode, rule: GasRule, payment: Payment): Promise<bigint> {
  const floor = gasFloor(rule, payment.outputs);
  const simulation = await node.simulate(simulationBytes(payment.txBody, payment.sequence));
  if (simulation.kind === 'ran') return maxUnits(divide(simulation.gasUsed * rule.marginBps, 10_000n, 'ceil'), floor);
  // Another transaction of this signer waits in the mempool, or is about to: the node cannot simulate this one yet.
  if (simulation.code === WRONG_SEQUENCE) return floor;
  throw new Error(`the Akash node would refuse the transaction (${simulation.code}): ${simulation.reason}`);
}
