/**
 * How deep the stack of a program gets: the verifier says how much each function takes, the instructions
 * say which function calls which.
 *
 * @module
 */
import { Instructions, PSEUDO_FUNC } from './instruction.ts';

/**
 * Stack of the deepest chain of calls, call-backs included, in bytes.
 *
 * @param code - A linked program; the verifier has ruled out recursion.
 * @param depths - Stack of each function in the order of their addresses.
 */
export function deepestChain(code: Uint8Array, depths: readonly number[]): number {
  const instructions = new Instructions(code);
  const calls = [...callsOf(instructions)];
  const starts = [...new Set([0, ...calls.map(({ to }) => to)])].toSorted((a, b) => a - b);
  const functionAt = (index: number): number => starts.findLastIndex((start) => start <= index);
  const callees = starts.map(() => new Set<number>());
  for (const { from, to } of calls) callees[functionAt(from)]!.add(functionAt(to));
  const depthFrom = (index: number): number =>
    (depths[index] ?? 0) + Math.max(0, ...[...callees[index]!].map(depthFrom));
  return depthFrom(0);
}

/** Places that call a function, or hand it to a helper as call-back. */
function* callsOf(code: Instructions): Generator<{ from: number; to: number }> {
  for (let i = 0; i < code.length; i++) {
    const isCallBack = code.isWideLoad(i) && code.source(i) === PSEUDO_FUNC;
    if (isCallBack || code.isLocalCall(i)) yield { from: i, to: i + 1 + code.immediate(i) };
    if (code.isWideLoad(i)) i++;
  }
}
