/**
 * One server of a backend: what is known about its health, what the operator asked of it, and the
 * `select` node through which connections find it.
 *
 * @module
 */
import { type Address, formatAddress } from '@balancer/kit';
import { Node, type NodeSettings } from '@balancer/select';
import type { ServerConfig } from './config/types.ts';
import { ServerCounters } from './counters.ts';

/** What an operator may ask of a server at run time. */
export type AdminState = 'ready' | 'drain' | 'maint';

/**
 * `checking`: no check has answered yet. `drain`: keeps its connections and gets no new ones.
 * `maint`: out of service by order.
 */
export type ServerState = 'up' | 'down' | 'checking' | 'drain' | 'maint' | 'ejected';

/** Outcome of the latest health check. */
export interface LastCheck {
  readonly ok: boolean;
  readonly ms: number;
  /** Why it failed; empty when it did not. */
  readonly reason: string;
  readonly at: Date;
}

/** A change of state, or of the weight alone: `from` and `to` are the same then. */
export interface ServerChange {
  readonly from: ServerState;
  readonly to: ServerState;
  readonly reason: string;
}

/** What health checks found and the operator ordered, for another process that serves the same. */
export interface ServerOrders {
  readonly health: 'up' | 'down' | 'checking';
  readonly admin: AdminState;
  /** Absent: the file's weight is in force. */
  readonly adminWeight?: number | undefined;
  /** Why, in the words of the last change. */
  readonly reason: string;
}

/** Added to the priority of a server with `backup = true`. */
const BACKUP_PRIORITY = 1000;

export class Server {
  readonly backendName: string;
  /** `host:port`; the identity of a server, kept across reloads. */
  readonly address: string;
  readonly endpoint: Address;
  readonly node: Node<Server>;
  readonly counters: ServerCounters = new ServerCounters();
  lastCheck: LastCheck | undefined;
  lastChange: Date = new Date();
  private currentName: string;
  private currentConfig: ServerConfig;
  private admin: AdminState = 'ready';
  private adminWeight: number | undefined;
  private health: 'up' | 'down' | 'checking';
  private ejectedUntilDate: Date | undefined;
  private ownEjection: Date | undefined;
  private connectionsMax: number | undefined;
  private lastReason = '';
  private readonly onChange: (server: Server, change: ServerChange) => void;

  /** @param options.checked - Whether health checks decide; without them the server counts as up. */
  constructor(options: {
    readonly backendName: string;
    readonly name: string;
    readonly config: ServerConfig;
    readonly checked: boolean;
    readonly onChange: (server: Server, change: ServerChange) => void;
  }) {
    const { config } = options;
    this.backendName = options.backendName;
    this.currentName = options.name;
    this.currentConfig = config;
    this.address = formatAddress(config.addr);
    this.endpoint = config.addr;
    this.onChange = options.onChange;
    this.health = options.checked ? 'checking' : 'up';
    this.node = new Node<Server>(this.address, { data: this });
    this.apply();
  }

  /** Name of the server's section in the file. */
  get name(): string {
    return this.currentName;
  }

  get config(): ServerConfig {
    return this.currentConfig;
  }

  /** Weight in force: the operator's, else the file's. */
  get weight(): number {
    return this.adminWeight ?? this.currentConfig.weight;
  }

  get state(): ServerState {
    if (this.currentConfig.disabled || this.admin === 'maint') return 'maint';
    if (this.admin === 'drain') return 'drain';
    if (this.health === 'up' && this.ejectedUntilDate) return 'ejected';
    return this.health;
  }

  /** May take new connections, as far as health and orders go. */
  get usable(): boolean {
    return this.state === 'up' && this.weight > 0;
  }

  get orders(): ServerOrders {
    const { health, admin, adminWeight, lastReason: reason } = this;
    return { health, admin, adminWeight, reason };
  }

  /** When an ejected server returns; `undefined` while it is not ejected. */
  get ejectedUntil(): Date | undefined {
    return this.ejectedUntilDate;
  }

  /** The part of {@link ejectedUntil} that connections of this process are the reason of. */
  get ownEjectedUntil(): Date | undefined {
    return this.ownEjection;
  }

  /** Takes over the settings of a reloaded file. An operator's order ends when its key changed. */
  update(name: string, config: ServerConfig): void {
    if (config.weight !== this.currentConfig.weight) this.adminWeight = undefined;
    if (config.disabled !== this.currentConfig.disabled) this.admin = 'ready';
    this.currentName = name;
    this.change('configuration', () => {
      this.currentConfig = config;
    });
  }

  /** A check passed or failed often enough to decide. */
  setHealth(health: 'up' | 'down' | 'checking', reason: string): void {
    this.change(reason, () => {
      this.health = health;
    });
  }

  /** Failed connections of this process put the server out (or, with `undefined`, it is back). */
  eject(until: Date | undefined): void {
    this.ownEjection = until;
    this.setEjected(until);
  }

  /** Lets this process hold so many connections; `undefined`: as many as the file says. 0 is no limit. */
  limit(connectionsMax: number | undefined): void {
    if (connectionsMax === this.connectionsMax) return;
    this.connectionsMax = connectionsMax;
    this.apply();
  }

  /** Notes that failed connections put the server out, of whichever process (or that it is back). */
  setEjected(until: Date | undefined): void {
    this.change(until ? 'too many failed connections' : 'ejection ended', () => {
      this.ejectedUntilDate = until;
    });
  }

  /** Does as the process says that checks the servers and takes the operator's orders. */
  follow({ health, admin, adminWeight, reason }: ServerOrders): void {
    this.change(reason, () => {
      this.health = health;
      this.admin = admin;
      this.adminWeight = adminWeight;
    });
  }

  /** Follows an operator's order until the next reload that changes the same key. */
  setAdminState(state: AdminState): void {
    this.change(`set to ${state} by the operator`, () => {
      this.admin = state;
    });
  }

  /** @param weight - 0 to 65535. */
  setAdminWeight(weight: number): void {
    this.change(`weight set to ${weight} by the operator`, () => {
      this.adminWeight = weight;
    });
  }

  private change(reason: string, mutate: () => void): void {
    const { state: from, weight } = this;
    mutate();
    this.apply();
    const to = this.state;
    if (from === to && weight === this.weight) return;
    this.lastReason = reason;
    if (from !== to) this.lastChange = new Date();
    this.onChange(this, { from, to, reason });
  }

  private apply(): void {
    this.node.configure(nodeSettings(this.currentConfig, this.weight, this.connectionsMax));
    // Ejection and drain are the node's own; health is what checks and orders say.
    this.node.healthy = this.health === 'up' && this.state !== 'maint';
    if (this.state === 'drain') this.node.drain();
    else this.node.undrain();
  }
}

function nodeSettings(
  config: ServerConfig,
  weight: number,
  connectionsMax: number = config.max_connections,
): NodeSettings {
  return {
    weight,
    priority: config.priority + (config.backup ? BACKUP_PRIORITY : 0),
    zone: config.zone === '' ? undefined : config.zone,
    maxConcurrency: connectionsMax === 0 ? undefined : connectionsMax,
  };
}
