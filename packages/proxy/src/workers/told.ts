/**
 * What workers are told, and what they answer, as plain data.
 *
 * @module
 */
import type {
  Backend,
  DesiredConfig,
  DesiredState,
  FrontendConfig,
  ToldServer,
} from '@balancer/lb';
import { Listener } from '../listener.ts';
import type { BoundListener } from '../served-frontend.ts';
import type { Answer, WorkerConfig } from './protocol.ts';
import { shareOfServer, type WorkerPlace } from './share.ts';

/** What workers serve on the sockets of a main process that is one of them: no UDP. */
export function socketsFor(
  config: WorkerConfig,
  listeners: ReadonlyMap<string, readonly BoundListener[]>,
): { readonly config: WorkerConfig; readonly listeners: ReadonlySet<Listener> } {
  const all = new Set<Listener>();
  const frontends: Record<string, FrontendConfig> = {};
  for (const [name, frontend] of Object.entries(config.frontends)) {
    if (frontend.protocol === 'udp') continue;
    const own = (listeners.get(name) ?? []).filter((each) => each instanceof Listener);
    for (const listener of own) all.add(listener);
    frontends[name] = { ...frontend, listen_addr: own.map(({ bound }) => bound) };
  }
  return { config: { ...config, frontends }, listeners: all };
}

/** What a configuration is to workers. */
export function configOf({ global, frontends, backends }: DesiredConfig): WorkerConfig {
  return {
    global,
    frontends: Object.fromEntries(frontends),
    backends: Object.fromEntries(backends),
  };
}

/** The same of a configuration in force. */
export function configOfState({ global, frontends, backends }: DesiredState): WorkerConfig {
  const configs = <T>(map: ReadonlyMap<string, { readonly config: T }>): Record<string, T> =>
    Object.fromEntries([...map].map(([name, { config }]) => [name, config]));
  return { global, frontends: configs(frontends), backends: configs(backends) };
}

/** The servers of a backend, each with a worker's share of its limits. */
export function toldServers({ servers }: Backend, place: WorkerPlace): readonly ToldServer[] {
  return servers.map(({ name, config, orders }) => ({
    name,
    config: shareOfServer(config, place),
    orders,
  }));
}

/** Where each frontend is bound: any worker says it of TCP, one of UDP. */
export function listeningOf(
  answers: readonly (Answer | undefined)[],
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    answers.flatMap((answer) => (answer?.kind === 'prepared' ? [...answer.listening] : [])),
  );
}
