/**
 * A process that runs one task given as JSON on its command line and prints the answer as JSON. All
 * loops of a task are built and warmed up before the first is timed.
 *
 * @module
 */
import { measure, warmUp, type Measurement } from './measure.ts';
import { membershipCost } from './membership.ts';
import { PEERS } from './peers.ts';
import { floorLoop, jobLoop, loopOf, type Loop } from './subjects.ts';
import type { LoopSpec, Task } from './task.ts';

const task = JSON.parse(process.argv[2]!) as Task;
process.stdout.write(JSON.stringify(await run(task)));

async function run(given: Task): Promise<unknown> {
  if (given.kind === 'membership') return membershipCost(given.policy, given.nodeCount);
  const loops = given.loops.map(loopFrom);
  for (const loop of loops) warmUp(loop);
  const results: Measurement[] = [];
  for (const loop of loops) results.push(await measure(loop, given.effort));
  return results;
}

function loopFrom(spec: LoopSpec): Loop {
  switch (spec.kind) {
    case 'subject':
      return loopOf(spec.subject);
    case 'floor':
      return floorLoop(spec.nodeCount);
    case 'job':
      return jobLoop(spec.clock);
    case 'peer':
      return PEERS.find(({ name }) => name === spec.name)!.create(spec.nodeCount);
    default:
      throw new Error(`unknown loop: ${JSON.stringify(spec satisfies never)}`);
  }
}
