/**
 * Routes of the named sets of networks.
 *
 * @module
 */
import { type AdminContext, AdminRefusal, type AdminRoute, cidr, refusal, z } from '@balancer/kit';
import { networkName, networkOf } from './admission.ts';
import { toMapAddress } from './address.ts';
import { matcherOf } from './address-prefix.ts';
import { formatServiceKey } from './desired.ts';
import { SET_NAME, usersOf } from './named-sets.ts';
import type { L4Plane } from './plane.ts';
import { bodyOf, type Guards } from './service-routes.ts';

export interface SetDocument {
  readonly name: string;
  readonly networks: readonly string[];
  /** Services whose lists name it, as `tcp 203.0.113.1:80`. */
  readonly services: readonly string[];
  /** It is not as in the file. */
  readonly ordered: boolean;
}

/** Networks of one set that a request may name. */
const NETWORKS_MAX = 262_144;

const networks = z.array(cidr()).max(NETWORKS_MAX);

/** A set as it is made. */
export const setBody: z.ZodType<{ readonly name: string; readonly networks: readonly string[] }> =
  z.strictObject({
    name: z.string().regex(SET_NAME, {
      error:
        'needs a name of at most 64 letters, digits, dots, dashes and underscores that begins with a letter',
    }),
    networks,
  });

/** Networks that come and go. */
export const membersBody: z.ZodType<{
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
}> = z.strictObject({ add: networks.optional(), remove: networks.optional() });

/** Exactly these networks. */
export const setNetworksBody: z.ZodType<{ readonly networks: readonly string[] }> = z.strictObject({
  networks,
});

/** `/l4/sets` and what is below; `?save=true` saves all orders afterwards. */
export function setRoutes(plane: L4Plane, { whenOpen, inTurn }: Guards): readonly AdminRoute[] {
  const path = '/l4/sets/:set';
  /** Gives a set the networks that come out; `null` destroys it. */
  const becomes =
    (
      next: (
        context: AdminContext,
      ) => Promise<{ name: string; networks: readonly string[] | null }>,
    ) =>
    async (context: AdminContext): Promise<Response> => {
      await plane.settled();
      const order = await next(context);
      await plane.orderSet(order);
      if (context.req.query('save') === 'true') plane.save();
      return new Response(null, { status: 204 });
    };
  return [
    {
      method: 'GET',
      path: '/l4/sets',
      handler: whenOpen(() => Response.json(setDocuments(plane))),
    },
    {
      method: 'POST',
      path: '/l4/sets',
      handler: inTurn(
        becomes(async (context) => {
          const set = await bodyOf(context, setBody);
          if (plane.sets.effective().has(set.name)) {
            throw new AdminRefusal(409, `the set ${set.name} is there already`);
          }
          return set;
        }),
      ),
    },
    {
      method: 'PUT',
      path,
      handler: inTurn(
        becomes(async (context) => ({
          name: known(context, plane).name,
          networks: (await bodyOf(context, setNetworksBody)).networks,
        })),
      ),
    },
    {
      method: 'DELETE',
      path,
      handler: inTurn(becomes(async (context) => destroyed(context, plane))),
    },
    {
      method: 'POST',
      path: `${path}/members`,
      handler: inTurn(becomes(async (context) => changedMembers(context, plane))),
    },
    { method: 'GET', path: `${path}/test`, handler: whenOpen((context) => test(context, plane)) },
  ];
}

function setDocuments(plane: L4Plane): SetDocument[] {
  return [...plane.sets.effective()].map(([name, members]) => ({
    name,
    networks: members,
    services: usersOf(name, plane.services.values()).map(formatServiceKey),
    ordered: plane.sets.isOrdered(name),
  }));
}

/** @throws {AdminRefusal} Services name it. */
function destroyed(context: AdminContext, plane: L4Plane): { name: string; networks: null } {
  const { name } = known(context, plane);
  const users = usersOf(name, plane.services.values()).map(formatServiceKey);
  if (users.length === 0) return { name, networks: null };
  throw new AdminRefusal(
    409,
    `the set ${name} is in use: ${users.slice(0, 5).join(', ')}${users.length > 5 ? ' and more' : ''}`,
  );
}

/** @throws {AdminRefusal} One to add is there, or one to remove is not; nothing was changed. */
async function changedMembers(
  context: AdminContext,
  plane: L4Plane,
): Promise<{ name: string; networks: readonly string[] }> {
  const { name, networks: before } = known(context, plane);
  const { add = [], remove = [] } = await bodyOf(context, membersBody);
  // One network may be spelled in several ways.
  const members = new Map(before.map((network) => [networkName(networkOf(network)), network]));
  for (const network of remove) {
    if (!members.delete(networkName(networkOf(network)))) {
      throw new AdminRefusal(409, `${network} is not in the set ${name}`);
    }
  }
  for (const network of add) {
    const key = networkName(networkOf(network));
    if (members.has(key)) throw new AdminRefusal(409, `${network} is in the set ${name} already`);
    members.set(key, network);
  }
  return { name, networks: [...members.values()] };
}

function test(context: AdminContext, plane: L4Plane): Response {
  const { networks: members } = known(context, plane);
  const network = context.req.query('network') ?? '';
  if (!cidr().safeParse(network).success) {
    return refusal(400, 'needs network=<address or network>, as 192.0.2.0/24');
  }
  const { address, length } = networkOf(network);
  const first = toMapAddress(address);
  const isMember = members.some(
    (each) =>
      networkOf(each).length <= length && isSameFamily(each, address) && matcherOf(each)(first),
  );
  return Response.json({ member: isMember });
}

function isSameFamily(a: string, b: string): boolean {
  return a.includes(':') === b.includes(':');
}

/** @throws {AdminRefusal} There is no such set. */
function known(
  context: AdminContext,
  plane: L4Plane,
): { readonly name: string; readonly networks: readonly string[] } {
  const name = context.req.param('set') ?? '';
  const members = plane.sets.effective().get(name);
  if (members) return { name, networks: members };
  throw new AdminRefusal(404, `there is no set ${name}`);
}
