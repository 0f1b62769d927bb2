/**
 * `dpip route show`: routes of the host, which the plane's packets follow.
 *
 * @module
 */
import { listRoutes, type Route } from '@balancer/ebpf';
import { DpipUsageError } from './call.ts';
import { type DpipView, scopeName, shownLinks, viewOf, type ViewSource } from './view.ts';

export interface RouteRow {
  readonly destination: string;
  /** `0.0.0.0` or `::` on the link itself. */
  readonly via: string;
  readonly src: string;
  readonly dev: string;
  readonly mtu: number;
  readonly tos: number;
  readonly scope: string;
  readonly metric: number;
  readonly proto: string;
  readonly table: number;
}

const TABLES: Readonly<Record<string, number>> = { local: 255, main: 254, default: 253 };
const TABLES_BY_DEFAULT: readonly number[] = [254, 255];
const UNICAST = 1;
const LOCAL = 2;

/** Those who make routes; the rest of `/etc/iproute2/rt_protos` is shown by number. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'redirect',
  2: 'auto',
  3: 'boot',
  4: 'static',
  9: 'ra',
  11: 'zebra',
  12: 'bird',
  16: 'dhcp',
  186: 'bgp',
  188: 'ospf',
  196: 'static',
};

/** A line for each way of each route to hosts, of the tables `main` and `local` or the one that is asked for. */
export function routeView(source: ViewSource): DpipView {
  const { socket, part, family } = source;
  const tables = part.table === undefined ? TABLES_BY_DEFAULT : [tableNumber(part.table)];
  const links = new Map(shownLinks(source).map((link) => [link.ifindex, link]));
  const rows = listRoutes(socket)
    .filter(({ type, table }) => (type === UNICAST || type === LOCAL) && tables.includes(table))
    .filter(
      ({ destination }) => family === undefined || destination.includes(':') === (family === 6),
    )
    .flatMap((route) => waysOf(route).map((way) => ({ ...route, ...way })))
    .flatMap((route): RouteRow[] => {
      const link = links.get(route.ifindex ?? 0);
      if (!link) return [];
      const nobody = route.destination.includes(':') ? '::' : '0.0.0.0';
      return [
        {
          destination: route.destination,
          via: route.gateway ?? nobody,
          src: route.source ?? nobody,
          dev: link.name,
          mtu: route.mtu ?? link.mtu,
          tos: route.tos,
          scope: route.type === LOCAL ? 'host' : scopeOf(route),
          metric: route.priority,
          proto: PROTOCOLS[route.protocol] ?? `${route.protocol}`,
          table: route.table,
        },
      ];
    });
  return viewOf(rows, (row) => [
    `${row.destination.includes(':') ? 'inet6' : 'inet'} ${row.destination} via ${row.via} src ${row.src} dev ${row.dev} ` +
      `mtu ${row.mtu} tos ${row.tos} scope ${row.scope} metric ${row.metric} proto ${row.proto}`,
  ]);
}

type Way = Pick<Route, 'ifindex' | 'gateway'>;

function waysOf({ ifindex, gateway, nextHops }: Route): readonly Way[] {
  return nextHops.length > 0 ? nextHops : [{ ifindex, gateway }];
}

/** IPv6 routes have no scope: those without a gateway lead to the link. */
function scopeOf({ destination, gateway, scope }: Route): string {
  if (!destination.includes(':')) return scopeName(scope);
  return gateway === undefined ? 'link' : 'global';
}

function tableNumber(text: string): number {
  const number = TABLES[text] ?? Number(text);
  if (Number.isInteger(number) && number > 0 && number < 2 ** 32) return number;
  throw new DpipUsageError(`no routing table ${text}; needs a number, main, local or default`);
}
