/**
 * A client with connections that stay open and ask at a steady pace, whatever comes back: what others on the
 * machine take away is then seen as answers that are missing or late, and not as fewer requests. Beside them it
 * opens new connections, each for one request.
 *
 *     node paced-client.ts <host> <port> <connections> <requests/s> <new connections/s> <seconds>
 *
 * Says `ready` when all connections are open, begins when it is sent a line, and prints one line of JSON:
 * `{ "asked": n, "answered": n, "p99Ms": n, "opened": n, "openedAnswered": n }`.
 *
 * @module
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const [host, ...numbers] = process.argv.slice(2);
const [port, connections, perSecond, newPerSecond, seconds] = numbers.map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const REQUEST = `GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
const TICK_MS = 5;
/** How long answers may take once nothing more is asked. */
const REST_MS = 500;

/** A connection with the times at which it asked what is not answered yet. */
interface Line {
  readonly socket: Socket;
  readonly asked: number[];
}

const waits: number[] = [];
const lines: Line[] = [];
const opened: Socket[] = [];
let openedAnswered = 0;

/** A connection for one request. */
function open(): void {
  const socket = connect(port, host, () => socket.write(REQUEST));
  socket.on('error', () => {});
  socket.once('data', () => {
    openedAnswered++;
    socket.destroy();
  });
  opened.push(socket);
}

for (let i = 0; i < connections; i++) {
  const socket = connect(port, host);
  const asked: number[] = [];
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const now = performance.now();
    // An answer is short: it comes in one piece, and several may come together.
    for (let at = chunk.indexOf('HTTP/1.1'); at !== -1; at = chunk.indexOf('HTTP/1.1', at + 1)) {
      waits.push(now - asked.shift()!);
    }
  });
  // oxlint-disable-next-line no-await-in-loop -- before the flood there is time
  await once(socket, 'connect');
  lines.push({ socket, asked });
}
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const start = performance.now();
let asked = 0;
for (let now = start; now < start + seconds * 1000; now = performance.now()) {
  const due = ((now - start) / 1000) * perSecond;
  for (; asked < due; asked++) {
    const line = lines[asked % connections]!;
    line.asked.push(performance.now());
    line.socket.write(REQUEST);
  }
  while (opened.length < ((now - start) / 1000) * newPerSecond) open();
  // oxlint-disable-next-line no-await-in-loop -- the pace
  await setTimeout(TICK_MS);
}
await setTimeout(REST_MS);
for (const socket of [...opened, ...lines.map((line) => line.socket)]) socket.destroy();
waits.sort((a, b) => a - b);
const p99Ms = waits[Math.floor(waits.length * 0.99)] ?? Number.POSITIVE_INFINITY;
const outcome = { asked, answered: waits.length, p99Ms, opened: opened.length, openedAnswered };
process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
