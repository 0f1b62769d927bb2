/** Every packet case of `cases/`, on both builds and the running kernel. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCase } from '../tools/packets/harness.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';
import { parseCases } from '../tools/packets/packet-case.ts';

const CASES = new URL('../cases/', import.meta.url);
const skipped = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
const files = readdirSync(CASES).map((file) => ({
  name: file.replace(/\.json$/, ''),
  cases: parseCases(readFileSync(new URL(file, CASES), 'utf8')),
}));

const groups = HOOKS.flatMap((hook) =>
  files.map(({ name, cases }) => ({
    hook,
    name,
    cases: cases.filter((c) => c.hooks?.includes(hook) ?? true),
  })),
);

describe.each(groups)(`$hook, $name${skipped}`, ({ hook, cases }) => {
  let host: PacketHost;

  beforeAll(() => {
    if (skipped === '') host = new PacketHost();
  });

  afterAll(() => host?.close());

  test.skipIf(skipped !== '').each(cases)('$title', (packetCase) => {
    expect(runCase(packetCase, hook, host)).toEqual([]);
  });
});
