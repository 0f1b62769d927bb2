import { afterAll, beforeAll } from 'vitest';
import { embeddedStorage } from '../storages.ts';
import { describeAccess } from './access.ts';
import { describeCallbacks } from './callbacks.ts';
import { describeCreate } from './create.ts';
import { describeDialIn } from './dial-in.ts';
import { Harness } from './harness.ts';
import { describeImports } from './imports.ts';
import { describeMeetings } from './meetings.ts';
import { describePlayback } from './playback.ts';
import { describePoll } from './poll.ts';
import { describeRecordings } from './recordings.ts';
import { describeRest } from './rest.ts';
import { describeScalelite } from './scalelite.ts';
import { describeSync } from './sync.ts';
import { describeTenants } from './tenants.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await Harness.start(embeddedStorage);
});
afterAll(() => harness.close());

describeAccess('embedded storage', () => harness);
describeCreate('embedded storage', () => harness);
describeMeetings('embedded storage', () => harness);
describePoll('embedded storage', () => harness);
describeTenants('embedded storage', () => harness);
describeRecordings('embedded storage', () => harness);
describeImports('embedded storage', () => harness);
describePlayback('embedded storage', () => harness);
describeCallbacks('embedded storage', () => harness);
describeDialIn('embedded storage', () => harness);
describeScalelite('embedded storage', () => harness);
describeSync('embedded storage', () => harness);
describeRest('embedded storage', () => harness);
