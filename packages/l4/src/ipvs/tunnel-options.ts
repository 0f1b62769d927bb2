/**
 * Options of `ipvsadm` about tunnels. `gue1`, `vxlan` and their options are ours; the others and which of them go
 * together are LVS's.
 *
 * @module
 */
import { TUNNEL_NAMES } from '@balancer/lb';
import { INNER_MAC, type TunnelKind } from '../tunnel.ts';
import type { IpvsServerOptions } from './commands.ts';
import { integer, IpvsUsageError } from './options.ts';

export const TUNNEL_OPTION_NAMES = [
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-vni',
  'tun-mac',
] as const;

const VNI_MAX = 2 ** 24 - 1;
const MAC = /^[\da-f]{2}(:[\da-f]{2}){5}$/i;
/** Options that a kind of tunnel may have beside its type; the first of `gue` it must. */
const TUNNEL_OPTIONS: Readonly<Record<TunnelKind, readonly string[]>> = {
  ipip: ['tun-nocsum'],
  gre: ['tun-nocsum'],
  gue: ['tun-port', 'tun-nocsum', 'tun-csum'],
  gue1: ['tun-port', 'tun-nocsum', 'tun-csum'],
  vxlan: ['tun-port', 'tun-nocsum', 'tun-csum', 'tun-vni', 'tun-mac'],
};

/** What the options `--tun-…` say together. @throws {IpvsUsageError} */
export function tunnelOption(
  options: ReadonlyMap<string, string>,
  mode: string | undefined,
): Pick<IpvsServerOptions, 'tunnel'> {
  const given = [...options.keys()].filter((name) => name.startsWith('tun-'));
  if (given.length === 0) return {};
  if (mode !== 'tunnel') throw new IpvsUsageError('Tunnel options conflict with forward method');
  const type = options.get('tun-type') ?? 'ipip';
  const kind = TUNNEL_NAMES.find((name) => name === type);
  if (!kind) {
    throw new IpvsUsageError(
      `illegal tunnel type \`${type}'; there are ${TUNNEL_NAMES.join(', ')}`,
    );
  }
  const wrong = given.find((name) => name !== 'tun-type' && !TUNNEL_OPTIONS[kind].includes(name));
  if (wrong !== undefined) {
    throw new IpvsUsageError(`Illegal '${wrong}' option with the '${kind}' tunnel type`);
  }
  if (options.has('tun-csum') && options.has('tun-nocsum')) {
    throw new IpvsUsageError(
      `The option 'tun-csum' conflicts with the 'tun-nocsum' option in the '${kind}' tunnel type`,
    );
  }
  const port = options.get('tun-port');
  if (kind === 'gue' && port === undefined) {
    throw new IpvsUsageError("You need to supply the 'tun-port' option for the 'gue' tunnel type");
  }
  const vni = options.get('tun-vni');
  const innerMac = options.get('tun-mac') ?? INNER_MAC;
  if (!MAC.test(innerMac)) throw new IpvsUsageError(`illegal tun-mac \`${innerMac}'`);
  return {
    tunnel: {
      kind,
      port: port === undefined ? 0 : integer(port, 'tun-port', 65_535),
      checksum: options.has('tun-csum'),
      vni: vni === undefined ? 0 : integer(vni, 'tun-vni', VNI_MAX),
      innerMac,
    },
  };
}
