/** Case 132 of the contract: what the log and the metrics say after all the cases before this one. */
import { describe, expect, test } from 'vitest';
import { type Harness, SECRET } from './harness.ts';

/** Whatever of a request, an answer or a callback is for few: by how it looks wherever it stands. */
const SECRETS: Readonly<Record<string, RegExp>> = {
  'the secret of the gateway': new RegExp(SECRET),
  'the secret of a server': /bbb[0-9]+-secret/,
  'the secret of a tenant': /\bsecret-[ab]/,
  'a checksum': /checksum=|checksum"/,
  'a password of a meeting': /moderatorPW|attendeePW|[?&]password=|moderator_pw/,
  'the name of a participant': /fullName/,
  'the address of a join': /\/join\?/,
  'a JWT': /\beyJ[\w-]{10,}\./,
  'a token of a recording': /[?&]token=/,
  'a cookie of a recording': /recording_(presentation|video)_/,
  'a token of an operator': /Bearer /,
  'an address to call back': /callbackURL|recording-ready-url/,
};

export function describeNothingTold(storage: string, harness: () => Harness): void {
  describe(`the log and the metrics on ${storage}`, () => {
    test('132: hold nothing that is secret, after everything that went before', async () => {
      const h = harness();
      const metrics = await (await fetch(`${h.adminOrigin}/metrics`)).text();
      const text = `${h.logged.join('')}${metrics}`;
      expect(metrics).toContain('balancer_bbb_api_requests_total');
      const found = Object.entries(SECRETS).flatMap(([what, pattern]) => {
        const at = text.search(pattern);
        return at < 0 ? [] : [`${what}: ${text.slice(Math.max(0, at - 200), at + 100)}`];
      });
      expect(found).toEqual([]);
    });
  });
}
