/**
 * PostgreSQL and Redis of the benches' own, as the tests start them.
 *
 * @module
 */
import { commandPath } from '../../../scripts/system-requirements.ts';
import type { BbbConfig } from '../src/index.ts';
import { startPeers } from '../test/peers.ts';
import { emptyPostgres } from '../test/store/empty-postgres.ts';

export interface ScaledOut {
  readonly config: Partial<BbbConfig>;
  /** Between two benches. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** Null where they are not installed. */
export async function startScaledOut(): Promise<ScaledOut | null> {
  if (!['pg_ctlcluster', 'redis-server'].every((command) => commandPath(command))) return null;
  const [postgres, redis] = await startPeers();
  return {
    config: { database_url: postgres.url, redis_url: redis.url },
    empty: async () => emptyPostgres(postgres.url),
    close: async () => {
      await Promise.all([postgres.close(), redis.close()]);
    },
  };
}
