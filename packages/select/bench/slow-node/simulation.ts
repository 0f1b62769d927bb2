/**
 * One slow server among twenty, in virtual time. Each node works on one job at a time, first come
 * first served; a job takes an exponentially distributed time, 10 ms on average, or 100 ms on the
 * slow node. Jobs arrive as a Poisson process at 70 % of what all nodes together can do per second:
 * 0.7 * (19 / 10 ms + 1 / 100 ms) = 1337 jobs/s.
 *
 * Equal shares would give the slow node 67 jobs/s where it can do 10, so with a policy that ignores
 * load its queue grows for as long as the run lasts.
 *
 * Every policy meets the same jobs: arrival times and amounts of work are drawn beforehand.
 *
 * @module
 */
import { Balancer, Node, policies, Xorshift32, type NodeLike, type Policy } from '@balancer/select';
import { EventQueue } from './event-queue.ts';

export const NODE_COUNT = 20;
export const SLOWDOWN = 10;
export const LOAD = 0.7;
export const MEAN_WORK_MS = 10;
/** Jobs that arrive in this time count, after a time in which queues and averages settle. */
export const MEASURED_MS = 60_000;
export const WARM_UP_MS = 10_000;
export const PERCENTILES = [50, 90, 99, 99.9] as const;
const SEED = 1;
const SLOW_RANK = 7;

export const SIMULATED = {
  roundRobin: () => policies.roundRobin(),
  random: () => policies.random(),
  leastTime: () => policies.leastTime(),
  p2c: () => policies.p2c(),
  leastConnection: () => policies.leastConnection(),
  peakEwma: () => policies.peakEwma(),
  prequal: () => policies.prequal({ probe: answerProbe }),
} as const satisfies Record<string, () => Policy>;

export type SimulatedPolicy = keyof typeof SIMULATED;

export interface Outcome {
  readonly policy: SimulatedPolicy;
  readonly jobs: number;
  /** Time from arrival to completion at each of `PERCENTILES`, in milliseconds. */
  readonly percentilesMs: readonly number[];
  /** Part of the jobs that the slow node received. */
  readonly slowShare: number;
}

/** A job by its arrival and by what it takes on a normal node. */
interface Job {
  readonly arrivesAtMs: number;
  readonly workMs: number;
}

interface Arrival {
  readonly kind: 'arrival';
  readonly atMs: number;
  readonly job: number;
}

interface Completion {
  readonly kind: 'completion';
  readonly atMs: number;
  readonly server: Server;
}

interface Server {
  readonly node: Node<Server>;
  readonly slowdown: number;
  /** Jobs waiting or running, in order; the first is running. */
  readonly queue: { job: number; token: number }[];
}

/** Runs one policy over the jobs that all policies share. */
export async function simulate(policy: SimulatedPolicy): Promise<Outcome> {
  const jobs = drawJobs();
  const time = new Float64Array(1);
  const servers = Array.from({ length: NODE_COUNT }, (_, rank) => newServer(rank));
  const balancer = new Balancer<Node<Server>>({
    policy: SIMULATED[policy](),
    nodes: servers.map(({ node }) => node),
    seed: SEED,
    clock: { now: () => time[0]! },
  });
  const events = new EventQueue<Arrival | Completion>();
  const latenciesMs: number[] = [];
  let slowCount = 0;

  const start = (server: Server): void => {
    const { job } = server.queue[0]!;
    const tookMs = jobs[job]!.workMs * server.slowdown;
    events.push({ kind: 'completion', atMs: time[0]! + tookMs, server });
  };

  events.push({ kind: 'arrival', atMs: jobs[0]!.arrivesAtMs, job: 0 });
  for (let event = events.pop(); event !== undefined; event = events.pop()) {
    time[0] = event.atMs;
    if (event.kind === 'arrival') {
      const node = balancer.next()!;
      const server = node.data;
      server.queue.push({ job: event.job, token: node.begin() });
      if (server.queue.length === 1) start(server);
      if (server.slowdown > 1) slowCount++;
      const next = event.job + 1;
      if (next < jobs.length) {
        events.push({ kind: 'arrival', atMs: jobs[next]!.arrivesAtMs, job: next });
      }
      // Answers to probes arrive in microtasks, which take no virtual time.
      if (policy === 'prequal') await Promise.resolve();
      continue;
    }
    const { server } = event;
    const { job, token } = server.queue.shift()!;
    server.node.end(token);
    if (jobs[job]!.arrivesAtMs >= WARM_UP_MS) {
      latenciesMs.push(time[0] - jobs[job]!.arrivesAtMs);
    }
    if (server.queue.length > 0) start(server);
  }
  balancer.destroy();

  latenciesMs.sort((a, b) => a - b);
  return {
    policy,
    jobs: latenciesMs.length,
    percentilesMs: PERCENTILES.map(
      (percent) => latenciesMs[Math.ceil((percent / 100) * latenciesMs.length) - 1]!,
    ),
    slowShare: slowCount / jobs.length,
  };
}

function newServer(rank: number): Server {
  const node = new Node<Server>(`server-${rank}`);
  const server = { node, slowdown: rank === SLOW_RANK ? SLOWDOWN : 1, queue: [] };
  node.data = server;
  return server;
}

function drawJobs(): Job[] {
  const random = new Xorshift32(SEED);
  const exponential = (mean: number): number => -mean * Math.log(1 - random.fraction());
  const jobsPerMs = LOAD * ((NODE_COUNT - 1 + 1 / SLOWDOWN) / MEAN_WORK_MS);
  const jobs: Job[] = [];
  for (let atMs = 0; atMs < WARM_UP_MS + MEASURED_MS; atMs += exponential(1 / jobsPerMs)) {
    jobs.push({ arrivesAtMs: atMs, workMs: exponential(MEAN_WORK_MS) });
  }
  return jobs;
}

/** What a server answers to a probe, at once: its queue, and what a job would take at its end. */
function answerProbe(node: NodeLike): Promise<ProbeAnswer> {
  const inFlight = node.load();
  const { slowdown } = (node as Node<Server>).data;
  return Promise.resolve({ inFlight, latencyMs: (inFlight + 1) * MEAN_WORK_MS * slowdown });
}

interface ProbeAnswer {
  readonly inFlight: number;
  readonly latencyMs: number;
}
