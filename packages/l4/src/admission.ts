/**
 * Who may use a service and how much, as the maps have it.
 *
 * @module
 */
import { formatIp, parseIp } from '@balancer/ebpf';
import { fromMapAddress, toMapAddress } from './address.ts';
import { LIST_KINDS, SERVICE_FLAGS } from './constants.ts';
import type { Admission } from './desired.ts';
import { PlaneError } from './errors.ts';
import type { L4Tc } from '../bpf/objects/l4-tc.types.ts';
import type { L4Service } from './records.ts';

/** A network on a list. */
export interface ListedNetwork {
  /** Twice the service id, plus the kind of list. */
  readonly list: number;
  /** First address. */
  readonly address: string;
  readonly length: number;
}

type AclKey = L4Tc['maps']['l4_acl']['key'];

/** Entries of the map of networks. */
const NETWORKS_MAX = 262_144;
/** Bits in front of an address in a key: those of the list, and 96 more for IPv4. */
const LIST_BITS = 32;
const IPV4_BITS = 96;
/** Above it the product with the time of a second would not fit into 64 bits. */
const BURST_MAX = 2 ** 30;

/** The flags that say what has to be asked for new flows. */
export function admissionFlags({
  deny,
  allow,
  clientConnections,
  clientRate,
  connectionRate,
}: Admission): number {
  return (
    (deny.length > 0 ? SERVICE_FLAGS.deny : 0) |
    (allow.length > 0 ? SERVICE_FLAGS.allow : 0) |
    (clientConnections + clientRate + connectionRate > 0 ? SERVICE_FLAGS.limited : 0)
  );
}

/** The fields of a service's record. */
export function compileAdmission(
  admission: Admission,
): Pick<
  L4Service,
  | 'src_max_conns'
  | 'rate_bytes'
  | 'rate_pps'
  | 'rate_conns'
  | 'src_rate'
  | 'burst_ms'
  | 'burst_conns'
> {
  return {
    src_max_conns: admission.clientConnections,
    rate_bytes: BigInt(Math.ceil(admission.bitsPerS / 8)),
    rate_pps: admission.packetsPerS,
    rate_conns: admission.connectionRate,
    src_rate: admission.clientRate,
    burst_ms: admission.burstMs,
    burst_conns: Math.min(admission.connectionBurst, BURST_MAX),
  };
}

/** Networks on the lists of services, by the text of their key. */
export function listedNetworks(
  services: readonly (readonly [id: number, admission: Admission])[],
): Map<string, ListedNetwork> {
  const networks = new Map<string, ListedNetwork>();
  for (const [id, { deny, allow }] of services) {
    for (const [kind, list] of Object.entries({ deny, allow })) {
      const number = id * 2 + LIST_KINDS[kind === 'deny' ? 'deny' : 'allow'];
      for (const text of list) {
        const network = { list: number, ...networkOf(text) };
        networks.set(networkText(network), network);
      }
    }
  }
  return networks;
}

/** Text of a network's key. */
export function networkText({ list, ...network }: ListedNetwork): string {
  return `${list} ${networkName(network)}`;
}

/** `192.0.2.0/24`, with the first address of the network. */
export function networkName({ address, length }: Omit<ListedNetwork, 'list'>): string {
  return `${address}/${length}`;
}

export function aclKey({ list, address, length }: ListedNetwork): AclKey {
  const prefix = LIST_BITS + length + (address.includes(':') ? 0 : IPV4_BITS);
  return { prefix_bits: prefix, list, address: toMapAddress(address) };
}

/** What `aclKey` made a key of. */
export function networkFrom({ prefix_bits, list, address }: AclKey): ListedNetwork {
  const text = fromMapAddress(address);
  const length = prefix_bits - LIST_BITS - (text.includes(':') ? 0 : IPV4_BITS);
  return { list, address: text, length };
}

/** @throws {PlaneError} when the lists of all services together are longer than the map. */
export function checkNetworks(admissions: Iterable<Admission>): void {
  let count = 0;
  for (const { deny, allow } of admissions) count += deny.length + allow.length;
  if (count <= NETWORKS_MAX) return;
  throw new PlaneError(
    `the lists of clients have ${count} networks, counting a set once for each service that names it; the map holds ${NETWORKS_MAX}: join networks that are side by side, or name fewer sets; nothing was changed`,
  );
}

/** A network by its first address, so that each has one spelling. */
export function networkOf(text: string): Omit<ListedNetwork, 'list'> {
  const [address = '', lengthText] = text.split('/');
  const bytes = parseIp(address);
  const length = lengthText === undefined ? bytes.length * 8 : Number(lengthText);
  const masked = bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, length - index * 8));
    return byte & (0xff00 >> kept);
  });
  return { address: formatIp(masked), length };
}
