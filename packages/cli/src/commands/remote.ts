/**
 * `balancer reload`, `balancer drain`, `balancer stats`: orders to a running load balancer and
 * questions about it.
 *
 * @module
 */
import { createStyler, EXIT } from '@balancer/kit';
import { AdminClient, type AdminTarget } from '../admin-client.ts';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { renderStatistics } from '../statistics-table.ts';

/** @returns The exit code. */
export async function reload(target: AdminTarget, io: Io): Promise<number> {
  const client = await AdminClient.find(target, io.environment);
  const { outcome } = await client.reload();
  io.stdout.write(outcome === 'applied' ? 'reloaded\n' : 'nothing has changed\n');
  return EXIT.ok;
}

/**
 * @param server - `backend/server`.
 * @returns The exit code.
 */
export async function drain(
  server: string,
  state: 'drain' | 'maint' | 'ready',
  { target, io }: { readonly target: AdminTarget; readonly io: Io },
): Promise<number> {
  const slash = server.indexOf('/');
  if (slash < 1) throw new UsageError(`needs <backend>/<server>; got "${server}"`);
  const named = { backend: server.slice(0, slash), server: server.slice(slash + 1) };
  const client = await AdminClient.find(target, io.environment);
  await client.setState(named, state);
  io.stdout.write(`${server}: ${state}\n`);
  return EXIT.ok;
}

/** @returns The exit code. */
export async function stats(
  { json, ...target }: AdminTarget & { readonly json: boolean },
  io: Io,
): Promise<number> {
  const client = await AdminClient.find(target, io.environment);
  const statistics = await client.statistics();
  const style = createStyler(io.stdout, io.environment);
  io.stdout.write(json ? `${JSON.stringify(statistics)}\n` : renderStatistics(statistics, style));
  return EXIT.ok;
}
