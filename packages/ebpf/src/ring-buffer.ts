/**
 * Reads a `BPF_MAP_TYPE_RINGBUF`: records that programs write come out in order, without a system
 * call, through shared memory.
 *
 * The kernel maps the data twice in a row, so a record that wraps around the end is contiguous. Each
 * starts with a 32-bit length whose two top bits say "still being written" (stop here) and "discarded"
 * (skip). Positions only grow; the difference between producer and consumer is what is unread.
 *
 * There is no descriptor that Node could wait on, so records are fetched by polling: `poll()` when the
 * caller knows it is time, or `start()` at an interval.
 *
 * Source: Documentation/bpf/ringbuf.rst of the Linux kernel.
 *
 * @module
 */
import { ClosedError, FormatError, ValueError } from './errors.ts';
import type { BpfMap } from './map.ts';
import { Mapping } from './memory.ts';
import { native } from './native.ts';

const HEADER_BYTES = 8;
const BUSY = 0x8000_0000;
const DISCARDED = 0x4000_0000;
const LENGTH = 0x3fff_ffff;

/** Called with each record; the bytes are a window that is overwritten after the call returns. */
export type RecordHandler = (record: Uint8Array) => void;

export class RingBuffer implements Disposable {
  readonly #consumer: Mapping;
  readonly #producer: Mapping;
  readonly #consumerPosition: BigUint64Array;
  readonly #producerPosition: BigUint64Array;
  readonly #headers: Uint32Array;
  readonly #data: Uint8Array;
  readonly #mask: bigint;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Maps the buffer into memory. The map may be closed afterwards.
   *
   * @throws {ValueError} if the map is no ring buffer.
   */
  constructor(map: BpfMap) {
    if (map.type !== 'ringbuf') throw new ValueError(`${map.toString()} is no ring buffer`);
    const size = map.info.maxEntries;
    const what = `map ring buffer ${map.info.name}`;
    const page = native().pageBytes;
    this.#consumer = new Mapping(what, map.fd, page, { writable: true });
    try {
      const length = page + 2 * size;
      this.#producer = new Mapping(what, map.fd, length, { writable: false, offset: page });
    } catch (error) {
      this.#consumer.close();
      throw error;
    }
    this.#consumerPosition = new BigUint64Array(this.#consumer.buffer!, 0, 1);
    this.#producerPosition = new BigUint64Array(this.#producer.buffer!, 0, 1);
    this.#headers = new Uint32Array(this.#producer.buffer!, page);
    this.#data = new Uint8Array(this.#producer.buffer!, page);
    this.#mask = BigInt(size - 1);
  }

  /** Bytes written and not yet read, headers included. */
  get unreadBytes(): number {
    this.#checkOpen();
    const produced = Atomics.load(this.#producerPosition, 0);
    return Number(produced - Atomics.load(this.#consumerPosition, 0));
  }

  /**
   * Hands over the records that are there and frees their space, each before the next is read.
   *
   * @param recordsMax - Most records to take, so that a flood cannot hold the thread.
   * @returns How many records were handed over.
   * @throws {FormatError} if a record is longer than the buffer, which means that memory is damaged.
   */
  poll(onRecord: RecordHandler, recordsMax: number = 65_536): number {
    this.#checkOpen();
    let position = Atomics.load(this.#consumerPosition, 0);
    let records = 0;
    while (records < recordsMax && position < Atomics.load(this.#producerPosition, 0)) {
      const at = Number(position & this.#mask);
      const header = Atomics.load(this.#headers, at / 4);
      if ((header & BUSY) !== 0) break;
      const length = header & LENGTH;
      if (BigInt(length) > this.#mask) {
        throw new FormatError(`ring buffer: a record of ${length} bytes is longer than the buffer`);
      }
      position += BigInt(Math.ceil((HEADER_BYTES + length) / 8) * 8);
      try {
        if ((header & DISCARDED) === 0) {
          records++;
          onRecord(this.#data.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length));
        }
      } finally {
        // Also when the handler throws: the record is gone either way, and others follow it.
        if (!this.#isClosed()) Atomics.store(this.#consumerPosition, 0, position);
      }
      if (this.#isClosed()) break;
    }
    return records;
  }

  /**
   * Polls at an interval until `close()`. Does not keep the process alive.
   *
   * @param intervalMs - 1 and up; 50 by default. A program that fills the buffer within it loses records.
   */
  start(onRecord: RecordHandler, intervalMs: number = 50): void {
    this.#checkOpen();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.poll(onRecord), intervalMs);
    this.#timer.unref();
  }

  /** Unmaps the memory and stops polling; harmless when repeated. */
  close(): void {
    clearInterval(this.#timer);
    this.#consumer.close();
    this.#producer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #isClosed(): boolean {
    return this.#consumer.buffer === undefined;
  }

  #checkOpen(): void {
    if (this.#isClosed()) throw new ClosedError('ring buffer');
  }
}
