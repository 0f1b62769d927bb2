/**
 * `dpip ipset`: the named sets of networks of the running plane.
 *
 * @module
 */
import { cidr } from '@balancer/kit';
import type { SetDocument } from '../set-routes.ts';
import { type DpipCall, DpipUsageError } from './call.ts';
import { type DpipView, isShown, viewOf } from './view.ts';

/** The running plane, over its admin listener. */
export interface DpipPlane {
  readonly get: (path: string) => Promise<unknown>;
  readonly put: (path: string, body: unknown) => Promise<unknown>;
  readonly post: (path: string, body: unknown) => Promise<unknown>;
  readonly delete: (path: string) => Promise<unknown>;
}

/** What a verb answered: a text, and whether it is a yes. */
export interface SetAnswer {
  readonly text: string;
  readonly rows: readonly object[];
  /** `test` of a network that is no member. */
  readonly isNo?: true;
}

const DONE: SetAnswer = { text: '', rows: [] };

/** @throws {DpipUsageError} */
export async function setCommand(call: DpipCall, plane: DpipPlane): Promise<SetAnswer> {
  const { verb, words } = call;
  const [name, ...members] = words;
  if (verb === 'show') return showSets(call, plane, name);
  if (verb === 'create') {
    // Kinds such as hash:net are DPVS's; a set here takes any networks.
    await plane.post('/l4/sets', { name: need(name, verb), networks: [] });
    return DONE;
  }
  if (verb === 'destroy') {
    await plane.delete(pathOf(need(name, verb)));
    return DONE;
  }
  if (verb === 'flush') {
    await plane.put(pathOf(need(name, verb)), { networks: [] });
    return DONE;
  }
  if (verb === 'add' || verb === 'del') {
    const networks = networksIn(verb, members);
    const body = verb === 'add' ? { add: networks } : { remove: networks };
    await plane.post(`${pathOf(need(name, verb))}/members`, body);
    return DONE;
  }
  if (verb === 'test') return test(plane, need(name, verb), members);
  throw new DpipUsageError(
    `ipset ${verb}: there is create, destroy, add, del, test, flush and show`,
  );
}

async function test(
  plane: DpipPlane,
  name: string,
  members: readonly string[],
): Promise<SetAnswer> {
  const [address = ''] = networksIn('test', members);
  const query = new URLSearchParams({ network: address });
  // The route's own answer.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { member } = (await plane.get(`${pathOf(name)}/test?${query.toString()}`)) as {
    member: boolean;
  };
  const text = `${address} is ${member ? '' : 'NOT '}in set ${name}.\n`;
  return { text, rows: [{ set: name, network: address, member }], ...(!member && { isNo: true }) };
}

async function showSets(
  { family }: DpipCall,
  plane: DpipPlane,
  name: string | undefined,
): Promise<DpipView> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the route's own answer
  const all = (await plane.get('/l4/sets')) as readonly SetDocument[];
  const shown = name === undefined ? all : all.filter((set) => set.name === name);
  if (name !== undefined && shown.length === 0) throw new DpipUsageError(`no set ${name}`);
  return viewOf(shown, ({ name: text, networks, services, ordered }) => {
    const members = networks.filter((network) => isShown(network, family));
    return [
      `Name: ${text}`,
      'Type: hash:net',
      `Header: ${ordered ? 'changed since the file was loaded' : 'as in the file'}`,
      `References: ${services.length}`,
      `Number of entries: ${members.length}`,
      'Members:',
      ...members,
    ];
  });
}

function pathOf(name: string): string {
  return `/l4/sets/${encodeURIComponent(name)}`;
}

function need(name: string | undefined, verb: string): string {
  if (name === undefined) throw new DpipUsageError(`ipset ${verb} needs the name of a set`);
  return name;
}

function networksIn(verb: string, members: readonly string[]): readonly string[] {
  const wrong = members.find((network) => !cidr().safeParse(network).success);
  if (wrong === undefined && members.length > 0) return members;
  throw new DpipUsageError(
    wrong === undefined
      ? `ipset ${verb} needs an address or a network, as 192.0.2.0/24`
      : `ipset ${verb}: ${wrong} is no address or network, as 192.0.2.0/24`,
  );
}
