/**
 * `balancer reload`, `drain`, `weight` and `stats`: orders to a running load balancer and questions
 * about it.
 *
 * @module
 */
import { setTimeout } from 'node:timers/promises';
import { BalancerError, createStyler, EXIT } from '@balancer/kit';
import type { AdminState, ServerStatistics } from '@balancer/lb';
import { AdminClient, type AdminTarget, type ServerName } from '../admin-client.ts';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { renderStatistics } from '../statistics-table.ts';

/** Between two looks at a server that is waited for. */
const LOOK_MS = 200;

/** A server did not get where it was ordered in the time that was given. */
class WaitError extends BalancerError {
  override readonly name = 'WaitError';
  readonly code = 'WAIT';
}

interface RemoteOptions extends AdminTarget {
  /** Whether a program reads the answer. */
  readonly json: boolean;
}

/** @returns The exit code. */
export async function reload({ json, ...target }: RemoteOptions, io: Io): Promise<number> {
  const client = await AdminClient.find(target, io.environment);
  const { outcome } = await client.reload();
  const text = outcome === 'applied' ? 'reloaded' : 'nothing has changed';
  io.stdout.write(`${json ? JSON.stringify({ outcome }) : text}\n`);
  return EXIT.ok;
}

export interface DrainOptions extends RemoteOptions {
  readonly state: AdminState;
  /** Longest wait for the effect, in milliseconds; `undefined` does not wait. */
  readonly waitMs: number | undefined;
}

/**
 * @param server - `backend/server`.
 * @returns The exit code.
 * @throws {WaitError} The effect took longer than `waitMs`; the order stands.
 */
export async function drain(
  server: string,
  { state, waitMs, json, ...target }: DrainOptions,
  io: Io,
): Promise<number> {
  const name = serverName(server);
  const client = await AdminClient.find(target, io.environment);
  let ordered = await client.order(name, { state });
  if (waitMs !== undefined) {
    const found = await waitFor(client, ordered.server, { name, state, waitMs });
    ordered = { ...ordered, state: found.state };
  }
  io.stdout.write(
    json ? `${JSON.stringify(ordered)}\n` : `${server}: ${said(state, ordered.state)}\n`,
  );
  return EXIT.ok;
}

/** @param server - `backend/server`. @returns The exit code. */
export async function weigh(
  server: string,
  { weight, json, ...target }: RemoteOptions & { readonly weight: number },
  io: Io,
): Promise<number> {
  const name = serverName(server);
  const client = await AdminClient.find(target, io.environment);
  const ordered = await client.order(name, { weight });
  io.stdout.write(json ? `${JSON.stringify(ordered)}\n` : `${server}: weight ${ordered.weight}\n`);
  return EXIT.ok;
}

/** @returns The exit code. */
export async function stats({ json, ...target }: RemoteOptions, io: Io): Promise<number> {
  const client = await AdminClient.find(target, io.environment);
  const statistics = await client.statistics();
  const style = createStyler(io.stdout, io.environment);
  io.stdout.write(json ? `${JSON.stringify(statistics)}\n` : renderStatistics(statistics, style));
  return EXIT.ok;
}

/** Prints every `backend/server` that an order may name, one on a line. */
export async function completeServers(target: AdminTarget, io: Io): Promise<void> {
  const client = await AdminClient.find(target, io.environment);
  const { backends } = await client.statistics();
  for (const [backend, { server_stats: servers }] of Object.entries(backends)) {
    for (const { name } of Object.values(servers)) io.stdout.write(`${backend}/${name}\n`);
  }
}

function serverName(text: string): ServerName {
  const slash = text.indexOf('/');
  if (slash < 1 || slash === text.length - 1) {
    throw new UsageError(`needs <backend>/<server>; got "${text}"`);
  }
  return { backend: text.slice(0, slash), server: text.slice(slash + 1) };
}

/** A server that is taken back may still be down, or disabled in the file. */
function said(ordered: AdminState, now: string): string {
  return ordered === 'ready' && now !== 'up' ? `ready, now ${now}` : ordered;
}

async function waitFor(
  client: AdminClient,
  address: string,
  { name, state, waitMs }: { name: ServerName; state: AdminState; waitMs: number },
): Promise<ServerStatistics> {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const { backends } = await client.statistics();
    const server = backends[name.backend]?.server_stats[address];
    const full = `${name.backend}/${name.server}`;
    if (!server) throw new WaitError(`${full} is gone: a reload has removed it`);
    if (state === 'ready' ? server.state === 'up' : server.current === 0) return server;
    if (performance.now() >= deadlineMs) {
      const what =
        state === 'ready' ? `is ${server.state}` : `has ${server.current} open connections`;
      throw new WaitError(`${full} still ${what} after ${waitMs / 1000} s; the order stands`);
    }
    // oxlint-disable-next-line no-await-in-loop -- between two looks
    await setTimeout(LOOK_MS);
  }
}
