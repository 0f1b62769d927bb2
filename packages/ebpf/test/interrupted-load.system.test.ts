import { constants } from 'node:os';
import { expect, test, vi } from 'vitest';
import { tryBpf } from '../src/bpf-call.ts';
import { Program } from '../src/program.ts';

// In a process of its own: the module stays as it is for other tests.
vi.mock(import('../src/bpf-call.ts'), async (original) => ({
  ...(await original()),
  tryBpf: vi.fn(() => -constants.errno.EAGAIN),
}));

test('a load that signals interrupt again and again is no complaint of the verifier', () => {
  const load = (): unknown =>
    Program.load({ name: 'idle', type: 'xdp', license: 'GPL', instructions: new Uint8Array(8) });
  expect(load).toThrow(
    /^load program idle \(xdp\): EAGAIN .*; signals interrupted the verifier \d+ times$/,
  );
  expect(vi.mocked(tryBpf).mock.calls.length).toBeGreaterThanOrEqual(10);
});
