/**
 * Runs the garbage collection of flows, which goes over the connection table inside the kernel.
 *
 * @module
 */
import type { Program } from '@balancer/ebpf';

export interface GarbageCollection {
  /** Entries looked at; NATed flows have two. */
  readonly entries: number;
  /** Flows that were over and are gone, with their counters and ports. */
  readonly removed: number;
  /** Reply entries that were left when their flow was evicted from a full table. */
  readonly orphans: number;
}

/**
 * Goes over the table once. Blocks the calling thread meanwhile, in proportion to the entries: call it in a
 * worker when the table is large.
 *
 * @param program - `lb_gc` of `l4-ctl.o`, loaded with the data plane's maps.
 * @param nowNs - CLOCK_MONOTONIC to compare with; the kernel's by default.
 */
export function collectGarbage(program: Program, nowNs: bigint = 0n): GarbageCollection {
  const context = new Uint8Array(24);
  new DataView(context.buffer).setBigUint64(0, nowNs, true);
  const { context: result } = program.testRun({ context });
  const view = new DataView(result.buffer);
  return {
    entries: view.getUint32(8, true),
    removed: view.getUint32(12, true),
    orphans: view.getUint32(16, true),
  };
}
