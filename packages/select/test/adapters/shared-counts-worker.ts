/** A thread with its own balancer, whose nodes count their load in memory shared with other threads. */
import { parentPort } from 'node:worker_threads';
import { Balancer, Node, policies } from '@balancer/select';

export interface SharedTask {
  shared: SharedArrayBuffer;
  nodeCount: number;
  /** How many jobs to begin. */
  begin: number;
  /** How many rounds of beginning and ending a job to go through before that. */
  churn: number;
}

parentPort!.on('message', ({ shared, nodeCount, begin, churn }: SharedTask) => {
  const nodes = Array.from(
    { length: nodeCount },
    (_each, slot) => new Node(`node-${slot}`, { shared, slot }),
  );
  const balancer = new Balancer({ policy: policies.leastConnection(), nodes });
  for (let i = 0; i < churn; i++) balancer.acquire()!.done();
  const leases = Array.from({ length: begin }, () => balancer.acquire()!);
  parentPort!.postMessage(
    leases.map(({ node }) => node.id),
    [],
  );
  parentPort!.once('message', () => {
    for (const lease of leases) lease.done();
    parentPort!.close();
  });
});
