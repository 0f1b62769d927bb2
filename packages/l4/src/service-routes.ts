/**
 * Routes that make, change and delete single services, servers, local addresses and lists.
 *
 * @module
 */
import {
  type AdminContext,
  AdminRefusal,
  type AdminRoute,
  readJson,
  refusal,
  z,
} from '@balancer/kit';
import { formatServiceKey } from './desired.ts';
import type { IpvsCommand, IpvsServer, IpvsServiceKey } from './ipvs/commands.ts';
import { executeIpvs } from './ipvs/execute.ts';
import { localBody, networksBody, serverBody, serviceBody } from './ipvs/request.ts';
import { entriesOf } from './list-hits.ts';
import type { L4Plane } from './plane.ts';
import { putLocal, putNetworks, putServer, putService, serverOf, serviceOf } from './rest.ts';

/** Lists of clients that a service has. */
const LISTS = ['deny', 'allow'] as const;

/** What stands in front of every route of the plane. */
export type Guard = (
  action: (context: AdminContext) => Response | Promise<Response>,
) => AdminRoute['handler'];

/** Around what looks at the plane, and around what changes it. */
export interface Guards {
  readonly whenOpen: Guard;
  readonly inTurn: Guard;
}

/** `/l4/services/{address-port-protocol}` and what is below; `?save=true` saves all orders afterwards. */
export function serviceRoutes(plane: L4Plane, { whenOpen, inTurn }: Guards): readonly AdminRoute[] {
  const path = '/l4/services/:service';
  const does =
    (commands: (context: AdminContext) => Promise<readonly IpvsCommand[]>) =>
    async (context: AdminContext): Promise<Response> =>
      follow(await commands(context), plane, context.req.query('save') === 'true');
  return [
    {
      method: 'PUT',
      path,
      handler: inTurn(
        does(async (context) => {
          const body = await bodyOf(context, serviceBody);
          return putService(serviceIn(context), body, plane.services);
        }),
      ),
    },
    {
      method: 'DELETE',
      path,
      handler: inTurn(
        does(async (context) => [{ op: 'delete-service', service: known(context, plane) }]),
      ),
    },
    {
      method: 'PUT',
      path: `${path}/servers/:server`,
      handler: inTurn(
        does(async (context) => {
          const body = await bodyOf(context, serverBody);
          return [putServer(known(context, plane), serverIn(context), body, plane.services)];
        }),
      ),
    },
    {
      method: 'DELETE',
      path: `${path}/servers/:server`,
      handler: inTurn(
        does(async (context) => [
          { op: 'delete-server', service: known(context, plane), server: serverIn(context) },
        ]),
      ),
    },
    {
      method: 'PUT',
      path: `${path}/laddr`,
      handler: inTurn(
        does(async (context) => {
          const { addresses } = await bodyOf(context, localBody);
          return putLocal(known(context, plane), addresses, plane.services);
        }),
      ),
    },
    {
      method: 'DELETE',
      path: `${path}/laddr`,
      handler: inTurn(does(async (context) => putLocal(known(context, plane), [], plane.services))),
    },
    ...LISTS.flatMap((list): AdminRoute[] => [
      {
        method: 'GET',
        path: `${path}/${list}`,
        handler: whenOpen(async (context) => {
          const service = plane.services.get(formatServiceKey(known(context, plane)))!;
          const hits = await plane.listHits();
          return Response.json(entriesOf(service, list, { hits, sets: plane.sets.effective() }));
        }),
      },
      {
        method: 'PUT',
        path: `${path}/${list}`,
        handler: inTurn(
          does(async (context) => {
            const { networks } = await bodyOf(context, networksBody);
            return putNetworks(known(context, plane), { list, wanted: networks }, plane.services);
          }),
        ),
      },
      {
        method: 'DELETE',
        path: `${path}/${list}`,
        handler: inTurn(
          does(async (context) =>
            putNetworks(known(context, plane), { list, wanted: [] }, plane.services),
          ),
        ),
      },
    ]),
  ];
}

async function follow(
  commands: readonly IpvsCommand[],
  plane: L4Plane,
  saves: boolean,
): Promise<Response> {
  const { errors } = await executeIpvs(commands, plane);
  const [first] = errors;
  if (first) return refusal(409, first.message);
  if (saves) plane.save();
  return new Response(null, { status: 204 });
}

/** What a body says. @throws {AdminRefusal} It is none. */
export async function bodyOf<T>(context: AdminContext, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await readJson(context));
  if (parsed.success) return parsed.data;
  throw new AdminRefusal(400, z.prettifyError(parsed.error));
}

/** @throws {AdminRefusal} The path names no service. */
function serviceIn(context: AdminContext): IpvsServiceKey {
  const text = context.req.param('service') ?? '';
  const service = serviceOf(text);
  if (service) return service;
  throw new AdminRefusal(400, `${text} is no service; needs one such as 203.0.113.1-80-tcp`);
}

/** @throws {AdminRefusal} There is no such service. */
function known(context: AdminContext, plane: L4Plane): IpvsServiceKey {
  const service = serviceIn(context);
  if (plane.services.has(formatServiceKey(service))) return service;
  throw new AdminRefusal(404, `there is no service ${formatServiceKey(service)}`);
}

function serverIn(context: AdminContext): IpvsServer {
  const text = context.req.param('server') ?? '';
  const server = serverOf(text);
  if (server) return server;
  throw new AdminRefusal(400, `${text} is no server; needs one such as 10.0.0.11:8080`);
}
