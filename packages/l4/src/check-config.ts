/**
 * Looks whether this host is ready for a configuration that does not run yet.
 *
 * @module
 */
import { type LoadBalancerConfig, readAddressSets } from '@balancer/lb';
import { checkedPlane } from './checked-plane.ts';
import { engineOptions, servicesInFile } from './from-config.ts';
import type { Finding } from './finding.ts';
import { checkHost, hostFacts } from './host-checks.ts';

/** What is not as it should be; nothing when the file has no packet plane. */
export function checkHostFor({ l4, frontends, backends }: LoadBalancerConfig): Finding[] {
  if (!l4) return [];
  const isPacket = ([, { mode }]: [string, { mode: string }]): boolean => mode !== 'proxy';
  const own = new Map(Object.entries(frontends).filter(isPacket));
  const sets = readAddressSets(l4.sets);
  const pools = new Map(Object.entries(backends));
  const services = servicesInFile(own.values(), pools, sets);
  const options = engineOptions(l4, own, pools);
  const plane = checkedPlane(options, services, l4.cookie_secret !== undefined);
  return checkHost(plane, hostFacts(plane));
}
