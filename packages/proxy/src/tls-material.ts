/**
 * Everything that needs certificates: who ends the TLS sessions of each frontend, who speaks TLS to
 * the servers of each backend. Made anew for every configuration, taking over what did not change,
 * so that session tickets stay good.
 *
 * @module
 */
import type { Logger } from '@balancer/kit';
import type { DesiredConfig } from '@balancer/lb';
import { TlsClient } from './tls-client.ts';
import { TlsTerminator } from './tls-terminator.ts';

/** Something made from a configuration, with that configuration as text. */
interface Made<T> {
  readonly from: string;
  readonly value: T;
}

export class TlsMaterial {
  private readonly terminators: ReadonlyMap<string, Made<TlsTerminator>>;
  private readonly clients: ReadonlyMap<string, Made<TlsClient>>;

  private readonly ticketKeys: Buffer | undefined;

  private constructor(
    terminators: ReadonlyMap<string, Made<TlsTerminator>>,
    clients: ReadonlyMap<string, Made<TlsClient>>,
    ticketKeys: Buffer | undefined,
  ) {
    this.terminators = terminators;
    this.clients = clients;
    this.ticketKeys = ticketKeys;
  }

  /** @param ticketKeys - Of all processes that resume each other's sessions; absent: own ones. */
  static empty(ticketKeys?: Buffer): TlsMaterial {
    return new TlsMaterial(new Map(), new Map(), ticketKeys);
  }

  /** @throws {Error} A file cannot be read, or a key does not match its certificate. */
  next({ frontends, backends }: DesiredConfig, logger: Logger): TlsMaterial {
    const { ticketKeys } = this;
    return new TlsMaterial(
      remake(this.terminators, frontends, (tls) => new TlsTerminator(tls, { logger, ticketKeys })),
      remake(this.clients, backends, (tls) => new TlsClient(tls)),
      ticketKeys,
    );
  }

  /** `undefined` for frontends without TLS. */
  terminatorOf(frontend: string): TlsTerminator | undefined {
    return this.terminators.get(frontend)?.value;
  }

  /** `undefined` for backends whose servers speak in the clear. */
  clientOf(backend: string): TlsClient | undefined {
    return this.clients.get(backend)?.value;
  }
}

function remake<C, T>(
  former: ReadonlyMap<string, Made<T>>,
  configs: ReadonlyMap<string, { readonly tls?: C }>,
  make: (config: C) => T,
): ReadonlyMap<string, Made<T>> {
  const made = new Map<string, Made<T>>();
  for (const [name, { tls }] of configs) {
    if (tls === undefined) continue;
    const from = JSON.stringify(tls);
    const known = former.get(name);
    made.set(name, known?.from === from ? known : { from, value: make(tls) });
  }
  return made;
}
