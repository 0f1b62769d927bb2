/**
 * `balancer sim serve`: the console page of simulations, with what it reads and starts.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { EXIT, AdminServer, formatAddress, parseAddress, Secret } from '@balancer/kit';
import { loadConsole } from '@balancer/console';
import { Board, boardRoutes } from '@balancer/simulation';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

export interface ServeFlags {
  readonly listen: string;
  readonly out: string;
  readonly workers?: number;
}

/** Serves until SIGINT or SIGTERM. Whoever starts and cancels needs the token that the printed address holds. */
export async function serve(flags: ServeFlags, io: Io): Promise<number> {
  const pages = loadConsole();
  if (pages === null)
    throw new UsageError(
      'the console is not built; build it with: npm run build -w packages/console',
    );
  const address = parseAddress(flags.listen);
  if (!address.ok) throw new UsageError(`--listen: ${address.message}`);
  const board = new Board({
    out: flags.out,
    folder: process.cwd(),
    ...(flags.workers !== undefined && { workers: flags.workers }),
  });
  const token = randomBytes(18).toString('base64url');
  const server = new AdminServer({
    routes: boardRoutes(board),
    token: new Secret(token),
    assets: pages.simulationAssets,
    addressSetting: '--listen',
    bodyMaxBytes: 1 << 20,
  });
  const bound = await server.listen(address.address);
  io.stdout.write(`http://${formatAddress(bound)}/#token=${token}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) io.signals.on(signal, () => resolve());
  });
  await board.close();
  await server.close();
  return EXIT.ok;
}
