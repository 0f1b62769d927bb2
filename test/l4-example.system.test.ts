import { describe, expect, test } from 'vitest';
import { runMode } from '../examples/l4-netns/run.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';

describe(`the example of the packet plane${NO_ROOT}`, () => {
  // The modes are tested one by one elsewhere; the example runs each of them the same way.
  test.skipIf(NO_ROOT !== '')('shows full NAT to three servers, with counters', async () => {
    const text = await runMode('fnat');
    expect(text).toContain('9 requests, 0 failed; answers: server-1 3, server-2 3, server-3 3');
    expect(text).toContain('the servers saw 10.0.0.100');
    expect(text).toMatch(/TCP {2}203\.0\.113\.1:80 +9 /);
  });
});
