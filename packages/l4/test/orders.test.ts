/** Orders that come together, and orders while a file is loaded or a health check answers. */
import { setImmediate } from 'node:timers/promises';
import { AdminServer, Secret } from '@balancer/kit';
import { describe, expect, test } from 'vitest';
import { l4Routes } from '../src/admin.ts';
import { formatServiceKey, type ServiceSpec } from '../src/desired.ts';
import { NamedSets } from '../src/named-sets.ts';
import type { L4Plane } from '../src/plane.ts';
import { type Services, ServiceTable } from '../src/service-table.ts';
import { backend, service } from './support/services.ts';

const tableOf = (...services: readonly ServiceSpec[]): Map<string, ServiceSpec> =>
  new Map(services.map((each) => [formatServiceKey(each), each]));
const keysOf = (table: ServiceTable): string[] => [...table.effective().keys()].toSorted();

describe('a table of services', () => {
  const web = service();
  const added = service({ port: 81 });

  test('takes no order about a service whose health has changed since the order was made', () => {
    const table = new ServiceTable();
    table.load([web]);
    const before = table.effective();
    table.refresh([service({ backends: [backend({ health: 'down' })] })]);
    table.order(new Map([...before, ...tableOf(added)]), before);
    expect(table.orders.map(({ service: { port } }) => port)).toEqual([81]);
    expect(table.effective().get(formatServiceKey(web))?.backends[0]?.health).toBe('down');
  });

  test('neither keeps what a file that was loaded meanwhile has no more, nor loses what it has', () => {
    const table = new ServiceTable();
    table.load([web, service({ port: 90 })]);
    const before = table.effective();
    table.load([web, service({ port: 91 })]);
    table.order(new Map([...before, ...tableOf(added)]), before);
    expect(keysOf(table)).toEqual([
      'tcp 203.0.113.1:80',
      'tcp 203.0.113.1:81',
      'tcp 203.0.113.1:91',
    ]);
  });
});

/** A plane whose checks take until all that came together have been heard. */
class SlowPlane {
  readonly isOpen = true;
  readonly table = new ServiceTable();
  readonly sets = new NamedSets();

  get services(): Services {
    return this.table.effective();
  }

  async settled(): Promise<void> {}

  async order(next: Services): Promise<void> {
    const before = this.services;
    await setImmediate();
    this.table.order(next, before);
  }

  async orderSet(order: Parameters<NamedSets['order']>[0]): Promise<void> {
    await setImmediate();
    this.sets.order(order);
  }
}

describe('orders that come together', () => {
  /** Calls at once. @returns Their statuses. */
  const callAll = async (
    plane: SlowPlane,
    calls: readonly (readonly [method: string, path: string, body?: unknown])[],
  ): Promise<number[]> => {
    // As much of it as the routes use.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const routes = l4Routes(plane as unknown as L4Plane);
    const admin = new AdminServer({ routes, token: new Secret('t') });
    const headers = { authorization: 'Bearer t', 'content-type': 'application/json' };
    const answers = calls.map(async ([method, path, body]) => {
      const url = `http://127.0.0.1/l4/${path}`;
      const content = body === undefined ? {} : { body: JSON.stringify(body) };
      return admin.fetch(new Request(url, { method, headers, ...content }));
    });
    return (await Promise.all(answers)).map(({ status }) => status);
  };

  test('all hold: of different services, and of servers of one', async () => {
    const plane = new SlowPlane();
    plane.table.load([service({ backends: [] })]);
    const server = (host: number): string =>
      `services/203.0.113.1-80-tcp/servers/10.0.0.${host}:8080`;
    const statuses = await callAll(plane, [
      ['PUT', 'services/203.0.113.1-81-tcp', {}],
      ['PUT', 'services/203.0.113.1-82-tcp', {}],
      ['PUT', server(11), { mode: 'nat' }],
      ['PUT', server(12), { mode: 'nat' }],
    ]);
    expect(statuses).toEqual([204, 204, 204, 204]);
    expect(keysOf(plane.table)).toEqual([
      'tcp 203.0.113.1:80',
      'tcp 203.0.113.1:81',
      'tcp 203.0.113.1:82',
    ]);
    const [web] = plane.services.values();
    expect(web!.backends.map(({ address }) => address)).toEqual(['10.0.0.11', '10.0.0.12']);
  });

  test('of one set all hold, and one that follows from none of them is refused', async () => {
    const plane = new SlowPlane();
    plane.sets.load(new Map([['office', []]]));
    const add = (network: string) => ['POST', 'sets/office/members', { add: [network] }] as const;
    const statuses = await callAll(plane, [
      add('192.0.2.0/24'),
      add('198.51.100.0/24'),
      add('192.0.2.0/24'),
    ]);
    expect(statuses).toEqual([204, 204, 409]);
    expect(plane.sets.effective().get('office')).toEqual(['192.0.2.0/24', '198.51.100.0/24']);
  });
});
