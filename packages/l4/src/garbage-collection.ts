/**
 * Runs the garbage collection of flows, which goes over the connection table inside the kernel.
 *
 * @module
 */
import type { Program } from '@balancer/ebpf';

/** Bytes of `struct l4_gc`. */
const CONTEXT_BYTES = 32;

export interface GarbageCollection {
  /** Entries looked at; NATed flows have two. */
  readonly entries: number;
  /** Flows that were over and are gone, with their counters and ports. */
  readonly removed: number;
  /** Reply entries that were left when their flow was evicted from a full table. */
  readonly orphans: number;
  /** Persistence templates looked at. */
  readonly templates: number;
  /** Templates whose time was up and that are gone. */
  readonly expired: number;
  /** Counters that were wrong, because their flows had been evicted, and are right now. */
  readonly corrected: number;
}

/**
 * Goes over the table once. Blocks the calling thread meanwhile, in proportion to the entries: call it in a
 * worker when the table is large.
 *
 * @param program - `lb_gc` of `l4-ctl.o`, loaded with the data plane's maps.
 * @param nowNs - CLOCK_MONOTONIC to compare with; the kernel's by default.
 */
export function collectGarbage(program: Program, nowNs: bigint = 0n): GarbageCollection {
  const context = new Uint8Array(CONTEXT_BYTES);
  new DataView(context.buffer).setBigUint64(0, nowNs, true);
  const { context: result } = program.testRun({ context });
  const view = new DataView(result.buffer);
  return {
    entries: view.getUint32(8, true),
    removed: view.getUint32(12, true),
    orphans: view.getUint32(16, true),
    templates: view.getUint32(20, true),
    expired: view.getUint32(24, true),
    corrected: view.getUint32(28, true),
  };
}
