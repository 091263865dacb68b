import { Interface } from 'ethers';
import { z } from 'zod';

/** UniswapV3Factory. https://docs.uniswap.org/contracts/v3/reference/core/UniswapV3Factory */
export const FACTORY = new Interface([
  'function getPool(address a, address b, uint24 fee) view returns (address pool)',
]);

export const POOL = new Interface(['function liquidity() view returns (uint128)']);

/** https://docs.uniswap.org/contracts/v3/reference/periphery/lens/QuoterV2 ; called, never sent. */
export const QUOTER = new Interface([
  'function quoteExactInput(bytes path, uint256 units) returns (uint256 output, uint160[] sqrtPricesAfter, uint32[] ticksCrossed, uint256 gas)',
]);

/** SwapRouter02: its swaps have no deadline of their own, `multicall` carries it. */
export const ROUTER = new Interface([
  'function multicall(uint256 deadline, bytes[] calls) payable returns (bytes[] results)',
  'function exactInput((bytes path, address recipient, uint256 units, uint256 minimumUnits) params) payable returns (uint256 output)',
  'function unwrapWETH9(uint256 minimumUnits, address recipient) payable',
]);

export const TOKEN_EVENTS = new Interface([
  'event Transfer(address indexed from, address indexed to, uint256 units)',
  'event Withdrawal(address indexed owner, uint256 units)',
]);

const hex = z.string().regex(/^0x[0-9a-fA-F]*$/);
export const quantitySchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform((text) => BigInt(text));

export const bytesSchema = hex;
export const headerSchema = z.object({ number: quantitySchema, timestamp: quantitySchema });
export const receiptSchema = z
  .object({
    status: quantitySchema,
    blockNumber: quantitySchema,
    logs: z.array(z.object({ address: hex, topics: z.array(hex), data: hex })),
  })
  .nullable();
