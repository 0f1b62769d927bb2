/**
 * The nodes of the reference scenario: `127.0.0.0:8080`, `127.0.0.1:8080` and so on, those of even
 * rank healthy and the others down for the whole run, each with 30 jobs in flight and about 5e8
 * jobs of 300 ns behind it.
 *
 * @module
 */
import { Node, type Balancer, type NodeLike } from '@balancer/select';

const JOBS_IN_FLIGHT = 30;
const REQUESTS = 500_000_000;
const REQUEST_MS = 300e-6;
/** What a slow job adds to the total time of the node that it ran on. */
export const SLOW_JOB_MS = 10_000;

/** Which nodes are down: every other one, or none. */
export type Health = 'halfDown' | 'allUp';

/** A caller's own node, which the balancer must ask at every pick. */
export class CountingNode implements NodeLike {
  readonly id: string;
  readonly weight: number = 1;
  readonly #isHealthy: boolean;
  #jobs: number = JOBS_IN_FLIGHT;
  #requests: number;
  /** Typed: in a field, a number that is no small integer takes a new heap object at every write. */
  readonly #totalMs = new Float64Array(1);

  constructor(rank: number, health: Health) {
    this.id = idOf(rank);
    this.#isHealthy = isUp(rank, health);
    this.#requests = REQUESTS + rank;
    this.#totalMs[0] = REQUEST_MS * this.#requests;
  }

  isHealthy(): boolean {
    return this.#isHealthy;
  }

  load(): number {
    return this.#jobs;
  }

  totalRequests(): number {
    return this.#requests;
  }

  averageResponseTime(): number {
    return this.#totalMs[0]! / this.#requests;
  }

  /** A job starts here and never ends. */
  startJob(): void {
    this.#jobs++;
    this.#requests++;
  }

  /** The jobs that ran here took longer than thought. */
  addTime(): void {
    this.#totalMs[0]! += SLOW_JOB_MS;
  }
}

export function countingNodes(count: number, health: Health): CountingNode[] {
  return Array.from({ length: count }, (_, rank) => new CountingNode(rank, health));
}

export function builtInNodes(count: number, health: Health): Node[] {
  return Array.from({ length: count }, (_, rank) => {
    const node = new Node(idOf(rank), { average: 'cumulative' });
    node.healthy = isUp(rank, health);
    return node;
  });
}

/** Gives built-in nodes, once in a balancer, the load that counting nodes are created with. */
export function startLoad({ nodes }: Balancer): void {
  for (const node of nodes) {
    for (let job = 0; job < JOBS_IN_FLIGHT; job++) node.begin();
    node.end(node.begin());
  }
}

function idOf(rank: number): string {
  return `127.0.0.${rank}:8080`;
}

function isUp(rank: number, health: Health): boolean {
  return health === 'allUp' || rank % 2 === 0;
}
