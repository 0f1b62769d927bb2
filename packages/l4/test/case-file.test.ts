/** Files of packet cases by strangers: what is wrong with them is said once, and where. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseCases, readCases } from '../tools/packets/case-file.ts';
import { frameBytes } from '../tools/packets/packet-case.ts';

const SYN = {
  to: 'L1',
  from: 'R',
  ipv4: { src: 'C', dst: 'V', tcp: { sport: 40_000, dport: 80, flags: ['syn'] } },
};
const step = { in: SYN, verdict: 'tx' };
const good = { title: 'a SYN', setup: { mode: 'dr' }, steps: [step] };

/** What is said about cases. */
function complaint(...cases: readonly unknown[]): string {
  try {
    parseCases(JSON.stringify(cases), 'mine.json');
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}

describe('a file of packet cases', () => {
  test('may use names for addresses, also before a port', () => {
    const after = { flows: [{ from: 'C6:40000', to: '[V6]:80' }] };
    const [found] = parseCases(JSON.stringify([{ ...good, steps: [{ ...step, after }] }]), '');
    expect(found!.steps[0]!.after!.flows![0]).toEqual({
      from: '[2001:db8:c::10]:40000',
      to: '[2001:db8:f::1]:80',
    });
    expect(Buffer.from(frameBytes(found!.steps[0]!.in!)).toString('hex', 0, 12)).toBe(
      '0200000000010200000000c1',
    );
  });

  test('that is no JSON is refused with the place', () => {
    expect(() => parseCases('[\n  {"title" "x"}]', 'mine.json')).toThrow(
      /^mine\.json:2:\d+: is no JSON: /,
    );
    expect(() => parseCases('', 'mine.json')).toThrow(/^mine\.json: is no JSON: /);
  });

  test('that is no array is refused', () => {
    expect(() => parseCases('{}', 'mine.json')).toThrow(
      'mine.json: must be an array; got an object',
    );
  });

  test.each([
    [{ ...good, setup: {} }, 'setup.mode: missing; must be one of "dr", "tunnel", "nat"'],
    [{ ...good, setup: { mode: 'drx' } }, 'setup.mode: must be one of "dr", "tunnel", "nat"'],
    [{ ...good, setup: { mode: 'dr', shceduler: 'rr' } }, 'did you mean "scheduler"?'],
    [{ ...good, setup: { mode: 'dr', table: [1] } }, 'setup.table: names a backend that is not in'],
    [{ ...good, setup: { mode: 'fnat' } }, 'setup.localAddresses: mode fnat needs at least one'],
    [{ ...good, steps: [] }, 'steps: must have at least 1 element(s)'],
    [{ ...good, steps: [{ in: SYN }] }, 'steps[0]: needs "in" and "verdict" together'],
    [{ ...good, steps: [{ ...step, verdict: 'send' }] }, 'must be one of "pass", "drop", "tx"'],
    [{ ...good, steps: [{ ...step, reason: 'tired' }] }, 'steps[0].reason: must be one of'],
    [
      { ...good, steps: [{ ...step, in: { ...SYN, ipv4: { src: 'C', dst: 'Q' } } }] },
      'steps[0].in.ipv4.dst: must be an IP address or one of C, V, LIP',
    ],
    [
      { ...good, steps: [{ ...step, in: { ...SYN, to: 'C' } }] },
      'must be a MAC address or one of R',
    ],
    [{ ...good, steps: [{ ...step, in: { hex: '0xff' } }] }, 'must be bytes in hexadecimal'],
    [
      { ...good, steps: [{ ...step, after: { flows: [{ from: 'C', to: 'V:80' }] } }] },
      'steps[0].after.flows[0].from: must be "address:port"',
    ],
  ])('is refused with the case, the field and what is allowed: %j', (wrong, message) => {
    const lines = complaint(good, wrong);
    expect(lines).toContain('mine.json: case 2 "a SYN": ');
    expect(lines).toContain(message);
  });

  test('is refused with all its problems', () => {
    const wrong = { ...good, setup: { mode: 'drx', port: -1 } };
    expect(complaint(wrong, { ...good, steps: [] }).split('\n')).toHaveLength(3);
  });
});

describe('a folder of packet cases', () => {
  test('that is not there, is empty or has a wrong file is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'balancer-cases-'));
    try {
      expect(() => readCases(join(folder, 'none'))).toThrow(/cannot be read as a folder: ENOENT/);
      expect(() => readCases(folder)).toThrow(/no file of cases \(\.json\) in it/);
      writeFileSync(join(folder, 'a.json'), 'x');
      writeFileSync(join(folder, 'b.json'), '[{}]');
      expect(() => readCases(folder)).toThrow(/^a\.json: .*\nb\.json: case 1: title: missing/s);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
