/**
 * From options of `ipvsadm` to services and servers.
 *
 * @module
 */
import { LVS_SCHEDULERS } from '@balancer/lb';
import type { IpvsServerOptions, IpvsServiceKey, IpvsServiceOptions } from './commands.ts';
import { parseDestCheck } from './dest-check.ts';
import { SERVICE_NAMES } from './grammar.ts';
import { integer, IpvsUsageError } from './options.ts';
import { tunnelOption } from './tunnel-options.ts';
import {
  hostPort,
  localAddresses,
  maskLength,
  network,
  proxyProtocol,
  ruleKey,
  schedulerFlags,
  synProxy,
  timeout,
} from './values.ts';

const THRESHOLD_MAX = 2 ** 32 - 1;
const PERSISTENCE_DEFAULT_S = 300;

/** Finds the address of a host name. */
export type Resolve = (host: string) => Promise<string>;

/** What the options of one call mean. */
export class OptionReader {
  readonly #options: ReadonlyMap<string, string>;
  readonly #resolve: Resolve;

  constructor(options: ReadonlyMap<string, string>, resolve: Resolve) {
    this.#options = options;
    this.#resolve = resolve;
  }

  get hasService(): boolean {
    return SERVICE_NAMES.some((name) => this.#options.has(name));
  }

  async service(): Promise<IpvsServiceKey> {
    const rule = this.#options.get('match');
    if (rule !== undefined) return ruleKey(rule);
    const icmp = this.#options.get('icmp-service');
    if (icmp !== undefined) {
      // Echoes have no port; one that is given says nothing.
      const address = await this.#resolve(hostPort(icmp, 'udp').host);
      return { protocol: address.includes(':') ? 'icmpv6' : 'icmp', address, port: 0 };
    }
    const tcp = this.#options.get('tcp-service');
    const text = tcp ?? this.#options.get('udp-service') ?? '';
    const protocol = tcp === undefined ? 'udp' : 'tcp';
    const { host, port } = hostPort(text, protocol);
    return { protocol, address: await this.#resolve(host), port: port ?? 0 };
  }

  async server(): Promise<{ readonly address: string; readonly port?: number }> {
    const protocol = this.#options.has('udp-service') ? 'udp' : 'tcp';
    const { host, port } = hostPort(this.#options.get('real-server') ?? '', protocol);
    return { address: await this.#resolve(host), ...(port !== undefined && { port }) };
  }

  serviceOptions(): IpvsServiceOptions {
    const options = this.#options;
    const scheduler = options.get('scheduler');
    const known = LVS_SCHEDULERS.find((name) => name === scheduler);
    if (scheduler !== undefined && known === undefined) {
      throw new IpvsUsageError(
        `Scheduler not found: ${scheduler}; there are ${LVS_SCHEDULERS.join(', ')}`,
      );
    }
    const persistent = options.get('persistent');
    const target = options.get('hash-target');
    if (target !== undefined && target !== 'sip') {
      throw new IpvsUsageError(`--hash-target ${target} is not part of this version; there is sip`);
    }
    const mask = options.get('netmask');
    return {
      ...(known && { scheduler: known }),
      ...(persistent !== undefined && {
        persistenceS: persistent === '' ? PERSISTENCE_DEFAULT_S : timeout(persistent),
      }),
      ...(mask !== undefined && { maskLength: maskLength(mask) }),
      ...(options.has('sched-flags') && {
        schedulerFlags: schedulerFlags(options.get('sched-flags')!),
      }),
      ...(options.has('ops') && { onePacket: true }),
      ...(options.has('conn-timeout') && { connTimeoutS: timeout(options.get('conn-timeout')!) }),
      ...(options.has('expire-quiescent') && { expireQuiescent: true }),
      ...(options.has('synproxy') && { synProxy: synProxy(options.get('synproxy')!) }),
      ...destCheckOption(options.get('dest-check')),
      ...(options.has('proxy-protocol') && {
        proxyProtocol: proxyProtocol(options.get('proxy-protocol')!),
      }),
    };
  }

  serverOptions(): IpvsServerOptions {
    const options = this.#options;
    const weight = options.get('weight');
    const upper = options.get('u-threshold');
    const lower = options.get('l-threshold');
    const modes = {
      gatewaying: 'dr',
      ipip: 'tunnel',
      masquerading: 'nat',
      fullnat: 'fnat',
      snat: 'snat',
    } as const;
    const mode = Object.entries(modes).find(([name]) => options.has(name))?.[1];
    return {
      ...(mode && { mode }),
      ...tunnelOption(options, mode),
      ...(weight !== undefined && { weight: integer(weight, 'weight', 65_535) }),
      ...(upper !== undefined && { upper: integer(upper, 'u-threshold', THRESHOLD_MAX) }),
      ...(lower !== undefined && { lower: integer(lower, 'l-threshold', THRESHOLD_MAX) }),
    };
  }

  network(): string {
    return network(this.#options.get('network') ?? '');
  }

  localAddresses(): string[] {
    return localAddresses(this.#options.get('laddr') ?? '');
  }
}

function destCheckOption(text: string | undefined): Pick<IpvsServiceOptions, 'destCheck'> {
  const destCheck = text === undefined ? undefined : parseDestCheck(text);
  return destCheck ? { destCheck } : {};
}
