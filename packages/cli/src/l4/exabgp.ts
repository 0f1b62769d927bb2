/**
 * The lines by which a process tells ExaBGP what to announce.
 *
 * Source: ExaBGP's text API, `announce route` and `withdraw route`.
 *
 * @module
 */
export interface RouteAttributes {
  /** `self` for the address of the session. */
  readonly nextHop: string;
  /** Such as `65000:80`. */
  readonly community: string | undefined;
}

export class ExabgpRoutes {
  readonly #attributes: RouteAttributes;
  #announced: ReadonlySet<string> = new Set();

  constructor(attributes: RouteAttributes) {
    this.#attributes = attributes;
  }

  /** The lines that make these addresses, and no others, announced; empty when they are. */
  follow(addresses: readonly string[]): string {
    const wanted = new Set(addresses);
    const gone = [...this.#announced].filter((address) => !wanted.has(address));
    const fresh = [...wanted].filter((address) => !this.#announced.has(address));
    this.#announced = wanted;
    const lines = [
      ...gone.map((address) => `withdraw route ${this.#route(address)}`),
      ...fresh.map((address) => `announce route ${this.#route(address)}`),
    ];
    return lines.map((line) => `${line}\n`).join('');
  }

  #route(address: string): string {
    const { nextHop, community } = this.#attributes;
    const length = address.includes(':') ? 128 : 32;
    const tail = community === undefined ? '' : ` community [${community}]`;
    return `${address}/${length} next-hop ${nextHop}${tail}`;
  }
}
