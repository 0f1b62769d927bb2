/**
 * A frontend while it runs: its current configuration, the backends it leads to, what it counted.
 * The object lives across reloads; connections keep a reference and so see new timeouts at their
 * next event.
 *
 * @module
 */
import type { Backend } from './backend.ts';
import type { FrontendConfig } from './config/types.ts';
import { FrontendCounters } from './counters.ts';

export class Frontend {
  readonly name: string;
  readonly counters: FrontendCounters = new FrontendCounters();
  /** Addresses that are bound, with the ports that the system chose. Written by the data plane. */
  listening: readonly string[] = [];
  private currentConfig: FrontendConfig;
  private backendsByName: ReadonlyMap<string, Backend>;

  constructor(name: string, config: FrontendConfig, backends: ReadonlyMap<string, Backend>) {
    this.name = name;
    this.currentConfig = config;
    this.backendsByName = backends;
  }

  get config(): FrontendConfig {
    return this.currentConfig;
  }

  /** Where connections go that no SNI rule claims; `undefined` when such connections are refused. */
  get backend(): Backend | undefined {
    return this.backendsByName.get(this.currentConfig.backend);
  }

  /** The backend of an SNI rule. */
  backendNamed(name: string): Backend | undefined {
    return this.backendsByName.get(name);
  }

  /** Every backend that connections of this frontend may reach. */
  get backends(): readonly Backend[] {
    const names = new Set([this.config.backend, ...this.config.sni.map((rule) => rule.backend)]);
    return [...names].flatMap((name) => this.backendsByName.get(name) ?? []);
  }

  update(config: FrontendConfig, backends: ReadonlyMap<string, Backend>): void {
    this.currentConfig = config;
    this.backendsByName = backends;
  }
}
