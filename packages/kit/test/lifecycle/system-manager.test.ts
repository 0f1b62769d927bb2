import { readFile } from 'node:fs/promises';
import { createSocket } from 'node:dgram';
import { createServer, type ListenOptions, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createNotifier, inheritedSockets, NotifyError } from '../../src/index.ts';
import { describeSocket } from '../../src/lifecycle/listen-fds.ts';
import { temporaryDirectory, writeProgram } from '../temporary.ts';

describe('createNotifier', () => {
  test('sends its messages in order through systemd-notify', async () => {
    const directory = await temporaryDirectory();
    // Stands in for systemd's program: writes down what it would send, and where to.
    const program = join(directory, 'systemd-notify');
    writeProgram(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${directory}/sent\n`);
    const notifier = createNotifier({
      environment: { NOTIFY_SOCKET: '/run/notify', PATH: `${directory}:/usr/bin:/bin` },
    });
    notifier.ready('2 rooms');
    notifier.reloading();
    notifier.stopping();
    await notifier.settled();
    const sent = (await readFile(join(directory, 'sent'), 'utf8')).trim().split('\n');
    expect(sent).toEqual([
      `/run/notify READY=1 MAINPID=${process.pid} STATUS=2 rooms`,
      expect.stringMatching(/^\/run\/notify RELOADING=1 MONOTONIC_USEC=\d+$/),
      '/run/notify STOPPING=1',
    ]);
  });

  test('says once that the program is missing, and how to mend it', async () => {
    const errors: Error[] = [];
    const notifier = createNotifier({
      environment: { NOTIFY_SOCKET: '/run/notify', PATH: '/no/such/directory' },
      onError: (error) => void errors.push(error),
    });
    notifier.ready();
    notifier.stopping();
    await notifier.settled();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(NotifyError);
    expect(errors[0]?.message).toContain('install systemd-notify, or use Type=exec in the unit');
  });

  test('does nothing without NOTIFY_SOCKET', async () => {
    const notifier = createNotifier({ environment: {} });
    notifier.ready();
    expect(await notifier.settled()).toBeUndefined();
  });
});

describe('inheritedSockets', () => {
  test.each([
    [{}, 0],
    [{ LISTEN_FDS: '2', LISTEN_PID: '1' }, 0],
    [{ LISTEN_FDS: 'x' }, 0],
    [{ LISTEN_FDS: '-1' }, 0],
    [{ LISTEN_FDS: '999999999' }, 0],
    [{ LISTEN_FDS: '2' }, 2],
    [{ LISTEN_FDS: '1', LISTEN_PID: String(process.pid) }, 1],
  ])('%j hands over %d', (environment, count) => {
    expect(inheritedSockets({ environment })).toHaveLength(count);
  });

  test('numbers descriptors from 3 and names them', () => {
    const environment = { LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:dns' };
    expect(inheritedSockets({ environment })).toMatchObject([
      { fd: 3, name: 'web' },
      { fd: 4, name: 'dns' },
    ]);
  });
});

describe('describeSocket', () => {
  /** The descriptor below a listening server; no public name for it exists. */
  function fdOf(handleOwner: unknown): number {
    const handle: unknown = Reflect.get(Object(handleOwner), '_handle');
    return Number(Reflect.get(Object(handle), 'fd'));
  }

  async function listening(options: ListenOptions): Promise<Server> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.once('listening', resolve);
      server.listen(options);
    });
    onTestFinished(() => void server.close());
    return server;
  }

  test.each([['127.0.0.1'], ['::1'], ['::'], ['0.0.0.0']])(
    'tells a TCP socket on %s',
    async (host) => {
      const server = await listening({ host, port: 0 });
      const { port } = Object(server.address()) as { port: number };
      expect(describeSocket(fdOf(server))).toEqual({
        transport: 'tcp',
        address: { kind: 'inet', host, port },
      });
    },
  );

  test('tells a unix socket', async () => {
    const path = join(await temporaryDirectory(), 's');
    const server = await listening({ path });
    expect(describeSocket(fdOf(server))).toEqual({
      transport: 'unix',
      address: { kind: 'unix', path },
    });
  });

  test('tells a UDP socket', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
    onTestFinished(() => void socket.close());
    const state: unknown = Object.getOwnPropertySymbols(socket)
      .map((symbol) => Reflect.get(socket, symbol) as unknown)
      .find((value) => typeof value === 'object' && value !== null && 'handle' in value);
    const fd = Number(Reflect.get(Object(Reflect.get(Object(state), 'handle')), 'fd'));
    expect(describeSocket(fd)).toEqual({
      transport: 'udp',
      address: { kind: 'inet', host: '127.0.0.1', port: socket.address().port },
    });
  });

  test('says nothing of a descriptor that is no socket', () => {
    expect(describeSocket(1_000_000)).toEqual({ transport: null, address: null });
  });
});
