/**
 * Ends flows, as `bpf/closing.h` does it: connections are reset at their next segment, other flows are forgotten.
 *
 * @module
 */
import type { Program } from '@balancer/ebpf';

/** Offsets in `struct l4_closing`, and its size. */
const BACKEND_AT = 40;
const CLOSED_AT = 44;
const CONTEXT_BYTES = 48;

/**
 * Ends a flow.
 *
 * @param program - `lb_close` of `l4-ctl.o`, loaded with the data plane's maps.
 * @param key - Bytes of the key that its client's packets have.
 * @returns Whether it was there and not over yet.
 */
export function closeFlow(program: Program, key: Uint8Array): boolean {
  const context = new Uint8Array(CONTEXT_BYTES);
  context.set(key);
  return run(program, context) > 0;
}

/**
 * Ends all flows of a backend. Goes over the whole table: call it in a worker.
 *
 * @returns How many.
 */
export function closeBackend(program: Program, slot: number): number {
  const context = new Uint8Array(CONTEXT_BYTES);
  new DataView(context.buffer).setUint32(BACKEND_AT, slot, true);
  return run(program, context);
}

function run(program: Program, context: Uint8Array): number {
  const { context: result } = program.testRun({ context });
  return new DataView(result.buffer, result.byteOffset).getUint32(CLOSED_AT, true);
}
