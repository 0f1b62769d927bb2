/**
 * Decides at the door whether a client may come in: access lists, limits on connections, rates.
 * Looks at nothing but the address, and costs a refused client no more than its socket.
 *
 * @module
 */
import { createCidrMatcher, type CidrMatcher } from '@balancer/kit';
import type { FrontendConfig, RefusalReason } from '@balancer/lb';
import { TokenBucket } from './token-bucket.ts';

/** Clients whose rate is remembered per frontend; the one seen longest ago is forgotten first. */
const RATED_CLIENTS_MAX = 65_536;

export class Gate {
  private config: FrontendConfig;
  private isAllowed: CidrMatcher;
  private isDenied: CidrMatcher;
  private isTrusted: CidrMatcher;
  private rate: TokenBucket | undefined;
  private readonly ratePerClient = new Map<string, TokenBucket>();
  private readonly openPerClient = new Map<string, number>();
  private openCount = 0;
  private readonly nowMs: () => number;

  /** @param nowMs - Milliseconds that only grow. */
  constructor(config: FrontendConfig, nowMs: () => number) {
    this.config = config;
    this.nowMs = nowMs;
    this.isAllowed = createCidrMatcher(config.allow);
    this.isDenied = createCidrMatcher(config.deny);
    this.isTrusted = createCidrMatcher(config.proxy_protocol_trusted);
    this.rate = bucket(config.connection_rate, config.connection_burst);
  }

  /** Connections that came in and have not left. */
  get open(): number {
    return this.openCount;
  }

  /** Follows a reloaded configuration; what is open stays counted. */
  update(config: FrontendConfig): void {
    const before = this.config;
    this.config = config;
    this.isAllowed = createCidrMatcher(config.allow);
    this.isDenied = createCidrMatcher(config.deny);
    this.isTrusted = createCidrMatcher(config.proxy_protocol_trusted);
    if (
      before.connection_rate !== config.connection_rate ||
      before.connection_burst !== config.connection_burst
    ) {
      this.rate = bucket(config.connection_rate, config.connection_burst);
    }
    if (before.connection_rate_per_ip !== config.connection_rate_per_ip) this.ratePerClient.clear();
  }

  /**
   * Lets a client in, and counts it until {@link leave}.
   *
   * @param ip - IPv4-mapped addresses already unmapped; `''` for a client without an address.
   * @returns Why not, or `undefined` when it came in.
   */
  enter(ip: string): RefusalReason | undefined {
    const { config } = this;
    if (config.deny.length > 0 && this.isDenied(ip)) return 'acl';
    if (config.allow.length > 0 && !this.isAllowed(ip)) return 'acl';
    if (config.max_connections > 0 && this.openCount >= config.max_connections) {
      return 'max_connections';
    }
    const openOfClient = this.openPerClient.get(ip) ?? 0;
    if (config.max_connections_per_ip > 0 && openOfClient >= config.max_connections_per_ip) {
      return 'max_connections';
    }
    if (!this.withinRate(ip)) return 'rate';
    this.openCount++;
    if (config.max_connections_per_ip > 0 || openOfClient > 0) {
      this.openPerClient.set(ip, openOfClient + 1);
    }
    return undefined;
  }

  /** May this peer say on whose behalf it connects? */
  trusts(ip: string): boolean {
    return this.config.proxy_protocol !== 'off' && this.isTrusted(ip);
  }

  leave(ip: string): void {
    this.openCount--;
    const openOfClient = this.openPerClient.get(ip);
    if (openOfClient === undefined) return;
    if (openOfClient <= 1) this.openPerClient.delete(ip);
    else this.openPerClient.set(ip, openOfClient - 1);
  }

  private withinRate(ip: string): boolean {
    const now = this.nowMs();
    const perClient = this.clientBucket(ip);
    if (perClient && !perClient.has(now)) return false;
    if (this.rate && !this.rate.take(now)) return false;
    perClient?.take(now);
    return true;
  }

  private clientBucket(ip: string): TokenBucket | undefined {
    const { connection_rate_per_ip: rate } = this.config;
    if (rate === 0) return undefined;
    const found = this.ratePerClient.get(ip) ?? new TokenBucket(rate, rate);
    // Re-inserting moves the client to the young end of the map.
    this.ratePerClient.delete(ip);
    this.ratePerClient.set(ip, found);
    if (this.ratePerClient.size > RATED_CLIENTS_MAX) {
      this.ratePerClient.delete(this.ratePerClient.keys().next().value!);
    }
    return found;
  }
}

function bucket(rate: number, burst: number): TokenBucket | undefined {
  return rate === 0 ? undefined : new TokenBucket(rate, burst === 0 ? rate : burst);
}
