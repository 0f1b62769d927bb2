/** Datagrams in fragments through `balancer run`, in modes whose replies go round it and in full NAT. */
import { expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES, type Family, serverAddress } from '../../../../examples/l4-netns/network.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const FAMILIES: readonly Family[] = [4, 6];
const PORTS = { fnat: 8080, dr: 8081, tunnel: 8082 } as const;
const BYTES = 4000;
const COUNT = 5;

/** Sends datagrams one after the other, each when the one before has come back whole. */
const CLIENT = `
  const [host, port, size, count] = process.argv.slice(1);
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const content = 'x'.repeat(Number(size));
  let echoed = 0;
  const send = () => socket.send(content, Number(port), host);
  setTimeout(() => { console.log(echoed + ' echoed'); process.exit(1); }, 60000);
  socket.on('message', (message) => {
    if (!message.toString().endsWith(' ' + content)) { console.log('another content'); process.exit(1); }
    if (++echoed < Number(count)) return send();
    console.log(echoed + ' echoed');
    process.exit();
  });
  send();
`;

test.skipIf(NO_ROOT !== '')(
  `datagrams of ${BYTES} bytes come back by full NAT, direct routing and a tunnel${NO_ROOT}`,
  async () => {
    await using lab = new Lab();
    const modes = Object.keys(PORTS) as (keyof typeof PORTS)[];
    for (const mode of modes) lab.network.prepareServers(mode);
    await lab.startServers(Object.values(PORTS).map(Number));
    const addresses = FAMILIES.map((family) => serverAddress(1, family));
    const own = [
      '--interface',
      'eth0',
      '--address',
      ...addresses,
      '--pin-path',
      `${lab.pinPath}-1`,
    ];
    const decap = await lab.commandIn(lab.network.servers[0]!, 'l4', 'decap', ...own);
    expect([decap.code, decap.stderr]).toEqual([0, '']);
    await replyInSmallPieces(lab);
    lab.configure(lab.settings() + modes.map((mode) => tables(mode, lab)).join(''));
    await lab.startBalancer();
    for (const mode of modes) {
      for (const family of FAMILIES) {
        const numbers = [PORTS[mode], BYTES, COUNT].map(String);
        const args = ['-e', CLIENT, ADDRESSES.service[family], ...numbers];
        // oxlint-disable-next-line no-await-in-loop -- one after the other, to tell them apart
        const { stdout } = await lab.runIn(lab.network.client, args);
        expect([mode, family, stdout]).toEqual([mode, family, `${COUNT} echoed\n`]);
      }
    }
    expect((await lab.document()).drops['frag_miss']).toBeUndefined();
  },
  120_000,
);

/** The client's link takes 1,400 bytes, so that outer headers fit: the first server cuts its replies for that. */
async function replyInSmallPieces(lab: Lab): Promise<void> {
  for (const family of FAMILIES) {
    const ways = [
      ['default', 'via', ADDRESSES.router[family]],
      family === 4 ? ['10.0.0.0/24'] : [`${ADDRESSES.local[6]}/128`, 'via', ADDRESSES.balancer[6]],
    ];
    for (const way of ways) {
      const route = ['route', 'replace', ...way, 'dev', 'eth0', 'mtu', 'lock', '1300'];
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await lab.program(lab.network.servers[0]!, 'ip', `-${family}`, ...route);
    }
  }
}

/** Frontends of both families to the first server. */
function tables(mode: keyof typeof PORTS, lab: Lab): string {
  const port = PORTS[mode];
  return FAMILIES.map((family) => {
    const address = ADDRESSES.service[family];
    const listen = family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
    const name = `${mode}${family}`;
    return `[frontends.${name}]
listen_addr = "${listen}"
protocol = "udp"
mode = "${mode}"
backend = "${name}"
${mode === 'fnat' ? `l4 = { local_addresses = ["${ADDRESSES.local[family]}"] }\n` : ''}${lab.backend(name, family, port, [1])}`;
  }).join('');
}
