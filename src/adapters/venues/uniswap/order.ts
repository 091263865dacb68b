import type { LegOrder } from '../../venue.ts';
import { ROUTER } from './abi.ts';

/** In a router call, this recipient means the router itself (SwapRouter02, Constants.ADDRESS_THIS). */
export const ROUTER_ITSELF = '0x0000000000000000000000000000000000000002';

interface ExactInput {
  readonly router: string;
  readonly wallet: string;
  readonly path: string;
  readonly inputUnits: bigint;
  /** Null sends ether, which the router wraps. */
  readonly inputToken: string | null;
  /** The path ends in WETH and the wallet wants ether. */
  readonly unwrap: boolean;
  readonly minimumUnits: bigint;
  readonly deadline: Date;
}

/** The router call that sells an exact input, or reverts: below the minimum, or mined after the deadline. */
export function exactInputOrder(
  swap: ExactInput,
): Pick<Extract<LegOrder, { kind: 'call' }>, 'kind' | 'call' | 'allowance'> {
  const { router, wallet, path, inputUnits, inputToken, unwrap, minimumUnits } = swap;
  const recipient = unwrap ? ROUTER_ITSELF : wallet;
  const sell = ROUTER.encodeFunctionData('exactInput', [[path, recipient, inputUnits, minimumUnits]]);
  const unwrapped = unwrap ? [ROUTER.encodeFunctionData('unwrapWETH9', [minimumUnits, wallet])] : [];
  const deadlineSeconds = BigInt(Math.floor(swap.deadline.getTime() / 1000));
  const data = ROUTER.encodeFunctionData('multicall', [deadlineSeconds, [sell, ...unwrapped]]);
  return {
    kind: 'call',
    call: { to: router, data, value: inputToken === null ? inputUnits : 0n },
    allowance: inputToken === null ? null : { token: inputToken, spender: router, units: inputUnits },
  };
}
