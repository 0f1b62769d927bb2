/**
 * Measurements as messages: the benchmark describes one as JSON, a fresh process runs it, and its
 * answer comes back as JSON. A process of its own keeps what V8 learned from one subject from
 * spoiling the next.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Effort, Measurement } from './measure.ts';
import type { MembershipCost } from './membership.ts';
import type { PolicyName } from './policies.ts';
import type { Subject } from './subjects.ts';

export type LoopSpec =
  | { readonly kind: 'subject'; readonly subject: Subject }
  | { readonly kind: 'floor'; readonly nodeCount: number }
  | { readonly kind: 'job'; readonly clock: 'coarse' | 'precise' }
  | { readonly kind: 'peer'; readonly name: string; readonly nodeCount: number };

export type Task =
  | { readonly kind: 'loops'; readonly loops: readonly LoopSpec[]; readonly effort: Effort }
  | { readonly kind: 'membership'; readonly policy: PolicyName; readonly nodeCount: number };

const PROCESS_FILE = fileURLToPath(new URL('measuring-process.js', import.meta.url));

/** Measures loops one after another in one fresh process; results in the same order. */
export async function measureLoops(
  loops: readonly LoopSpec[],
  effort: Effort,
): Promise<Measurement[]> {
  return (await runTask({ kind: 'loops', loops, effort })) as Measurement[];
}

export async function measureMembership(
  policy: PolicyName,
  nodeCount: number,
): Promise<MembershipCost> {
  return (await runTask({ kind: 'membership', policy, nodeCount })) as MembershipCost;
}

function runTask(task: Task): Promise<unknown> {
  const child = spawn(process.execPath, ['--expose-gc', PROCESS_FILE, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(output));
      else reject(new Error(`measuring process failed (${status}): ${JSON.stringify(task)}`));
    });
  });
}
