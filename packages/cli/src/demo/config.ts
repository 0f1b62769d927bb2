/**
 * The demonstration's configuration file, written to be edited.
 *
 * @module
 */

export interface DemoPorts {
  readonly port: number;
  readonly statsPort: number;
  /** Ports of the servers, in order. */
  readonly servers: readonly number[];
}

/** What the buttons of the demonstration's statistics page ask for. */
export const DEMO_TOKEN = 'demo';

/** Names of the demonstration's servers. */
export const DEMO_SERVERS = ['one', 'two', 'three'] as const;

export type DemoServerName = (typeof DEMO_SERVERS)[number];

/** TOML for three servers, of which the first gets half of the connections. */
export function demoConfig({ port, statsPort, servers }: DemoPorts): string {
  return `# The configuration that "balancer demo" is running. Change it and save: it is
# read again at once, and no connection is lost. A mistake changes nothing and is
# reported with its line and column; try weight = -1.

[frontends.web]
listen_addr = "127.0.0.1:${port}"
backend = "servers"

[backends.servers]
balance = "roundrobin"         # also: leastconn, random, p2c, source, first, ring, ...
health_check_interval = 1      # seconds

[backends.servers.health]
type = "tcp"
rise = 1                       # checks to come back
fall = 2                       # checks to be taken out
fast_interval = "200ms"

${DEMO_SERVERS.map((name, index) => serverTable(name, servers[index]!, index === 0 ? 2 : 1)).join('\n')}
[stats]
listen_addr = "127.0.0.1:${statsPort}"
token = "${DEMO_TOKEN}"                # what drain, maint and kill on the page ask for
`;
}

function serverTable(name: DemoServerName, port: number, weight: number): string {
  const comment = weight === 2 ? '                     # twice the share of the others' : '';
  return `[backends.servers.servers.${name}]
addr = "127.0.0.1:${port}"
weight = ${weight}${comment}
`;
}
