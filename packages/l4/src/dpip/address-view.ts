/**
 * `dpip addr show`: addresses of interfaces and, with `-s`, how far the ports of local addresses are taken.
 *
 * @module
 */
import { listAddresses } from '@balancer/ebpf';
import type { PlaneDocument } from '../status.ts';
import { type DpipView, isShown, scopeName, shownLinks, viewOf, type ViewSource } from './view.ts';

export interface AddressRow {
  readonly address: string;
  readonly length: number;
  readonly scope: string;
  readonly dev: string;
  /** Seconds; `null` is for ever. */
  readonly valid_s: number | null;
  readonly preferred_s: number | null;
  /** Flows that have a port of it, ports that none has, flows that found none. 0 of other addresses. */
  readonly sa_used: number;
  readonly sa_free: number;
  readonly sa_miss: number;
}

type LocalAddress = PlaneDocument['local_addresses'][number];

/** @param locals - Those of the running plane; none without. */
export function addressView(source: ViewSource, locals: readonly LocalAddress[]): DpipView {
  const { socket, family, statistics } = source;
  const names = new Map(shownLinks(source).map(({ ifindex, name }) => [ifindex, name]));
  const rows = listAddresses(socket)
    .filter(({ ifindex, address }) => names.has(ifindex) && isShown(address, family))
    .map(({ ifindex, address, prefixLength, scope, validS, preferredS }): AddressRow => ({
      address,
      length: prefixLength,
      scope: scopeName(scope),
      dev: names.get(ifindex)!,
      valid_s: finite(validS),
      preferred_s: finite(preferredS),
      ...portsOf(locals.filter((local) => local.address === address)),
    }));
  return viewOf(rows, (row) => {
    const ports = ` sa_used ${row.sa_used} sa_free ${row.sa_free} sa_miss ${row.sa_miss}`;
    const lifetimes = `valid_lft ${lifetime(row.valid_s)} preferred_lft ${lifetime(row.preferred_s)}`;
    return [
      `${row.address.includes(':') ? 'inet6' : 'inet'} ${row.address}/${row.length} scope ${row.scope} ${row.dev}`,
      `     ${lifetimes}${statistics ? ports : ''}`,
    ];
  });
}

/** An address that several services have is counted for all of them; its ports are those of the widest range. */
function portsOf(
  locals: readonly LocalAddress[],
): Pick<AddressRow, 'sa_used' | 'sa_free' | 'sa_miss'> {
  const used = locals.reduce((sum, { conns }) => sum + conns, 0);
  const ports = Math.max(0, ...locals.map(({ ports: count }) => count));
  return {
    sa_used: used,
    // Flows to different servers may have the same port.
    sa_free: Math.max(0, ports - used),
    sa_miss: locals.reduce((sum, { misses }) => sum + misses, 0),
  };
}

function finite(seconds: number): number | null {
  return seconds === Infinity ? null : seconds;
}

function lifetime(seconds: number | null): string {
  return seconds === null ? 'forever' : `${seconds}sec`;
}
