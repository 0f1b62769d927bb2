import { describe, expect, test } from 'vitest';
import { type DpipOptions, runDpip } from '../../src/dpip/run.ts';

/** Runs a call without a plane, and notes what it writes and how long it waits. */
async function run(
  line: string,
  more: Partial<DpipOptions> = {},
): Promise<{
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly pausesMs: readonly number[];
}> {
  const said = { stdout: '', stderr: '' };
  const pausesMs: number[] = [];
  const none = (): Promise<unknown> => Promise.reject(new Error('there is no plane'));
  const code = await runDpip(line.split(' '), {
    write: (text) => (said.stdout += text),
    writeError: (text) => (said.stderr += text),
    plane: { get: none, put: none, post: none, delete: none },
    planeMayRun: false,
    pinPath: () => Promise.resolve('/nowhere'),
    sleep: (ms) => {
      pausesMs.push(ms);
      return Promise.resolve();
    },
    nowMs: () => 0,
    ...more,
  });
  return { code, ...said, pausesMs };
}

describe('dpip', () => {
  test('looks as often as it is told, with a pause between', async () => {
    expect(await run('eal-mem show -i 7 -c 3')).toEqual({
      code: 0,
      stdout: 'nothing is pinned at /nowhere\n'.repeat(3),
      stderr: '',
      pausesMs: [7000, 7000],
    });
  });

  test('prints the command for what belongs to Linux, and ends with 3', async () => {
    expect(await run('addr add 10.0.0.1/24 dev eth0')).toEqual({
      code: 3,
      stdout: 'ip address add 10.0.0.1/24 dev eth0\n',
      stderr: 'dpip: this belongs to Linux; the command that does it was printed, not run\n',
      pausesMs: [],
    });
    expect(await run('lldp show')).toMatchObject({ code: 3, stdout: 'lldpcli show neighbors\n' });
  });

  test('a test that says no ends with 1', async () => {
    const get = (): Promise<unknown> => Promise.resolve({ member: false });
    const none = (): Promise<unknown> => Promise.reject(new Error('not asked for'));
    const plane = { get, put: none, post: none, delete: none };
    expect(await run('ipset test office ::1', { plane })).toMatchObject({
      code: 1,
      stdout: '::1 is NOT in set office.\n',
    });
  });

  test('prints rows for programs', async () => {
    expect(await run('eal-mem show --json')).toMatchObject({ code: 0, stdout: '[]\n' });
  });

  test('explains itself', async () => {
    const { code, stdout } = await run('-h');
    expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: dpip OBJECT')]);
  });
});
