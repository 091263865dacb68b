import { randomBytes } from 'node:crypto';
import { Block, Transaction } from 'bitcoinjs-lib';

/** The script of a native segwit address with this key hash. */
export function segwitScript(keyHash: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x00, 0x14]), keyHash]);
}

/** A block in serialised form whose first transaction is its coinbase. */
export function serialiseBlock(transactions: readonly Transaction[]): Buffer {
  const block = new Block();
  block.prevHash = randomBytes(32);
  block.merkleRoot = randomBytes(32);
  block.timestamp = 1_700_000_000;
  block.transactions = [...transactions];
  return Buffer.from(block.toBuffer());
}

/** A transaction of random segwit inputs; `scripts` are paid in order. */
export function syntheticTransaction(scripts: readonly Uint8Array[], inputs = 1, witness = true): Transaction {
  const tx = new Transaction();
  for (let index = 0; index < inputs; index++) {
    tx.addInput(randomBytes(32), index, 0xfffffffd);
    if (witness) tx.setWitness(index, [randomBytes(71), randomBytes(33)]);
  }
  scripts.forEach((script, vout) => {
    tx.addOutput(script, BigInt(10_000 + vout));
  });
  return tx;
}

export function coinbaseTransaction(scripts: readonly Uint8Array[]): Transaction {
  const tx = new Transaction();
  tx.addInput(Buffer.alloc(32), 0xffffffff, 0xffffffff, randomBytes(20));
  tx.setWitness(0, [Buffer.alloc(32)]);
  for (const script of scripts) tx.addOutput(script, 5_000_000_000n);
  return tx;
}
