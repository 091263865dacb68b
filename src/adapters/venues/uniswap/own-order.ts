import type { ContractCall } from '../../chain.ts';
import { ROUTER } from './abi.ts';
import { ROUTER_ITSELF } from './order.ts';

/**
 * Whether a call is a swap whose output can reach nobody but `wallet`: one `exactInput` to it, or one to the router that
 * is unwrapped to it at once. What is not exactly of that form is not.
 */
export function isOwnOrder({ to, data }: ContractCall, router: string, wallet: string): boolean {
  if (to.toLowerCase() !== router.toLowerCase()) return false;
  const calls: unknown = decode('multicall', data)?.[1];
  if (!Array.isArray(calls) || calls.length === 0 || calls.length > 2) return false;
  const [swap, unwrap] = calls.map(String);
  const recipient = addressIn(decode('exactInput', swap ?? '')?.[0], 1);
  if (unwrap === undefined) return recipient === wallet.toLowerCase();
  return recipient === ROUTER_ITSELF && addressIn(decode('unwrapWETH9', unwrap), 1) === wallet.toLowerCase();
}

/** The arguments, or null where the calldata is another function's, malformed, or has more behind it. */
function decode(method: string, data: string): readonly unknown[] | null {
  const fragment = ROUTER.getFunction(method);
  if (fragment === null || !data.startsWith(fragment.selector)) return null;
  try {
    const values = ROUTER.decodeFunctionData(fragment, data).toArray();
    return ROUTER.encodeFunctionData(fragment, values) === data.toLowerCase() ? values : null;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

const addressIn = (values: unknown, index: number): string | null =>
  Array.isArray(values) ? String(values[index]).toLowerCase() : null;
