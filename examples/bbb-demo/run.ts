/**
 * Three BigBlueButton servers (fake ones) behind one address: meetings spread over them, one server
 * dies, and its meetings go on elsewhere as soon as somebody comes back. A recording arrives, and is
 * imported and played. Cleans up after itself.
 *
 *     node --conditions=balancer-source --import tsx examples/bbb-demo/run.ts
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { defaultBbbConfig, Gateway, type MeetingView, runOperation } from '@balancer/bbb';
import { FakeBbb, signedQuery } from '@balancer/fake-bbb';
import { Secret } from '@balancer/kit';

/** What a front-end is configured with, next to the gateway's address. */
const SECRET = 'one-secret-for-all-servers';
/** Where archives arrive, below the data directory. */
const SPOOL = 'recordings/spool';
const MEETINGS = ['algebra', 'biology', 'chemistry', 'drama', 'english', 'french'];

/** Runs the demonstration. @param say - Gets one line at a time. */
export async function runDemo(say: (line: string) => void): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'balancer-bbb-demo-'));
  const servers = await Promise.all(Array.from({ length: 3 }, async () => FakeBbb.start()));
  const gateway = await Gateway.open({
    config: defaultBbbConfig({
      data_dir: directory,
      secrets: [new Secret(SECRET)],
      bind: '127.0.0.1',
      port: 0,
      admin_port: 0,
      // A server that refuses twice in a row is out.
      server_unhealthy_threshold: 2,
      // Refuses: one that only takes its time, as on a busy machine, is not.
      connect_timeout: 60_000,
      response_timeout: 60_000,
      poll_interval: 60_000,
      recordings_import_settle_seconds: 0,
    }),
  });
  try {
    const { publicPort } = await gateway.start();
    const origin = `http://127.0.0.1:${publicPort}`;
    await show(gateway, { servers, api: `${origin}/bigbluebutton/api` }, say);
    await showRecording(
      gateway,
      { server: servers[1]!, spool: join(directory, SPOOL), origin },
      say,
    );
  } finally {
    await gateway.close();
    await Promise.all(servers.map((server) => server.close()));
    await rm(directory, { recursive: true });
  }
}

async function show(
  gateway: Gateway,
  { servers, api }: { readonly servers: readonly FakeBbb[]; readonly api: string },
  say: (line: string) => void,
): Promise<void> {
  for (const [i, { url, secret }] of servers.entries()) {
    await runOperation(gateway, 'servers.add', { id: `bbb${i + 1}`, url, secret, isEnabled: true });
  }
  await runOperation(gateway, 'poll', {});

  say('six meetings over three servers');
  for (const meeting of MEETINGS) await call(api, 'create', `name=${meeting}&meetingID=${meeting}`);
  for (const line of await placements(gateway)) say(line);

  say('bbb1 dies; two polls later it is out');
  await servers[0]!.refuse();
  for (let poll = 0; poll < 2; poll++) await runOperation(gateway, 'poll', {});
  for (const line of await placements(gateway)) say(line);

  say('the front-end opens its rooms again, as it does before every join');
  for (const meeting of MEETINGS) await call(api, 'create', `name=${meeting}&meetingID=${meeting}`);
  for (const line of await placements(gateway)) say(line);

  const joined = await call(api, 'join', 'meetingID=algebra&fullName=Ada&role=VIEWER');
  const client = await fetch(joined.headers.get('location')!, { redirect: 'manual' });
  say(`Ada joins algebra: ${new URL(client.headers.get('location')!).pathname}`);
}

/** A meeting ends, its server delivers the recording, and somebody watches it. */
async function showRecording(
  gateway: Gateway,
  {
    server,
    spool,
    origin,
  }: {
    readonly server: FakeBbb;
    readonly spool: string;
    readonly origin: string;
  },
  say: (line: string) => void,
): Promise<void> {
  const api = `${origin}/bigbluebutton/api`;
  await call(api, 'end', 'meetingID=biology');
  say('biology ends; its recording arrives, and is imported');
  const files = { 'index.html': '<h1>Biology</h1>', 'video-0.m4v': Buffer.alloc(5000, 'v') };
  await server.leaveRecording('biology', spool, {
    formats: [{ type: 'video', durationMs: 45 * 60_000, files }],
  });
  await runOperation(gateway, 'recordings.import', {});
  const list = await (await call(api, 'getRecordings', 'meetingID=biology')).text();
  const [, type, url = '', minutes] =
    /<type>(.*?)<\/type><url>(.*?)<\/url><length>(.*?)<\/length>/.exec(list) ?? [];
  say(`  getRecordings: ${type}, ${minutes} minutes`);
  const page = await (await fetch(url)).text();
  const part = await fetch(new URL('video-0.m4v', url), { headers: { range: 'bytes=0-99' } });
  say(`  played: ${page}, ${part.headers.get('content-range')} with status ${part.status}`);
}

/** `bbb1: algebra drama`, one line per server that has meetings. */
async function placements(gateway: Gateway): Promise<string[]> {
  const meetings = (await runOperation(gateway, 'meetings.list', {})) as MeetingView[];
  const servers = [...new Set(meetings.map((meeting) => meeting.server_id))].toSorted();
  return servers.map((server) => {
    const own = meetings.filter((meeting) => meeting.server_id === server);
    return `  ${server}: ${own.map((meeting) => meeting.meeting_id).join(' ')}`;
  });
}

/** One call as a front-end makes it. */
async function call(api: string, name: string, query: string): Promise<Response> {
  const signed = signedQuery({ call: name, query, secret: SECRET });
  return fetch(`${api}/${name}?${signed}`, { redirect: 'manual' });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  await runDemo((line) => process.stdout.write(`${line}\n`));
}
