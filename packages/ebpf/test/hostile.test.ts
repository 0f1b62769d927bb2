/**
 * Damaged input: objects with flipped and cut bytes, and random netlink messages. Whatever comes, the
 * answer is a value or one of our errors, in bounded time and memory.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codecOf } from '../src/codec.ts';
import { relocateCore } from '../src/core.ts';
import { patchBtf } from '../src/btf-load.ts';
import { EbpfError } from '../src/errors.ts';
import { describeTypes } from '../src/describe-types.ts';
import { linkProgram } from '../src/link-program.ts';
import { readObject } from '../src/object.ts';
import { shapeOf } from '../src/shape.ts';
import { readAddress } from '../src/netlink/addresses.ts';
import { readLink } from '../src/netlink/links.ts';
import { readMessages } from '../src/netlink/message.ts';
import { readNeighbour } from '../src/netlink/neighbours.ts';
import { readRoute } from '../src/netlink/routes.ts';
import { readFrame } from '../src/packet-reader.ts';
import { objectBytes } from './support/objects.ts';

const LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const OBJECT_RUNS = LONG ? 100_000 : 2000;
const TIMEOUT_MS = LONG ? 600_000 : 120_000;

/** Everything that is done to an object before the kernel sees it. */
function digest(bytes: Uint8Array): void {
  const object = readObject(bytes);
  const { btf } = object;
  for (const program of object.programs.values()) {
    const linked = linkProgram(object, program);
    if (btf) relocateCore(program.name, linked, { local: btf, target: btf });
  }
  if (btf === undefined) return;
  patchBtf(btf, object.elf);
  describeTypes(object, { name: 'Damaged' });
  for (const { keyType, valueType } of object.maps.values()) {
    for (const type of [keyType, valueType]) if (type !== 0) codecOf(shapeOf(btf, type));
  }
}

/** "read", or the code of our error; anything else that is thrown fails the test. A hang runs into the time limit. */
function outcome(run: () => void): string {
  try {
    run();
    return 'read';
  } catch (error) {
    if (error instanceof EbpfError) return error.code;
    throw error;
  }
}

const EXPECTED = /^(read|EBPF_FORMAT|EBPF_OBJECT|EBPF_VALUE)$/;

interface Damage {
  readonly at: number;
  readonly value: number;
  /** How many bytes are overwritten. */
  readonly width: number;
}

const damages = fc.array(
  fc.record<Damage>({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    // Values that break bounds are likelier than any other.
    value: fc.oneof(
      fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff),
      fc.nat(0xffff_ffff),
    ),
    width: fc.constantFrom(1, 2, 4),
  }),
  { minLength: 1, maxLength: 6 },
);

function damage(bytes: Uint8Array, list: readonly Damage[]): Uint8Array {
  const copy = bytes.slice();
  for (const { at, value, width } of list) {
    const offset = Math.floor(at * copy.length);
    for (let i = 0; i < width && offset + i < copy.length; i++) {
      copy[offset + i] = (value >>> (8 * i)) & 0xff;
    }
  }
  return copy;
}

describe('a damaged object', () => {
  const original = objectBytes('selftest');

  test(
    'is an error or harmless when bytes are overwritten anywhere',
    () => {
      fc.assert(
        fc.property(damages, (list) => {
          expect(outcome(() => digest(damage(original, list)))).toMatch(EXPECTED);
        }),
        { numRuns: OBJECT_RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'is an error or harmless when its type information is damaged',
    () => {
      const { elf } = readObject(original);
      const btf = elf.sections.find((s) => s.name === '.BTF')!;
      fc.assert(
        fc.property(damages, (list) => {
          const copy = original.slice();
          copy.set(damage(btf.data, list), btf.data.byteOffset - original.byteOffset);
          expect(outcome(() => digest(copy))).toMatch(EXPECTED);
        }),
        { numRuns: OBJECT_RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test('is an error when cut short at any length', () => {
    for (let length = 0; length < original.length; length += LONG ? 1 : 37) {
      expect(outcome(() => digest(original.subarray(0, length)))).toMatch(EXPECTED);
    }
  });

  test('does not make the reader allocate what a size field claims', () => {
    const huge = original.slice();
    const { elf } = readObject(original);
    const view = new DataView(huge.buffer);
    const headers = Number(view.getBigUint64(40, true));
    const bss = elf.sections.findIndex((s) => s.name === '.bss');
    view.setBigUint64(headers + bss * 64 + 32, 0xffff_fff0n, true);
    expect(() => readObject(huge)).toThrow(/section "\.bss" has 4294967280 bytes; at most/);
  });
});

describe('random netlink bytes', { timeout: TIMEOUT_MS }, () => {
  test('are an error or harmless', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(outcome(() => readMessages(bytes))).toMatch(EXPECTED);
        const message = { type: 16, flags: 0, sequence: 0, payload: bytes };
        for (const read of [readLink, readAddress, readRoute, readNeighbour]) {
          expect(outcome(() => read(message))).toMatch(EXPECTED);
        }
      }),
      { numRuns: LONG ? 100_000 : 2000 },
    );
  });

  test('never make the reader loop on a message without length', () => {
    expect(() => readMessages(new Uint8Array(16))).toThrow(/message of 0 bytes/);
  });
});

describe('a random frame', { timeout: TIMEOUT_MS }, () => {
  test('is always readable', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(0x0800, 0x86dd),
        (bytes, type) => {
          if (bytes.length > 14) new DataView(bytes.buffer, bytes.byteOffset).setUint16(12, type);
          expect(readFrame(bytes).size).toBeGreaterThan(0);
        },
      ),
      { numRuns: LONG ? 100_000 : 2000 },
    );
  });
});
