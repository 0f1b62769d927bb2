/**
 * A process that offers packets to a loaded program, pinned to one CPU, for a number of seconds; several of
 * them do so at the same time, which threads of one process would not. Prints when it offered how many each time, in
 * milliseconds of the clock that does not go backwards.
 *
 * Arguments: id of the program, index of the interface, CPU, seconds, frame as hexadecimal digits, `fresh` to
 * give each packet a port of its own. Begins when a line comes in, so that all begin together.
 */
import { once } from 'node:events';
import { Program, runOnCpu, xdpContext } from '@balancer/ebpf';

const [id, ifindex, cpu, seconds, digits = '', kind] = process.argv.slice(2);
const frame = Uint8Array.from(Buffer.from(digits, 'hex'));
const context = xdpContext({ dataBytes: frame.length, ifindex: Number(ifindex) });
const program = Program.fromId(Number(id));
/** Behind an Ethernet header and an IPv4 header without options. */
const SOURCE_PORT_AT = 34;
const PORTS = 60_000;
/** Packets between two looks at the clock. */
const BATCH = 4;

process.stdout.write('ready\n');
await once(process.stdin, 'data');
runOnCpu(() => {
  const view = new DataView(frame.buffer);
  const timesMs: number[] = [];
  let sent = 0;
  for (let nowMs = clockMs(), endMs = nowMs + Number(seconds) * 1000; nowMs < endMs;) {
    timesMs.push(nowMs);
    for (let i = 0; i < BATCH; i++) {
      // Each CPU has half of the ports, so that no two processes open the same flow.
      const port = 1024 + ((sent * 2 + Number(cpu)) % PORTS);
      if (kind === 'fresh') view.setUint16(SOURCE_PORT_AT, port);
      program.testRun({ data: frame, context });
      sent++;
    }
    nowMs = clockMs();
  }
  // More than a pipe takes at once: it has to be out before the process may end.
  process.stdout.write(`${JSON.stringify({ timesMs, batch: BATCH })}\n`, () => process.exit());
}, Number(cpu));
program.close();

function clockMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
