/**
 * What do a poll round, a burst of joins and a lost data centre cost with a thousand servers and fifty
 * thousand meetings? Floor: the meeting lists of all servers, read once without a gateway.
 *
 *     npm run bench:scale -w packages/bbb
 *     npm run bench:scale -w packages/bbb -- 200 5000      # servers, meetings
 *
 * This process plays all servers behind one port, a path for each, and makes the load; the gateway is
 * a process of its own on embedded storage.
 *
 * @module
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { signedQuery } from '@balancer/fake-bbb';
import { Pool } from 'undici';
import type { BenchSetup } from './bench-gateway.ts';

const SECRET = 'bench-secret';
const [SERVER_COUNT = 1000, MEETING_COUNT = 50_000] = process.argv.slice(2).map(Number);
const JOIN_COUNT = 10_000;
const CONNECTIONS = 64;
/** A fifth of the servers stand in one place. */
const LOST_COUNT = Math.floor(SERVER_COUNT / 5);
const REPLACED_COUNT = 500;

/** Servers with a lower number do not answer. */
let lostBelow = 0;
/** Text of `getMeetings` by server. */
const lists = Array.from({ length: SERVER_COUNT }, (_, server) => listOf(server));

const servers = createServer((request, response) => {
  const [, index = '', call = ''] = /^\/(\d+)\/api\/?(\w*)/.exec(request.url ?? '') ?? [];
  if (Number(index) < lostBelow) {
    request.socket.destroy();
    return;
  }
  const body =
    call === 'getMeetings'
      ? lists[Number(index)]!
      : '<response><returncode>SUCCESS</returncode><version>2.0</version></response>';
  response.writeHead(200, { 'content-type': 'text/xml' }).end(body);
});
servers.listen(0, '127.0.0.1');
await once(servers, 'listening');
const { port } = servers.address() as AddressInfo;

process.stdout.write(
  `${cpus().length} x ${cpus()[0]!.model}, Node ${process.versions.node}; ${SERVER_COUNT} servers, ${MEETING_COUNT} meetings\n`,
);
const setup: BenchSetup = {
  secret: SECRET,
  servers: lists.map((_, index) => ({
    url: `http://127.0.0.1:${port}/${index}/api`,
    secret: 'virtual',
  })),
  recordCount: MEETING_COUNT,
};
const file = fileURLToPath(new URL('gateway-process.mjs', import.meta.url));
const gateway = fork(file, [JSON.stringify(setup)], { execArgv: [] });
const [{ publicPort }] = (await once(gateway, 'message')) as [{ publicPort: number }];
const pool = new Pool(`http://127.0.0.1:${publicPort}`, { connections: CONNECTIONS });

try {
  await report('meeting lists, no gateway', async () => {
    for (let index = 0; index < SERVER_COUNT; index++) {
      await (await fetch(`${setup.servers[index]!.url}/getMeetings`)).text();
    }
  });
  const first = await poll();
  tell('poll round', first);
  tell('poll round again', await poll());
  const joins = await burst('join', JOIN_COUNT, (i) => `meetingID=record-${i}&fullName=Ada`, 302);
  tell(`${JOIN_COUNT} joins`, joins);

  lostBelow = LOST_COUNT;
  tell(`a fifth lost, first poll round`, await poll());
  tell(`second: out, records dropped`, await poll());
  const anew = await burst(
    'create',
    REPLACED_COUNT,
    (i) =>
      `name=x&meetingID=record-${(i % LOST_COUNT) + SERVER_COUNT * Math.floor(i / LOST_COUNT)}`,
    200,
  );
  tell(`${REPLACED_COUNT} of their meetings created anew`, anew);
  lostBelow = 0;
  tell('they are back, poll round', await poll());
  const { memoryMiB } = await ask<{ memoryMiB: number }>('usage');
  process.stdout.write(`${'resident memory'.padEnd(42)} ${memoryMiB.toFixed(0).padStart(7)} MiB\n`);
} finally {
  await pool.destroy();
  gateway.send('close');
  await once(gateway, 'exit');
  servers.closeAllConnections();
  servers.close();
}

function listOf(server: number): string {
  const meetings: string[] = [];
  for (let i = server; i < MEETING_COUNT; i += SERVER_COUNT) {
    meetings.push(
      `<meeting><meetingName>Room ${i}</meetingName><meetingID>record-${i}</meetingID><createTime>${Date.now() - 3_600_000}</createTime><attendeePW>a</attendeePW><moderatorPW>m</moderatorPW><running>true</running><participantCount>12</participantCount><listenerCount>2</listenerCount><voiceParticipantCount>10</voiceParticipantCount><videoCount>4</videoCount><moderatorCount>1</moderatorCount><attendees></attendees><metadata></metadata><isBreakout>false</isBreakout></meeting>`,
    );
  }
  return `<response><returncode>SUCCESS</returncode><meetings>${meetings.join('')}</meetings></response>`;
}

async function ask<T>(question: string): Promise<T> {
  gateway.send(question);
  const [answer] = (await once(gateway, 'message')) as [T];
  return answer;
}

async function cpuMs(): Promise<number> {
  const { cpu } = await ask<{ cpu: NodeJS.CpuUsage }>('usage');
  return (cpu.user + cpu.system) / 1000;
}

interface Cost {
  readonly seconds: number;
  /** Of the gateway. */
  readonly cpuSeconds: number;
}

async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const cpuBeforeMs = await cpuMs();
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1000;
  return { seconds, cpuSeconds: ((await cpuMs()) - cpuBeforeMs) / 1000 };
}

async function poll(): Promise<Cost> {
  return costOf(async () => ask('poll'));
}

async function burst(
  call: string,
  count: number,
  queryOf: (i: number) => string,
  status: number,
): Promise<Cost> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const query = signedQuery({ call, query: queryOf(next++ % MEETING_COUNT), secret: SECRET });
      const path = `/bigbluebutton/api/${call}?${query}`;
      const { statusCode, body } = await pool.request({ method: 'GET', path });
      await body.dump();
      if (statusCode !== status) throw new Error(`HTTP ${statusCode} instead of ${status}`);
    }
  };
  return costOf(async () => Promise.all(Array.from({ length: CONNECTIONS }, worker)));
}

async function report(name: string, work: () => Promise<void>): Promise<void> {
  const startMs = performance.now();
  await work();
  tell(name, { seconds: (performance.now() - startMs) / 1000, cpuSeconds: 0 });
}

function tell(name: string, { seconds, cpuSeconds }: Cost): void {
  const cpu = cpuSeconds === 0 ? '' : `${cpuSeconds.toFixed(2).padStart(8)} s CPU`;
  process.stdout.write(`${name.padEnd(42)} ${seconds.toFixed(2).padStart(7)} s ${cpu}\n`);
}
