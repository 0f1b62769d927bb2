/**
 * Whether a service has enough servers: the weight of those that are up against what the file asks
 * for, with a margin so that one server that comes and goes does not turn the verdict each time.
 *
 * Source: `quorum`, `hysteresis` and `sorry_server` of keepalived.conf(5).
 *
 * @module
 */
import type { BackendSpec, ServiceSpec } from './desired.ts';

export interface QuorumRule {
  /** Sum of weights of servers that are up. */
  readonly quorum: number;
  readonly hysteresis: number;
  /** Takes the new flows while the quorum is lost. */
  readonly sorryServer: BackendSpec | undefined;
}

/** What a service without words of its own in the file is held to. */
export const ANY_SERVER: QuorumRule = { quorum: 1, hysteresis: 0, sorryServer: undefined };

/** `undefined`: no check has answered yet. */
export type Verdict = 'held' | 'lost' | undefined;

/** The verdict on each service, which depends on the one before. */
export class Quorums {
  #verdicts: ReadonlyMap<string, Verdict> = new Map();

  /** Judges all services anew; those that are gone are forgotten. */
  judge(
    services: ReadonlyMap<string, ServiceSpec>,
    rules: ReadonlyMap<string, QuorumRule>,
  ): ReadonlyMap<string, Verdict> {
    this.#verdicts = new Map(
      [...services].map(([key, { backends }]) => [
        key,
        verdictOf(backends, rules.get(key) ?? ANY_SERVER, this.#verdicts.get(key)),
      ]),
    );
    return this.#verdicts;
  }
}

/** The verdict on servers after a verdict. */
export function verdictOf(
  backends: readonly BackendSpec[],
  { quorum, hysteresis }: QuorumRule,
  before: Verdict,
): Verdict {
  const weightOf = (health: BackendSpec['health']): number =>
    backends.reduce((sum, each) => sum + (each.health === health ? each.weight : 0), 0);
  const up = weightOf('up');
  // A server that no check has answered for may still turn out either way.
  const upAtMost = up + weightOf('unknown');
  if (before === 'held') return upAtMost < quorum - hysteresis ? 'lost' : 'held';
  if (up >= quorum + (before === 'lost' ? hysteresis : 0)) return 'held';
  return before === 'lost' || upAtMost < quorum ? 'lost' : undefined;
}

/** The service with every server that it may ever need numbers for. */
export function withReserve(service: ServiceSpec, rule: QuorumRule | undefined): ServiceSpec {
  return rule === undefined ? service : withSorryServer(service, rule, 'lost');
}

/** The service as it is to be forwarded: with only the sorry server for new flows once its quorum is lost. */
export function withSorryServer(
  service: ServiceSpec,
  { sorryServer }: QuorumRule,
  verdict: Verdict,
): ServiceSpec {
  if (verdict !== 'lost' || sorryServer === undefined) return service;
  const resting = service.backends
    .filter(({ address, port }) => address !== sorryServer.address || port !== sorryServer.port)
    .map((backend) => ({ ...backend, weight: 0 }));
  return { ...service, backends: [...resting, sorryServer] };
}
