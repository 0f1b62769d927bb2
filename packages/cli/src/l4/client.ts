/**
 * Finds the running packet plane: its unix socket, or the admin listener.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { loadLoadBalancerConfig } from '@balancer/lb';
import { AdminClient, type AdminTarget } from '../admin-client.ts';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

/** Where `[l4] pin_path` is when a file does not say. */
const USUAL_PIN_PATH = '/sys/fs/bpf/balancer';
/** Where `[l4] admin_socket` is when a file does not say. */
const USUAL_SOCKET = '/run/balancer/l4.sock';
/** Names the socket of the plane, for scripts that cannot pass an option. */
const SOCKET_VARIABLE = 'BALANCER_L4_SOCKET';

export interface PlaneTarget extends AdminTarget {
  /** Path of the plane's socket, instead of the file's. */
  readonly socket?: string;
}

/** @throws {UsageError} The file has no packet plane. */
export async function findPlane(target: PlaneTarget, io: Io): Promise<AdminClient> {
  if (target.url !== undefined) return AdminClient.find(target, io.environment);
  const path = target.socket ?? (await socketIn(target.config, io));
  return new AdminClient({ kind: 'unix', path }, undefined);
}

/** Whether anything is at the socket. */
export function planeMayRun(target: PlaneTarget): boolean {
  const isNamed = target.url !== undefined || target.config !== undefined;
  return isNamed || existsSync(target.socket ?? USUAL_SOCKET);
}

/** Where the plane is pinned: where the file says, or the usual place. */
export async function pinPathOf({ config: file }: PlaneTarget, io: Io): Promise<string> {
  if (file === undefined) return USUAL_PIN_PATH;
  const { config } = await loadLoadBalancerConfig(file, io.environment);
  return config.l4?.pin_path ?? USUAL_PIN_PATH;
}

/**
 * `--socket path` or `--config file` in front of the arguments of a command line that is another program's.
 */
export function takeTarget(
  args: readonly string[],
  io: Io,
): { readonly target: PlaneTarget; readonly rest: readonly string[] } {
  const [first, second, ...rest] = args;
  if (first === '--socket' && second !== undefined) return { target: { socket: second }, rest };
  if (first === '--config' && second !== undefined) return { target: { config: second }, rest };
  const socket = io.environment[SOCKET_VARIABLE];
  return { target: socket === undefined ? {} : { socket }, rest: args };
}

async function socketIn(file: string | undefined, io: Io): Promise<string> {
  if (file === undefined) return USUAL_SOCKET;
  const { config } = await loadLoadBalancerConfig(file, io.environment);
  if (!config.l4) throw new UsageError(`${file} has no [l4]: nothing of it is on the packet plane`);
  if (config.l4.admin_socket === '') {
    throw new UsageError(`${file} has l4.admin_socket = ""; use --url with the stats listener`);
  }
  return config.l4.admin_socket;
}
