/** What the tests of the adapters share. */
import type { Node } from '@balancer/select';
import { vi } from 'vitest';

/** A promise and its ends, to hold an answer until the test says so. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** What is counted of a node, whatever its `data`. */
type Counted = Pick<Node, 'failures' | 'load' | 'successes'>;

/** Jobs of a node: in flight, succeeded, failed. */
export function countsOf(node: Counted | undefined): [number, number, number] {
  return [node!.load(), node!.successes, node!.failures];
}

/** Jobs of all nodes together: in flight, succeeded, failed. */
export function countsOfAll(balancer: { nodes: readonly Counted[] }): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  for (const node of balancer.nodes) countsOf(node).forEach((count, i) => (sum[i]! += count));
  return sum;
}

/** Waits until `check` throws no more, however busy the machine is. */
export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 60_000, interval: 10 });
}

/** For tests that start threads or connections, on a machine that is busy with others. */
export const SLOW = { timeout: 120_000 };
