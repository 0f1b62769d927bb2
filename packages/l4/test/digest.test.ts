import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile, emptyImage, type PlaneImage } from '../src/compile.ts';
import type { ServiceSpec } from '../src/desired.ts';
import { digestOf, type PlaneDigest } from '../src/digest.ts';
import { allocate, Ids, type Limits } from '../src/ids.ts';
import { backend, service, SETTINGS } from './support/services.ts';

const LIMITS: Limits = { services: 16, backends: 64, localAddresses: 16, vips: 64 };

/** The digest of a host that was told these wishes, one after the other. */
function digestAfter(...wishes: readonly (readonly ServiceSpec[])[]): PlaneDigest {
  let image: PlaneImage = emptyImage();
  let ids = new Ids();
  for (const services of wishes) {
    ids = allocate(services, ids, LIMITS);
    const desired = { settings: SETTINGS, services };
    image = compile({ desired, ids, before: image, links: new Map() });
  }
  return digestOf(image, ids.services);
}

const server = (number: number, weight = 1): ServiceSpec['backends'][number] =>
  backend({ address: `10.0.0.${number}`, weight });
const keyed = (scheduler: 'mh' | 'conhash', ...servers: ServiceSpec['backends']): ServiceSpec =>
  service({ scheduler, mhTable: 251, backends: servers });

describe('the digest of a host', () => {
  test.each(['mh', 'conhash'] as const)(
    'of %s depends on neither the order nor the history of servers',
    (scheduler) => {
      const servers = fc.uniqueArray(fc.integer({ min: 1, max: 200 }), {
        minLength: 1,
        maxLength: 6,
      });
      fc.assert(
        fc.property(servers, fc.integer({ min: 201, max: 250 }), (numbers, former) => {
          const all = numbers.map((number) => server(number, 1 + (number % 3)));
          const other = service({ address: '203.0.113.9', backends: [server(251)] });
          const straight = digestAfter([keyed(scheduler, ...all), other]);
          const detour = digestAfter(
            [keyed(scheduler, server(former))],
            [other, keyed(scheduler, ...all.toReversed())],
          );
          expect(detour).toEqual(straight);
        }),
        { numRuns: 50 },
      );
    },
  );

  test.each<[string, ServiceSpec]>([
    ['another server', keyed('mh', server(1), server(3))],
    ['another weight', keyed('mh', server(1), server(2, 2))],
    ['a server that is down', keyed('mh', server(1), { ...server(2), health: 'down' })],
    ['another scheduler', keyed('conhash', server(1), server(2))],
    ['another hash', { ...keyed('mh', server(1), server(2)), hash: 'ip' }],
    ['a table of another size', { ...keyed('mh', server(1), server(2)), mhTable: 509 }],
  ])('changes with %s', (_, changed) => {
    const usual = digestAfter([keyed('mh', server(1), server(2))]);
    const other = digestAfter([changed]);
    expect(other.digest).not.toBe(usual.digest);
    expect(other.services[0]!.digest).not.toBe(usual.services[0]!.digest);
  });

  test('depends on the order of servers for sh, whose table does', () => {
    const sh = (...servers: ServiceSpec['backends']): ServiceSpec =>
      service({ scheduler: 'sh', backends: servers });
    const usual = digestAfter([sh(server(1), server(2))]);
    expect(digestAfter([sh(server(3))], [sh(server(1), server(2))])).toEqual(usual);
    expect(digestAfter([sh(server(2), server(1))]).digest).not.toBe(usual.digest);
  });

  test('leaves out services that were removed', () => {
    const removed = service({ address: '203.0.113.9', backends: [server(9)] });
    const kept = keyed('mh', server(1));
    expect(digestAfter([kept, removed], [kept])).toEqual(digestAfter([kept]));
  });
});
