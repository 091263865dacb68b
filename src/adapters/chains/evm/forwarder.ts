import { getCreate2Address, isHexString } from 'ethers';

/** The deposit address of a salt: CREATE2 of the factory. https://eips.ethereum.org/EIPS/eip-1014 */
export function forwarderAddress(factory: string, salt: string, initCodeHash: string): string {
  return getCreate2Address(factory, saltBytes(salt), initCodeHash);
}

/** A salt with its 0x. @throws unless it is 32 bytes of hex. */
export function saltBytes(salt: string): string {
  const bytes = salt.startsWith('0x') ? salt : `0x${salt}`;
  if (!isHexString(bytes, 32)) throw new Error(`a deposit salt is 32 bytes of hex, got ${JSON.stringify(salt)}`);
  return bytes;
}
