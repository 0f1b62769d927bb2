/**
 * Runs the side-by-side configurations of the migration guides, one after the other before the same
 * servers, and expects both programs to treat clients alike.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  commandPath,
  NGINX_STREAM_MODULE,
  skipReason,
} from '../../../../scripts/system-requirements.ts';
import {
  AFTER_END,
  type Pair,
  pairsOf,
  type Peer,
  runBalancer,
  runPeer,
  settle,
  startWorld,
  type World,
} from './pairs.ts';
import { freePort } from '@balancer/kit';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    // oxlint-disable-next-line no-await-in-loop -- in reverse order of creation
    await cleanup();
  }
});

/** What a section of a guide promises, tried on whoever listens on the port. */
type Behaviour = (port: number, world: World) => Promise<void>;

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'Servers with weights': async (port, { servers }) => {
    expect(countOf(await inTurn(30, () => nameAt(port)))).toEqual({ 1: 20, 2: 10 });
    expect(await ask(port, { text: AFTER_END })).toMatch(/^[12] after-end$/);
    await servers[0]!.stop();
    await until(async () => (await nameAt(port)) === '2' && (await nameAt(port)) === '2');
    await servers[1]!.stop();
    await until(async () => (await nameAt(port)) === '3');
  },
  'The same client': async (port) => {
    const clients = Array.from({ length: 30 }, (_, i) => `127.0.1.${i + 1}`);
    const rounds = await inTurn(2, () =>
      Promise.all(clients.map((localAddress) => nameAt(port, { localAddress }))),
    );
    expect(rounds[1]).toEqual(rounds[0]);
    expect(Object.keys(countOf(rounds[0]!))).toEqual(['1', '2', '3']);
  },
  'Access lists': async (port) => {
    expect(await nameAt(port)).toBe('1');
    expect(await nameAt(port, { localAddress: '127.0.0.9' })).toBe('');
    let held: Socket[] = [];
    // Who has left counts until it is noticed, so the first attempts may find no room.
    await until(async () => {
      for (const socket of held) socket.destroy();
      held = [await hold(port), await hold(port)];
      return (await nameAt(port)) === '' && held.every((socket) => !socket.closed);
    });
    expect(await nameAt(port, { localAddress: '127.0.0.10' })).toBe('1');
    held[0]!.destroy();
    await until(async () => (await nameAt(port)) === '1');
  },
  'Routing by the name': async (port) => {
    const names = ['db.example.com', 'a.pg.example.com', 'other.example.com'];
    const answers = await inTurn(3, (i) => ask(port, { text: clientHello(names[i]!) }));
    expect(answers.map((answer) => answer.charAt(0))).toEqual(['1', '2', '3']);
    expect(answers[1]!.slice(2)).toBe(clientHello(names[1]!));
  },
  "The client's address": async (port) => {
    expect(await ask(port, { text: 'hello', localAddress: '127.0.0.5' })).toMatch(
      /^1 PROXY TCP4 127\.0\.0\.5 127\.0\.0\.1 \d+ \d+\r\n/,
    );
  },
  UDP: async (port, { servers }) => {
    const echo = createSocket('udp4');
    cleanups.push(() => echo.close());
    echo.on('message', (bytes, from) =>
      echo.send(`echo ${String(bytes)}`, from.port, from.address),
    );
    echo.bind(servers[0]!.port, '127.0.0.1');
    await once(echo, 'listening');
    const client = createSocket('udp4');
    cleanups.push(() => client.close());
    const answer = once(client, 'message');
    // The listener may open a moment after the program has started.
    const timer = setInterval(() => client.send('ping', port, '127.0.0.1'), 100);
    cleanups.push(() => clearInterval(timer));
    expect(String((await answer)[0])).toBe('echo ping');
  },
};

const PEERS: readonly (readonly [peer: Peer, needed: string])[] = [
  ['nginx', NGINX_STREAM_MODULE],
  ['haproxy', 'haproxy'],
];

describe.each(PEERS)('the guide from %s', (peer, needed) => {
  const isMissing = commandPath(peer) === undefined || commandPath(needed) === undefined;
  const pairs = pairsOf(peer);

  test('has a pair for every promise', () => {
    const known = Object.keys(BEHAVIOURS).filter((title) => peer === 'nginx' || title !== 'UDP');
    expect(pairs.map(behaviourTitle)).toEqual(known);
  });

  test.each(pairs)('$title: Balancer does it', async (pair) => {
    const run: Run = (world, port) => runBalancer(settle(pair.toml, world, port));
    await expect(tryOn(pair, run)).resolves.toBe(pair);
  });

  test.skipIf(isMissing).each(pairs)(
    `$title: ${peer} does it${skipReason(needed)}`,
    async (pair) => {
      const run: Run = (world, port) => runPeer(peer, settle(pair.peer, world, port), port);
      await expect(tryOn(pair, run)).resolves.toBe(pair);
    },
  );
});

type Run = (world: World, port: number) => Promise<{ readonly stop: () => Promise<unknown> }>;

/** Expects what the section promises of the program that `run` starts. @returns The pair. */
async function tryOn(pair: Pair, run: Run): Promise<Pair> {
  const world = await startWorld();
  cleanups.push(world.stop);
  const port = await freePort();
  const running = await run(world, port);
  cleanups.push(running.stop);
  await BEHAVIOURS[behaviourTitle(pair)]!(port, world);
  return pair;
}

function behaviourTitle({ title }: Pair): string {
  return Object.keys(BEHAVIOURS).find((start) => title.startsWith(start)) ?? title;
}

interface Question {
  readonly text?: string;
  readonly localAddress?: string;
}

/** Asks over a connection of its own. @returns The answer; empty when there was none. */
function ask(port: number, { text = 'x', localAddress }: Question = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ...(localAddress && { localAddress }) });
    let answer = '';
    socket.on('connect', () => {
      if (text === AFTER_END) socket.end(text);
      else socket.write(text, 'latin1');
    });
    socket.on('data', (bytes) => (answer += bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

/** Name of the server that answers. */
async function nameAt(port: number, question: Question = {}): Promise<string> {
  return (await ask(port, question)).charAt(0);
}

/** A connection that says nothing and stays, unless it is refused. */
async function hold(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  cleanups.push(() => socket.destroy());
  socket.on('error', () => {}).resume();
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
  return socket;
}

async function inTurn<T>(count: number, action: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
  for (let i = 0; i < count; i++) results.push(await action(i));
  return results;
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Waits for what a health check or the end of a connection brings about. */
async function until(isThere: () => Promise<boolean>): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- one look after the other
  while (!(await isThere())) await setTimeout(20);
}

/** The smallest ClientHello of TLS 1.2 that carries a server name (RFC 5246, RFC 6066), as latin1. */
function clientHello(name: string): string {
  const u16 = (value: number): string => String.fromCharCode(value >> 8, value & 0xff);
  const entry = `\0${u16(name.length)}${name}`;
  const list = u16(entry.length) + entry;
  const extensions = `\0\0${u16(list.length)}${list}`;
  const body = `\x03\x03${'r'.repeat(32)}\0\0\x02\x13\x01\x01\0${u16(extensions.length)}${extensions}`;
  const handshake = `\x01\0${u16(body.length)}${body}`;
  return `\x16\x03\x01${u16(handshake.length)}${handshake}`;
}
