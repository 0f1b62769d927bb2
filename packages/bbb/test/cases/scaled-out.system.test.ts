import { afterAll, beforeAll, describe } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { type Peer, startPeers } from '../peers.ts';
import { describeAccess } from './access.ts';
import { describeAtOnce } from './at-once.ts';
import { describeCallbacks } from './callbacks.ts';
import { describeCreate } from './create.ts';
import { describeDialIn } from './dial-in.ts';
import { Harness } from './harness.ts';
import { describeHooks } from './hooks.ts';
import { describeImports } from './imports.ts';
import { describeMeetings } from './meetings.ts';
import { describeNothingTold } from './nothing-told.ts';
import { describePlayback } from './playback.ts';
import { describePoll } from './poll.ts';
import { describeRecordings } from './recordings.ts';
import { describeRest } from './rest.ts';
import { describeScalelite } from './scalelite.ts';
import { describeScaledOut } from './scaled-out.ts';
import { describeSharedIds } from './shared-ids.ts';
import { describeSync } from './sync.ts';
import { describeTenants } from './tenants.ts';

const missing = ['pg_ctlcluster', 'redis-server'].filter((command) => !commandPath(command));

describe.skipIf(missing.length > 0)(`scaled out${missing.map(skipReason).join('')}`, () => {
  let postgres: Peer;
  let redis: Peer;
  let harness: Harness;
  beforeAll(async () => {
    [postgres, redis] = await startPeers();
    harness = await Harness.start(async () => ({
      config: { database_url: postgres.url, redis_url: redis.url },
      close: async () => {},
    }));
  });
  afterAll(async () => {
    await harness?.close();
    await Promise.all([postgres?.close(), redis?.close()]);
  });

  describeAccess('PostgreSQL and Redis', () => harness);
  describeCreate('PostgreSQL and Redis', () => harness);
  describeMeetings('PostgreSQL and Redis', () => harness);
  describePoll('PostgreSQL and Redis', () => harness);
  describeTenants('PostgreSQL and Redis', () => harness);
  describeSharedIds('PostgreSQL and Redis', () => harness);
  describeRecordings('PostgreSQL and Redis', () => harness);
  describeImports('PostgreSQL and Redis', () => harness);
  describePlayback('PostgreSQL and Redis', () => harness);
  describeCallbacks('PostgreSQL and Redis', () => harness);
  describeHooks('PostgreSQL and Redis', () => harness);
  describeDialIn('PostgreSQL and Redis', () => harness);
  describeScalelite('PostgreSQL and Redis', () => harness);
  describeSync('PostgreSQL and Redis', () => harness);
  describeRest('PostgreSQL and Redis', () => harness);
  describeAtOnce('PostgreSQL and Redis', () => harness);
  describeScaledOut(() => ({ harness, postgres, redis }));
  describeNothingTold('PostgreSQL and Redis', () => harness);
});
