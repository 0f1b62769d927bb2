/**
 * The commands that make a Linux server ready for the plane: what it must answer for, what it must keep
 * quiet about, and how it takes off tunnel headers.
 *
 * @module
 */
import { formatEndpoint, formatServiceKey, type ServiceSpec } from './desired.ts';

/** Bytes that an outer header takes from each packet. */
const OUTER_BYTES = { 4: 20, 6: 40 } as const;

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
  return mode === 'dr' ? answerFor(service) : [...decapsulate(service), ...answerFor(service)];
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

/** The service's address on `lo`, unknown to the neighbours. */
function answerFor({ address }: ServiceSpec): string[] {
  if (address.includes(':')) return [`ip -6 addr add ${address}/128 dev lo nodad`];
  return [
    'sysctl -w net.ipv4.conf.all.arp_ignore=1',
    'sysctl -w net.ipv4.conf.all.arp_announce=2',
    `ip addr add ${address}/32 dev lo`,
  ];
}

function decapsulate({ address, backends }: ServiceSpec): string[] {
  const inner = address.includes(':') ? 6 : 4;
  const outer = backends.some((backend) => backend.address.includes(':')) ? 6 : 4;
  const device = outer === 4 ? (inner === 4 ? 'tunl0' : 'sit0') : 'ip6tnl0';
  const module = { tunl0: 'ipip', sit0: 'sit', ip6tnl0: 'ip6_tunnel' }[device];
  return [
    `modprobe ${module} && ip link set dev ${device} up`,
    `# or without a module: balancer l4 decap --interface eth0 --address <address of this server>`,
    ...(inner === 4
      ? [`sysctl -w net.ipv4.conf.${device}.rp_filter=2`, 'sysctl -w net.ipv4.conf.all.rp_filter=2']
      : []),
    `# segments that fit with the outer header`,
    `ip route change default via <router> advmss ${1500 - OUTER_BYTES[outer] - OUTER_BYTES[inner] - 20}`,
  ];
}
