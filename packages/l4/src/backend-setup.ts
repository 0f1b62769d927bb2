/**
 * The commands that make a Linux server ready for the plane: what it must answer for, what it must keep
 * quiet about, and how it takes off tunnel headers.
 *
 * @module
 */
import { familyOf } from './address.ts';
import { type BackendSpec, formatEndpoint, formatServiceKey, type ServiceSpec } from './desired.ts';
import { IPIP, isOverUdp, TUNNEL_PORTS, tunnelOverhead } from './tunnel.ts';

/** Bytes of an Ethernet packet, and of the IP headers inside. */
const LINK_BYTES = 1500;
const INNER_BYTES = { 4: 20, 6: 40 } as const;
const TCP_BYTES = 20;

/** One text for each service, ready to be run on its servers. */
export function backendSetup(services: readonly ServiceSpec[]): string {
  return services.map((service) => setupOf(service)).join('\n');
}

function setupOf(service: ServiceSpec): string {
  if (service.match) return gatewaySetup(service);
  const modes = [...new Set(service.backends.map(({ mode }) => mode))];
  const servers = service.backends.map(({ address }) => address).join(', ');
  const lines = [
    `# ${formatServiceKey(service)}: run on ${servers || 'its servers'}`,
    ...modes.flatMap((mode) => [`# mode ${mode}`, ...linesOf(mode, service)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Hosts behind the balancer. */
function gatewaySetup(service: ServiceSpec): string {
  const family = service.address.includes(':') ? ' -6' : '';
  const lines = [
    `# ${formatServiceKey(service)}: run on the hosts behind the balancer`,
    '# what they send out has to pass the balancer: make it their router',
    `ip${family} route replace default via <address of the balancer>`,
    `# they appear outside as ${service.localAddresses.join(', ')}; the way to those leads here`,
  ];
  return `${lines.join('\n')}\n`;
}

function linesOf(mode: ServiceSpec['backends'][number]['mode'], service: ServiceSpec): string[] {
  if (mode === 'fnat') {
    return [
      ...tellingOf(service),
      `# nothing to set up: clients appear as ${service.localAddresses.join(', ') || 'the local addresses'};`,
      '# those must be reachable from here',
    ];
  }
  if (mode === 'nat') {
    return [
      '# replies have to pass the balancer: make it the router towards the clients',
      'ip route replace default via <address of the balancer>',
    ];
  }
  if (mode === 'dr-ip') {
    const endpoint = formatEndpoint(service.address, service.port);
    return [`# rewrite the source of replies to ${endpoint} before they leave`];
  }
  return mode === 'dr' ? answerFor(service, 'lo') : decapsulate(service);
}

/** What servers need to see the client's address. */
function tellingOf({ clientAddress }: ServiceSpec): string[] {
  if (clientAddress === 'toa') {
    return ['# the address of clients is in TCP option 254 (TOA): needs the kernel module toa'];
  }
  if (clientAddress === 'ppv2') {
    return [
      '# connections begin with a PROXY header of version 2: nginx needs "listen ... proxy_protocol"',
    ];
  }
  return [];
}

/** The service's address on a device of which the neighbours know nothing. */
function answerFor({ address }: ServiceSpec, device: string): string[] {
  if (address.includes(':')) return [`ip -6 addr add ${address}/128 dev ${device} nodad`];
  return [
    'sysctl -w net.ipv4.conf.all.arp_ignore=1',
    'sysctl -w net.ipv4.conf.all.arp_announce=2',
    `ip addr add ${address}/32 dev ${device}`,
  ];
}

function decapsulate(service: ServiceSpec): string[] {
  const { address, backends } = service;
  const inner = familyOf(address);
  const tunnels = backends.filter(({ mode }) => mode === 'tunnel');
  const [first] = tunnels;
  if (!first) return [];
  const outer = familyOf(first.address);
  const { kind } = first.tunnel ?? IPIP;
  const others = tunnels.slice(1).map((each) => each.address);
  const devices = receivers(first, inner);
  const mss = LINK_BYTES - tunnelOverhead(kind, outer) - INNER_BYTES[inner] - TCP_BYTES;
  return [
    `SERVER=${first.address}${others.length > 0 ? ` # on the others: ${others.join(', ')}` : ''}`,
    ...devices.flatMap(({ commands }) => commands),
    '# or instead, without a module of the kernel:',
    `# balancer l4 decap --interface eth0 --address $SERVER${portFlag(first)}`,
    ...(inner === 4
      ? ['all', ...devices.flatMap(({ name }) => name ?? [])].map(
          (name) => `sysctl -w net.ipv4.conf.${name}.rp_filter=2`,
        )
      : []),
    // IPv4 packets from a device without an address never pass the filter, whatever it is set to.
    ...answerFor(service, inner === 4 ? (devices.at(-1)?.name ?? 'lo') : 'lo'),
    '# segments that fit with the outer headers',
    `# ip route change default via <router> advmss ${mss}`,
  ];
}

/** What takes outer headers off: commands, and the device that packets then come from. */
interface Receiver {
  readonly name?: string;
  readonly commands: readonly string[];
}

/** The kernel's own devices for a tunnel. */
function receivers({ address, tunnel = IPIP }: BackendSpec, inner: 4 | 6): Receiver[] {
  const { kind, port, vni, innerMac } = tunnel;
  const outer = familyOf(address);
  if (kind === 'vxlan') {
    const name = `vxlan${vni}`;
    const options = outer === 6 ? ' udp6zerocsumrx' : '';
    return [
      {
        name,
        commands: [
          `ip link add ${name} type vxlan id ${vni} local $SERVER dstport ${port || TUNNEL_PORTS.vxlan}${options}`,
          `ip link set dev ${name} address ${innerMac} up`,
        ],
      },
    ];
  }
  if (kind === 'gre') return [upDevice(outer === 4 ? ['ip_gre', 'gre0'] : ['ip6_gre', 'ip6gre0'])];
  const ipip = upDevice(
    outer === 6 ? ['ip6_tunnel', 'ip6tnl0'] : inner === 4 ? ['ipip', 'tunl0'] : ['sit', 'sit0'],
  );
  if (kind === 'ipip') return [ipip];
  const [module, flag] = outer === 4 ? ['fou', ''] : ['fou6', '-6 '];
  return [
    {
      commands: [`modprobe ${module} && ip ${flag}fou add port ${port || TUNNEL_PORTS[kind]} gue`],
    },
    ipip,
  ];
}

function upDevice([module, name]: readonly [string, string]): Receiver {
  return { name, commands: [`modprobe ${module} && ip link set dev ${name} up`] };
}

/** What `balancer l4 decap` has to be told of a port that is not the usual one. */
function portFlag({ tunnel = IPIP }: BackendSpec): string {
  const { kind, port } = tunnel;
  if (!isOverUdp(kind) || port === 0 || port === TUNNEL_PORTS[kind]) return '';
  return kind === 'vxlan' ? ` --vxlan-port ${port}` : ` --gue-port ${port}`;
}
