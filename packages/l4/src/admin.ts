/**
 * The plane's routes of the admin listener.
 *
 * @module
 */
import {
  type AdminContext,
  AdminRefusal,
  type AdminRoute,
  BalancerError,
  readJson,
  refusal,
  z,
  Turns,
} from '@balancer/kit';
import { backendSetup } from './backend-setup.ts';
import { PROTOCOL_NAMES } from './constants.ts';
import { formatServiceKey, type ServiceKey } from './desired.ts';
import { matchKey } from './match-key.ts';
import { checkCounters } from './counter-checks.ts';
import { streamEvents } from './event-stream.ts';
import type { FlowFilter } from './flows.ts';
import type { Finding } from './finding.ts';
import { executeIpvs } from './ipvs/execute.ts';
import { ipvsRequest } from './ipvs/request.ts';
import type { L4Plane } from './plane.ts';
import { type Role, ROLES } from './presence.ts';
import { type Guard, serviceRoutes } from './service-routes.ts';
import { setRoutes } from './set-routes.ts';
import { planeDocument, type PlaneDocument } from './status.ts';

const FLOWS_MAX = 1_000_000;

export const roleRequest: z.ZodType<{ readonly role: Role }> = z.object({ role: z.enum(ROLES) });

/** The query of `/l4/conns`; `service` is `address:port`, or a rule as `ipvsadm -H` has it. */
type FlowQuery = {
  readonly [K in keyof FlowFilter as Exclude<K, 'clientPort' | 'rule'>]?:
    | (K extends 'service' ? string : FlowFilter[K])
    | undefined;
};

export const flowQuery: z.ZodType<FlowQuery> = z.strictObject({
  protocol: z.enum(PROTOCOL_NAMES).optional(),
  service: z.string().optional(),
  client: z.string().optional(),
  backend: z.string().optional(),
  state: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(FLOWS_MAX).optional(),
  skip: z.coerce.number().int().min(0).optional(),
});

/** All routes of the packet plane. While the file has no `[l4]` they answer 409. */
export function l4Routes(plane: L4Plane): readonly AdminRoute[] {
  const whenOpen: Guard =
    (action) =>
    async (context: AdminContext): Promise<Response> => {
      if (!plane.isOpen)
        return refusal(409, 'the packet plane is not running: the file has no [l4]');
      try {
        return await action(context);
      } catch (error) {
        if (error instanceof AdminRefusal) throw error;
        if (error instanceof BalancerError) return refusal(409, error.message);
        throw error;
      }
    };
  const turns = new Turns();
  /** For orders, which are made of what holds: nobody waits for one whose body is still to come. */
  const inTurn: Guard = (action) =>
    whenOpen(async (context) => {
      await context.req.text();
      return turns.take('orders', async () => action(context));
    });
  const part = (read: (document: PlaneDocument) => unknown): AdminRoute['handler'] =>
    whenOpen(async () => Response.json(read(await documentOf(plane))));
  return [
    { method: 'GET', path: '/l4/stats', handler: part((document) => document) },
    { method: 'GET', path: '/l4/services', handler: part(({ services }) => services) },
    { method: 'GET', path: '/l4/drops', handler: part(({ drops }) => drops) },
    { method: 'GET', path: '/l4/conns', handler: whenOpen((context) => flows(context, plane)) },
    {
      method: 'DELETE',
      path: '/l4/conns',
      handler: whenOpen((context) => killFlows(context, plane)),
    },
    {
      method: 'GET',
      path: '/l4/findings',
      handler: whenOpen(async () => Response.json(await findings(plane))),
    },
    { method: 'GET', path: '/l4/lookup', handler: whenOpen((context) => lookup(context, plane)) },
    {
      method: 'GET',
      path: '/l4/backend-setup',
      handler: whenOpen(() => new Response(backendSetup([...plane.services.values()]))),
    },
    {
      method: 'GET',
      path: '/l4/events',
      handler: whenOpen(({ req }) =>
        streamEvents(plane.events, Number(req.header('last-event-id') ?? 0) || 0, plane.ended),
      ),
    },
    {
      method: 'GET',
      path: '/l4/announcements',
      handler: whenOpen(async () => {
        await plane.settled();
        return Response.json({ role: plane.role, addresses: plane.announcements });
      }),
    },
    { method: 'POST', path: '/l4/ha', handler: whenOpen((context) => takeRole(context, plane)) },
    {
      method: 'GET',
      path: '/l4/digest',
      handler: whenOpen(async () => Response.json(await plane.digest())),
    },
    { method: 'POST', path: '/l4/ipvs', handler: inTurn((context) => ipvs(context, plane)) },
    {
      method: 'POST',
      path: '/l4/save',
      handler: whenOpen(() => Response.json({ file: plane.save() })),
    },
    ...serviceRoutes(plane, { whenOpen, inTurn }),
    ...setRoutes(plane, { whenOpen, inTurn }),
  ];
}

async function documentOf(plane: L4Plane): Promise<PlaneDocument> {
  await plane.settled();
  await plane.collect();
  const services = plane.judgedServices;
  const hasLists = [...services.values()].some(
    ({ admission }) => admission.deny.length + admission.allow.length > 0,
  );
  return planeDocument(services, plane.counters.latest!, {
    rates: plane.counters.rates,
    sets: plane.sets.effective(),
    hits: hasLists ? await plane.recentHits.get() : new Map(),
  });
}

async function flows(context: AdminContext, plane: L4Plane): Promise<Response> {
  const filter = filterOf(context);
  return 'refused' in filter ? filter.refused : Response.json(await plane.flows(filter));
}

async function killFlows(context: AdminContext, plane: L4Plane): Promise<Response> {
  const filter = filterOf(context);
  if ('refused' in filter) return filter.refused;
  const { limit: _limit, skip: _skip, protocol: _protocol, ...chosen } = filter;
  if (Object.keys(chosen).length === 0) {
    return refusal(400, 'needs service=, client=, backend= or state= to say which flows to end');
  }
  return Response.json({ removed: await plane.closeFlows(filter) });
}

function filterOf(context: AdminContext): FlowFilter | { readonly refused: Response } {
  const parsed = flowQuery.safeParse(context.req.query());
  if (!parsed.success) return { refused: refusal(400, z.prettifyError(parsed.error)) };
  const { service, ...rest } = parsed.data;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { ...given, ...(service !== undefined && serviceFilter(service)) };
}

async function ipvs(context: AdminContext, plane: L4Plane): Promise<Response> {
  const parsed = ipvsRequest.safeParse(await readJson(context));
  if (!parsed.success) return refusal(400, z.prettifyError(parsed.error));
  return Response.json(await executeIpvs(parsed.data.commands, plane));
}

async function takeRole(context: AdminContext, plane: L4Plane): Promise<Response> {
  const parsed = roleRequest.safeParse(await readJson(context));
  if (!parsed.success) return refusal(400, z.prettifyError(parsed.error));
  if (plane.settings?.manage_vips === false) {
    return refusal(
      409,
      'roles need l4.manage_vips = true: addresses of services come and go with them',
    );
  }
  await plane.takeRole(parsed.data.role);
  return Response.json({ role: plane.role, addresses: plane.announcements });
}

async function findings(plane: L4Plane): Promise<Finding[]> {
  const [host, document] = await Promise.all([plane.inspect(), documentOf(plane)]);
  return [...host, ...checkCounters(document)];
}

async function lookup(context: AdminContext, plane: L4Plane): Promise<Response> {
  const { protocol = 'tcp', service, client } = context.req.query();
  if (service === undefined || client === undefined) {
    return refusal(400, 'needs service=<address:port> and client=<address:port>');
  }
  const key: ServiceKey = service.includes('=')
    ? matchKey(service.replace(/^match /, ''))
    : { ...endpointOf(service), protocol: protocol === 'udp' ? 'udp' : 'tcp' };
  return Response.json(await plane.lookup(key, endpointOf(client)));
}

function serviceFilter(text: string): Pick<FlowFilter, 'service' | 'rule'> {
  if (!text.includes('=')) return { service: endpointOf(text) };
  return { rule: formatServiceKey(matchKey(text.replace(/^match /, ''))) };
}

/** `203.0.113.1:80`, or an address alone for every port. */
function endpointOf(text: string): { address: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^[\]]+?))(?::(\d+))?$/.exec(text) ?? [];
  return { address: bracketed ?? plain ?? text, port: Number(port ?? 0) };
}
