/**
 * `dpip vlan show` and `dpip tunnel show`: devices that Linux puts over others.
 *
 * @module
 */
import { listLinkDetails } from '@balancer/ebpf';
import { type DpipView, shownLinks, viewOf, type ViewSource } from './view.ts';

export interface VlanRow {
  readonly name: string;
  readonly link: string;
  readonly proto: string;
  readonly id: number;
  readonly up: boolean;
}

export function vlanView(source: ViewSource): DpipView {
  const lower = lowerNames(source);
  const rows = shownLinks(source).flatMap(({ name, vlan, lower: below, up }): VlanRow[] =>
    vlan ? [{ name, link: lower(below), proto: vlan.protocol.toLowerCase(), id: vlan.id, up }] : [],
  );
  return viewOf(rows, ({ name, link, proto, id, up }) => [
    `${name} link ${link} proto ${proto} id ${id} ${up ? 'UP' : 'DOWN'}`,
  ]);
}

export interface TunnelRow {
  readonly name: string;
  readonly mode: string;
  readonly remote: string;
  readonly local: string;
  readonly link: string;
  readonly ttl: number | 'inherit';
  readonly tos: number | 'inherit';
  readonly key: number | null;
}

export function tunnelView(source: ViewSource): DpipView {
  const lower = lowerNames(source);
  const rows = shownLinks(source).flatMap(({ name, kind = '', tunnel }): TunnelRow[] => {
    if (!tunnel) return [];
    const { remote = 'any', local = 'any', key = null } = tunnel;
    const link = lower(tunnel.lower);
    return [
      {
        name,
        mode: kind,
        remote,
        local,
        link,
        ttl: tunnel.ttl || 'inherit',
        // Bit 0 says that it is the inner packet's.
        tos: (tunnel.tos & 1) === 1 ? 'inherit' : tunnel.tos,
        key,
      },
    ];
  });
  return viewOf(rows, ({ name, mode, remote, local, link, ttl, tos, key }) => [
    `${name}: ${mode} remote ${remote} local ${local} dev ${link} ttl ${ttl} tos ${tos}${key === null ? '' : ` key ${key}`}`,
  ]);
}

/** Names of the interfaces below; `any` for none. */
function lowerNames({ socket }: ViewSource): (index: number | undefined) => string {
  const names = new Map(listLinkDetails(socket).map(({ ifindex, name }) => [ifindex, name]));
  return (index) => (index === undefined ? 'any' : (names.get(index) ?? `if${index}`));
}
