/**
 * One command, one network: a client, a balancer and three servers in network namespaces of this machine.
 * Runs each mode with real requests, shows what the balancer counted, and leaves nothing behind.
 *
 *     npm run example:l4        (as root)
 */
import { fileURLToPath } from 'node:url';
import { Lab } from './lab.ts';
import { ADDRESSES, type Mode, serverAddress } from './network.ts';

const REQUESTS = 9;

/** What each mode does, and what its frontend says beside the mode. */
const MODES: Readonly<Record<Mode, { readonly what: string; readonly more: string }>> = {
  fnat: {
    what: 'full NAT: servers see an address of the balancer, and need no set-up',
    more: `l4 = { local_addresses = ["${ADDRESSES.local[4]}"] }\n`,
  },
  nat: { what: 'NAT: servers see the client, and reply through the balancer', more: '' },
  dr: { what: 'direct routing: servers see the client, and reply past the balancer', more: '' },
  tunnel: { what: 'IPIP tunnel: like direct routing, for servers in other networks', more: '' },
};

/** Runs one mode and returns what there is to say about it. */
export async function runMode(mode: Mode): Promise<string> {
  const lab = new Lab();
  try {
    lab.network.prepareServers(mode);
    await lab.startServers([80]);
    if (mode === 'tunnel') await endTunnels(lab);
    lab.configure(configuration(mode, lab));
    await lab.startBalancer();
    const { failed, servers, clients } = await lab.request({ count: REQUESTS });
    const counters = await lab.ipvsadm(['-Ln', '--stats']);
    const answers = Object.entries(servers).map(([name, count]) => `${name} ${count}`);
    return [
      `${mode} (${MODES[mode].what})`,
      `${REQUESTS} requests, ${failed} failed; answers: ${answers.toSorted().join(', ')}`,
      `the servers saw ${Object.keys(clients).join(', ')}`,
      counters.stdout,
    ].join('\n');
  } finally {
    await lab.close();
  }
}

function configuration(mode: Mode, lab: Lab): string {
  return `${lab.settings()}
[frontends.web]
listen_addr = "${ADDRESSES.service[4]}:80"
mode = "${mode}"
backend = "web"
${MODES[mode].more}
${lab.backend('web', 4, 80)}`;
}

/** Servers take off the outer headers. */
async function endTunnels(lab: Lab): Promise<void> {
  await Promise.all(
    lab.network.servers.map((server, index) =>
      lab.commandIn(
        server,
        'l4',
        'decap',
        '--interface',
        'eth0',
        '--address',
        serverAddress(index + 1, 4),
        '--pin-path',
        `${lab.pinPath}-${index}`,
      ),
    ),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.getuid?.() !== 0) {
    console.error('needs root: network namespaces and eBPF programs are made by root only');
    process.exitCode = 1;
  } else {
    for (const mode of ['fnat', 'nat', 'dr', 'tunnel'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one mode after the other
      console.log(await runMode(mode));
    }
  }
}
