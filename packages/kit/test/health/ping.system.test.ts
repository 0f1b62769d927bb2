import { describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { createCheck } from '../../src/index.ts';

async function ping(host: string): Promise<string> {
  const target = { kind: 'inet', host, port: 80 } as const;
  const check = createCheck({ type: 'ping', target, timeoutMs: 10_000 });
  const { ok, reason } = await check(new AbortController().signal);
  return ok ? 'ok' : reason;
}

describe.skipIf(commandPath('ping') === undefined)(`ping check${skipReason('ping')}`, () => {
  test('of an address that answers', async () => {
    expect(await ping('127.0.0.1')).toBe('ok');
  });

  test('of one that no packet can be sent to', async () => {
    // A link-local address says nothing without an interface.
    expect(await ping('fe80::1')).toMatch(/^(no answer to ping|ping cannot send \(exit code 2\))$/);
  });

  test('takes a name that looks like an option for a name', async () => {
    expect(await ping('--help')).toBe('ping cannot send (exit code 2)');
  });
});
