import { createHash } from 'node:crypto';

/** Positions of one transaction inside a buffer; nothing is copied until asked for. */
export interface RawTransaction {
  readonly start: number;
  readonly end: number;
  /** Start of the input count: after version and, for a segwit serialisation, marker and flag. */
  readonly body: number;
  /** End of the outputs: where witnesses or the lock time begin. */
  readonly bodyEnd: number;
}

export interface BlockHeader {
  readonly hash: string;
  readonly parentHash: string;
  readonly time: Date;
}

/** What a reader of a transaction is told, in serialisation order. Offsets are into the buffer being read. */
export interface Visitor {
  /** One output: its value's offset and its script. */
  output?(vout: number, valueAt: number, scriptStart: number, scriptEnd: number): void;
  /** One input: offset of its 36-byte outpoint. */
  input?(outpointAt: number): void;
  transaction?(tx: RawTransaction, place: number): void;
}

const HEADER_SIZE = 80;
const OUTPOINT_SIZE = 36;

/** The header's hash, parent and time. */
export function readHeader(raw: Buffer): BlockHeader {
  if (raw.length < HEADER_SIZE) throw new Error('a block is at least 80 bytes');
  return {
    hash: displayHash(sha256d(raw.subarray(0, HEADER_SIZE))),
    parentHash: displayHash(raw.subarray(4, 36)),
    time: new Date(raw.readUInt32LE(68) * 1000),
  };
}

/** Reads every transaction of a block in one pass without building objects. Throws unless it ends exactly at the end. */
export function walkBlock(raw: Buffer, visitor: Visitor): void {
  const reader = new Reader(raw, HEADER_SIZE);
  const count = reader.varint();
  for (let place = 0; place < count; place++) {
    const tx = readTransaction(reader, visitor);
    visitor.transaction?.(tx, place);
  }
  if (reader.at !== raw.length) throw new Error('the block has bytes after its last transaction');
}

/** Reads one transaction that fills the buffer. */
export function walkTransaction(raw: Buffer, visitor: Visitor): RawTransaction {
  const reader = new Reader(raw, 0);
  const tx = readTransaction(reader, visitor);
  if (reader.at !== raw.length) throw new Error('the transaction has bytes after its end');
  return tx;
}

/** Transaction id: double SHA-256 of version, inputs, outputs and lock time, without witnesses (BIP-141). */
export function txIdOf(raw: Buffer, tx: RawTransaction): Buffer {
  const parts = [
    raw.subarray(tx.start, tx.start + 4),
    raw.subarray(tx.body, tx.bodyEnd),
    raw.subarray(tx.end - 4, tx.end),
  ];
  return sha256d(Buffer.concat(parts));
}

/** Hash bytes in the order people read them. */
export const displayHash = (hash: Uint8Array): string => Buffer.from(hash).reverse().toString('hex');

/** Serialised outpoint of a coin. */
export function outpointOf(txId: string, vout: number): Buffer {
  const outpoint = Buffer.alloc(OUTPOINT_SIZE);
  Buffer.from(txId, 'hex').reverse().copy(outpoint);
  outpoint.writeUInt32LE(vout, 32);
  return outpoint;
}

function readTransaction(reader: Reader, visitor: Visitor): RawTransaction {
  const { raw } = reader;
  const start = reader.at;
  reader.skip(4);
  const segwit = raw[reader.at] === 0 && raw[reader.at + 1] === 1;
  if (segwit) reader.skip(2);
  const body = reader.at;
  const inputs = reader.varint();
  for (let index = 0; index < inputs; index++) {
    visitor.input?.(reader.at);
    reader.skip(OUTPOINT_SIZE);
    reader.skip(reader.varint() + 4);
  }
  const outputs = reader.varint();
  for (let vout = 0; vout < outputs; vout++) {
    const valueAt = reader.at;
    reader.skip(8);
    const length = reader.varint();
    const scriptStart = reader.at;
    reader.skip(length);
    visitor.output?.(vout, valueAt, scriptStart, scriptStart + length);
  }
  const bodyEnd = reader.at;
  if (segwit) for (let index = 0; index < inputs; index++) reader.skipWitness();
  reader.skip(4);
  return { start, end: reader.at, body, bodyEnd };
}

class Reader {
  readonly raw: Buffer;
  at: number;

  constructor(raw: Buffer, at: number) {
    this.raw = raw;
    this.at = at;
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.raw.length) throw new Error('the bytes end inside a transaction');
  }

  varint(): number {
    const first = this.raw[this.at];
    this.skip(1);
    if (first === undefined || first < 0xfd) return first ?? 0;
    const at = this.at;
    if (first === 0xfd) {
      this.skip(2);
      return this.raw.readUInt16LE(at);
    }
    this.skip(first === 0xfe ? 4 : 8);
    // No count or length in a block comes near 2^32: a larger one runs past the end and is refused there.
    return first === 0xfe ? this.raw.readUInt32LE(at) : Number(this.raw.readBigUInt64LE(at));
  }

  skipWitness(): void {
    const items = this.varint();
    for (let item = 0; item < items; item++) this.skip(this.varint());
  }
}

function sha256d(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(createHash('sha256').update(bytes).digest()).digest();
}
