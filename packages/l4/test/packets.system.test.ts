/** Every packet case of `cases/`, on both builds and the running kernel. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCases } from '../tools/packets/case-file.ts';
import { runCase } from '../tools/packets/harness.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';

const CASES = fileURLToPath(new URL('../cases/', import.meta.url));
const skipped = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

const groups = HOOKS.flatMap((hook) =>
  readCases(CASES).map(({ file, cases }) => ({
    hook,
    name: file.replace(/\.json$/, ''),
    cases: cases.filter((c) => c.hooks?.includes(hook) ?? true),
  })),
);

/** One for all cases: to load the programs takes longer than any of them. */
let host: PacketHost;

beforeAll(() => {
  if (skipped === '') host = new PacketHost();
});

afterAll(() => host?.close());

describe.each(groups)(`$hook, $name${skipped}`, ({ hook, cases }) => {
  test.skipIf(skipped !== '').each(cases)('$title', (packetCase) => {
    expect(runCase(packetCase, hook, host)).toEqual([]);
  });
});
