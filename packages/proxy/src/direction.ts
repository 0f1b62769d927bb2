/**
 * One direction of a relay: bytes read from one socket, written to the other.
 *
 * What was read goes straight to the other socket. When the kernel does not take all of it, reading
 * stops until it has: at most one read buffer waits unsent, however slow the reader and however
 * fast the sender.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { AdaptiveBuffer, type ReadBuffers } from './read-buffers.ts';
import type { Reader } from './sockets.ts';

/** Who sent something: the client or the server. */
export type Side = 'client' | 'server';

export class Direction implements Reader {
  readonly memory: AdaptiveBuffer;
  private onTransfer: (bytes: number) => void;
  /**
   * Takes bytes that come before there is a sink; they are valid during the call.
   *
   * @returns False to stop reading. Without a listener they are read away.
   */
  onEarly: (bytes: Buffer) => boolean = readAway;
  private source: Socket | undefined;
  private sink: Socket | undefined;
  private waitsForSink = false;
  private readonly onWritten = (): void => this.resumeWhenWritten();

  /** @param onTransfer - Hears of every read that was handed on. On the hot path. */
  constructor(buffers: ReadBuffers, onTransfer: (bytes: number) => void) {
    this.memory = new AdaptiveBuffer(buffers);
    this.onTransfer = onTransfer;
  }

  /** Names the two sockets. */
  join(source: Socket, sink: Socket): void {
    this.source = source;
    this.sink = sink;
  }

  /** Allocates a view of the buffer and what the runtime needs for a write; copies nothing. */
  onBytes(buffer: Buffer, bytesRead: number): boolean {
    const { sink } = this;
    if (!sink) return this.onEarly(buffer.subarray(0, bytesRead));
    this.onTransfer(bytesRead);
    if (!sink.writable) return false;
    sink.write(
      bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead),
      this.onWritten,
    );
    this.waitsForSink = sink.writableLength > 0;
    this.memory.adapt(bytesRead, this.waitsForSink);
    return !this.waitsForSink;
  }

  /** Gives the memory back and forgets the connection. Both sockets must be closed. */
  release(): void {
    this.memory.release();
    this.source = undefined;
    this.sink = undefined;
    this.onTransfer = ignore;
    this.onEarly = readAway;
  }

  private resumeWhenWritten(): void {
    if (!this.waitsForSink || this.sink!.writableLength > 0) return;
    this.waitsForSink = false;
    this.memory.sent();
    if (!this.source!.destroyed) this.source!.resume();
  }
}

function ignore(): void {}

function readAway(): boolean {
  return true;
}
