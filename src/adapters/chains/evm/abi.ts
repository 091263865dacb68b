import { Interface } from 'ethers';

/** ERC-20, as far as it is used. https://eips.ethereum.org/EIPS/eip-20 */
export const ERC20 = new Interface([
  'function transfer(address to, uint256 units)',
  'function approve(address spender, uint256 units)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function balanceOf(address owner) view returns (uint256)',
  'function decimals() view returns (uint8)',
  'event Transfer(address indexed from, address indexed to, uint256 units)',
]);

/** contracts/src/DepositForwarderFactory.sol */
export const FACTORY = new Interface([
  'function initCodeHash() view returns (bytes32)',
  'function treasury() view returns (address)',
  'function sweep(address token, bytes32[] salts)',
]);

/** contracts/src/BatchPayer.sol */
export const BATCH_PAYER = new Interface(['function pay(address token, address[] recipients, uint256[] units)']);

/** keccak256 of `Transfer(address,address,uint256)`. */
export const TRANSFER_TOPIC = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
