/**
 * `balancer dpip`: DPVS's command line for interfaces, addresses, routes, queues and sets of networks.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, messageOf } from '@balancer/kit';
import { DpipUsageError, runDpip } from '@balancer/l4';
import { type AdminClient, AdminRequestError } from '../admin-client.ts';
import type { Io } from '../io.ts';
import { findPlane, pinPathOf, planeMayRun, takeTarget } from './client.ts';

/** @returns 0; 1 for a test that says no; 2 with one line on stderr; 3 for what Linux does itself. */
export async function dpip(args: readonly string[], io: Io): Promise<number> {
  const { target, rest } = takeTarget(args, io);
  const withPlane = async <T>(action: (client: AdminClient) => Promise<T>): Promise<T> =>
    action(await findPlane(target, io));
  try {
    return await runDpip(rest, {
      write: (text) => void io.stdout.write(text),
      writeError: (text) => void io.stderr.write(text),
      plane: {
        get: (path) => withPlane((client) => client.get(path)),
        put: (path, body) => withPlane((client) => client.put(path, body)),
        post: (path, body) => withPlane((client) => client.post(path, body)),
        delete: (path) => withPlane((client) => client.delete(path)),
      },
      planeMayRun: planeMayRun(target),
      pinPath: () => pinPathOf(target, io),
      sleep: (ms) => sleep(ms),
      nowMs: () => performance.now(),
    });
  } catch (error) {
    if (!(error instanceof DpipUsageError) && !(error instanceof AdminRequestError)) throw error;
    io.stderr.write(`dpip: ${messageOf(error)}\n`);
    return EXIT.usage;
  }
}
