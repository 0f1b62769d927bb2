import { describe, expect, test } from 'vitest';
import { formatServiceKey, type ServiceSpec } from '../src/desired.ts';
import type { IpvsChange, IpvsCommand } from '../src/ipvs/commands.ts';
import { serviceBody } from '../src/ipvs/request.ts';
import { change } from '../src/ipvs/table.ts';
import { putLocal, putNetworks, putServer, putService, serverOf, serviceOf } from '../src/rest.ts';

const WEB = { protocol: 'tcp', address: '203.0.113.1', port: 80 } as const;

/** Does commands that change services. */
function apply(services: Map<string, ServiceSpec>, commands: readonly IpvsCommand[]): ServiceSpec {
  // None of these only asks for something.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  for (const command of commands) change(services, command as IpvsChange);
  return services.get(formatServiceKey(WEB))!;
}

describe('a service over REST', () => {
  test('has exactly the networks on its lists that are put', () => {
    const services = new Map<string, ServiceSpec>();
    apply(services, putService(WEB, { scheduler: 'rr' }, services));
    const put = (list: 'deny' | 'allow', ...wanted: string[]): ServiceSpec =>
      apply(services, putNetworks(WEB, { list, wanted }, services));
    put('deny', '192.0.2.0/24', '::1', '::1');
    put('allow', '10.0.0.0/8');
    expect(put('deny', '::1', '198.18.0.0/15').admission).toMatchObject({
      deny: ['::1', '198.18.0.0/15'],
      allow: ['10.0.0.0/8'],
    });
    expect(put('deny').admission).toMatchObject({ deny: [], allow: ['10.0.0.0/8'] });
  });

  test('is made, and then becomes exactly what is put', () => {
    const services = new Map<string, ServiceSpec>();
    const server = { address: '10.0.0.11', port: 8080, mode: 'fnat', weight: 2 } as const;
    const made = apply(
      services,
      putService(
        WEB,
        { scheduler: 'rr', servers: [server], local_addresses: ['198.51.100.5', '198.51.100.6'] },
        services,
      ),
    );
    expect(made).toMatchObject({ scheduler: 'rr', backends: [server] });
    const other = { address: '10.0.0.12', mode: 'fnat' } as const;
    const next = apply(
      services,
      putService(
        WEB,
        { persistence_s: 60, servers: [other], local_addresses: ['198.51.100.6'] },
        services,
      ),
    );
    expect(next).toMatchObject({
      scheduler: 'wlc',
      persistenceS: 60,
      localAddresses: ['198.51.100.6'],
      backends: [{ address: '10.0.0.12', port: 80, weight: 1 }],
    });
    expect(apply(services, putService(WEB, {}, services)).backends).toHaveLength(1);
    expect(apply(services, putLocal(WEB, [], services)).localAddresses).toEqual([]);
  });

  test('gets servers one by one, each made or changed', () => {
    const services = new Map<string, ServiceSpec>();
    apply(services, putService(WEB, {}, services));
    const server = { address: '10.0.0.11', port: 8080 };
    for (const weight of [1, 5]) {
      const { backends } = apply(services, [
        putServer(WEB, server, { mode: 'nat', weight }, services),
      ]);
      expect(backends).toEqual([expect.objectContaining({ ...server, weight })]);
    }
  });

  test.each([
    [{ schedule: 'rr' }, /Unrecognized key/],
    [{ scheduler: 'fastest' }, /expected one of/],
    [{ servers: [{ address: 'here' }] }, /needs an IP address/],
  ])('is refused with a body such as %j', (body, message) => {
    expect(serviceBody.safeParse(body).error?.message).toMatch(message);
  });
});

test.each([
  ['203.0.113.1-80-tcp', WEB],
  ['2001:db8::1-53-udp', { protocol: 'udp', address: '2001:db8::1', port: 53 }],
  ['203.0.113.1-0-tcp', { ...WEB, port: 0 }],
  ['203.0.113.1-65536-tcp', undefined],
  ['203.0.113.1:80', undefined],
  ['web-80-tcp', undefined],
])('%s names the service %j', (id, expected) => {
  expect(serviceOf(id)).toEqual(expected);
});

test.each([
  ['10.0.0.11:8080', { address: '10.0.0.11', port: 8080 }],
  ['10.0.0.11', { address: '10.0.0.11' }],
  ['[2001:db8::11]:8080', { address: '2001:db8::11', port: 8080 }],
  ['2001:db8::11', { address: '2001:db8::11' }],
  ['10.0.0.11:99999', undefined],
  ['here:80', undefined],
])('%s names the server %j', (text, expected) => {
  expect(serverOf(text)).toEqual(expected);
});
