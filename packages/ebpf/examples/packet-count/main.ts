/**
 * Counts what an interface receives, by protocol, and prints the counters every second:
 *
 *     sudo node --conditions=balancer-source --import tsx examples/packet-count/main.ts eth0 [seconds]
 *
 * The program runs in the kernel for every packet, in the driver where it can; this process only reads
 * the counters. Nothing stays behind when it ends.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { attachXdp, EbpfError, findLink, loadObject, RouteSocket } from '@balancer/ebpf';
import { packetCountLayout, type PacketCount } from '../../bpf/objects/packet-count.types.ts';

const PROTOCOLS = new Map([
  [0, 'not IP'],
  [1, 'ICMP'],
  [6, 'TCP'],
  [17, 'UDP'],
  [58, 'ICMPv6'],
]);

async function main(name: string, seconds: number): Promise<void> {
  const ifindex = interfaceIndex(name);
  const object = readFileSync(new URL('../../bpf/objects/packet-count.o', import.meta.url));
  const loaded = loadObject<PacketCount>(object, { layout: packetCountLayout });
  const attachment = attachXdp({ program: loaded.program('count_packets'), ifindex });
  try {
    console.log(`counting on ${name}`);
    for (let second = 1; second <= seconds; second++) {
      // oxlint-disable-next-line no-await-in-loop -- one report after the other is the point
      await sleep(1000);
      console.log(`${second} s: ${summary(loaded.map('counters').entries())}`);
    }
  } finally {
    attachment.close();
    loaded.close();
  }
}

function interfaceIndex(name: string): number {
  const socket = RouteSocket.open();
  try {
    const link = findLink(socket, name);
    if (link === undefined) throw new Error(`there is no interface ${name}`);
    return link.ifindex;
  } finally {
    socket.close();
  }
}

/** One part for each protocol seen; every counter has one copy per CPU. */
function summary(counters: Iterable<[number, PacketCount['maps']['counters']['value']]>): string {
  const parts: string[] = [];
  for (const [protocol, copies] of counters) {
    const packets = copies.reduce((sum, copy) => sum + copy.packets, 0n);
    const bytes = copies.reduce((sum, copy) => sum + copy.bytes, 0n);
    if (packets === 0n) continue;
    const label = PROTOCOLS.get(protocol) ?? `protocol ${protocol}`;
    parts.push(`${label} ${packets} packets, ${bytes} bytes`);
  }
  return parts.join('; ') || 'nothing yet';
}

const [name, seconds = '10'] = process.argv.slice(2);
if (name === undefined) {
  console.error('usage: packet-count <interface> [seconds]');
  process.exitCode = 2;
} else {
  try {
    await main(name, Number(seconds));
  } catch (error) {
    if (!(error instanceof EbpfError) && !(error instanceof Error)) throw error;
    console.error(`packet-count: ${error.message}`);
    process.exitCode = 1;
  }
}
