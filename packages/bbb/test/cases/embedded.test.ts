import { afterAll, beforeAll } from 'vitest';
import { embeddedStorage } from '../storages.ts';
import { describeAccess } from './access.ts';
import { describeCreate } from './create.ts';
import { describeDialIn } from './dial-in.ts';
import { Harness } from './harness.ts';
import { describeMeetings } from './meetings.ts';
import { describePoll } from './poll.ts';
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
describeDialIn('embedded storage', () => harness);
describeScalelite('embedded storage', () => harness);
describeSync('embedded storage', () => harness);
describeRest('embedded storage', () => harness);
