import { once } from 'node:events';
import { Writable } from 'node:stream';
import { Balancer, ConfigError, Node, NoNodeError, policies } from '@balancer/select';
import { undiciDispatcher } from '@balancer/select/undici';
import { Dispatcher as Dispatcher6, Pool as Pool6 } from 'undici6';
import { Dispatcher, Pool } from 'undici';
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest';
import { echo, startServer, type Seen } from './http-servers.ts';
import { countsOf, eventually, gate, SLOW } from './support.ts';
import { SKIPPED_UNDICI, UNDICI_VERSIONS } from './undici-versions.ts';

function balancerOf(origins: readonly string[], policy = policies.roundRobin()): Balancer {
  const balancer = new Balancer({ policy, nodes: origins.map((origin) => new Node(origin)) });
  onTestFinished(() => balancer.destroy());
  return balancer;
}

describe.each(UNDICI_VERSIONS)('undiciDispatcher with %s', SLOW, (_name, undici) => {
  type Options = Partial<Parameters<typeof undiciDispatcher<Dispatcher, Node>>[1]>;

  function dispatcherOf(balancer: Balancer, options: Options = {}): Dispatcher {
    const dispatcher = undiciDispatcher(balancer, {
      Dispatcher: undici.Dispatcher,
      factory: (origin) => new undici.Pool(origin),
      ...options,
    });
    onTestFinished(() => dispatcher.destroy());
    return dispatcher;
  }

  const get = { method: 'GET', path: '/' } as const;

  test('makes an instance of the class Dispatcher of that version', async () => {
    const { origin } = await startServer(echo);
    const balancer = balancerOf([origin]);
    expect(dispatcherOf(balancer)).toBeInstanceOf(undici.Dispatcher);
    const found = undiciDispatcher(balancer, { factory: (url) => new undici.Pool(url) });
    expect(found).toBeInstanceOf(undici.Dispatcher);
    await found.close();
  });

  test('sends requests to the picked nodes with nothing but the origin replaced', async () => {
    const servers = await Promise.all([startServer(echo), startServer(echo)]);
    const dispatcher = dispatcherOf(balancerOf(servers.map(({ origin }) => origin)));
    for (let i = 0; i < 4; i++) {
      const { body } = await dispatcher.request({
        origin: 'http://elsewhere.invalid',
        path: '/a?b=c',
        method: 'POST',
        headers: { 'x-color': 'red' },
        body: 'paint',
      });
      const seen = (await body.json()) as Seen;
      expect(seen).toMatchObject({ url: '/a?b=c', method: 'POST', body: 'paint' });
      expect(seen.headers).toMatchObject({ 'x-color': 'red' });
    }
    expect(servers.map(({ requestCount }) => requestCount)).toEqual([2, 2]);
  });

  test('serves fetch of that version', async () => {
    const { origin } = await startServer(echo);
    const balancer = balancerOf([origin]);
    const dispatcher = dispatcherOf(balancer);
    const response = await undici.fetch('http://any.invalid/x', { dispatcher });
    expect(((await response.json()) as Seen).url).toBe('/x');
    await eventually(() => expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]));
  });

  test('can be composed with interceptors', async () => {
    const { origin } = await startServer(echo);
    const balancer = balancerOf([origin]);
    const composed = dispatcherOf(balancer).compose((dispatch) => (options, handler) => {
      return dispatch({ ...options, headers: { 'x-color': 'red' } }, handler);
    });
    const { body } = await composed.request({ ...get, origin: 'http://elsewhere.invalid' });
    expect(((await body.json()) as Seen).headers).toMatchObject({ 'x-color': 'red' });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test('streams an answer into what its caller writes to', async () => {
    const { origin } = await startServer((_request, response) => void response.end('abc'));
    const balancer = balancerOf([origin]);
    const chunks: Buffer[] = [];
    await dispatcherOf(balancer).stream(
      { ...get, opaque: null },
      () =>
        new Writable({
          write(chunk: Buffer, _encoding, written) {
            chunks.push(chunk);
            written();
          },
        }),
    );
    expect(Buffer.concat(chunks).toString()).toBe('abc');
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test('hands on an answer as slowly as its reader reads', async () => {
    const size = 4 * 1024 * 1024;
    const { origin } = await startServer((_request, response) => {
      response.end(Buffer.alloc(size));
    });
    const balancer = balancerOf([origin]);
    const { body } = await dispatcherOf(balancer).request(get);
    await once(body, 'readable');
    // Far more than the buffers of both sides hold, so the job cannot be over before it is read.
    expect(countsOf(balancer.nodes[0])).toEqual([1, 0, 0]);
    expect((await body.arrayBuffer()).byteLength).toBe(size);
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test('ends the job when the dispatcher of a node cannot be made', async () => {
    const balancer = balancerOf(['http://127.0.0.1:1']);
    const dispatcher = dispatcherOf(balancer, {
      factory: () => {
        throw new Error('no dispatcher today');
      },
    });
    await expect(dispatcher.request(get)).rejects.toThrow('no dispatcher today');
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('counts a job until the answer has ended', async () => {
    const rest = gate();
    const { origin } = await startServer((_request, response) => {
      response.write('first ');
      void rest.opened.then(() => response.end('last'));
    });
    const balancer = balancerOf([origin]);
    const { body } = await dispatcherOf(balancer).request(get);
    expect(countsOf(balancer.nodes[0])).toEqual([1, 0, 0]);
    rest.open();
    expect(await body.text()).toBe('first last');
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test.each([
    ['5xx', 503, [0, 0, 1]],
    ['5xx', 404, [0, 1, 0]],
    ['network', 503, [0, 1, 0]],
  ] as const)('with failOn "%s" counts %i as %j', async (failOn, status, counts) => {
    const { origin } = await startServer((_request, response) => {
      response.statusCode = status;
      response.end('sorry');
    });
    const balancer = balancerOf([origin]);
    const { body } = await dispatcherOf(balancer, { failOn }).request(get);
    await body.text();
    expect(countsOf(balancer.nodes[0])).toEqual(counts);
  });

  test('counts an answer that breaks off as a failure', async () => {
    const { origin } = await startServer((request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => request.socket.destroy());
    });
    const balancer = balancerOf([origin]);
    const { body } = await dispatcherOf(balancer, { retries: 1 }).request(get);
    await expect(body.text()).rejects.toThrow(/other side closed|terminated/);
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test('counts an abort before the answer as neither', async () => {
    const controller = new AbortController();
    const { origin } = await startServer(() => controller.abort());
    const balancer = balancerOf([origin]);
    const dispatcher = dispatcherOf(balancer, { retries: 1 });
    await expect(dispatcher.request({ ...get, signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('counts a body that its reader destroys as neither', async () => {
    const { origin } = await startServer((_request, response) => void response.write('endless'));
    const balancer = balancerOf([origin]);
    const { body } = await dispatcherOf(balancer).request(get);
    body.on('error', () => undefined).destroy();
    await eventually(() => expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]));
  });

  test('counts a deadline that runs out as a failure', async () => {
    const { origin } = await startServer(() => undefined);
    const balancer = balancerOf([origin]);
    const signal = AbortSignal.timeout(20);
    await expect(dispatcherOf(balancer).request({ ...get, signal })).rejects.toThrow(/timeout/i);
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test('counts a request that is not valid as neither', async () => {
    const { origin } = await startServer(echo);
    const balancer = balancerOf([origin]);
    const request = dispatcherOf(balancer, { retries: 1 }).request({ method: 'GET', path: 'x y' });
    await expect(request).rejects.toMatchObject({ code: 'UND_ERR_INVALID_ARG' });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('counts an upgraded connection until its socket closes', async () => {
    const server = await startServer(echo);
    server.server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    });
    const balancer = balancerOf([server.origin]);
    const { socket } = await dispatcherOf(balancer).upgrade({ path: '/', protocol: 'x' });
    expect(countsOf(balancer.nodes[0])).toEqual([1, 0, 0]);
    socket.destroy();
    await eventually(() => expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]));
  });

  test('loses no request when one of two servers dies under load, with retries: 1', async () => {
    const bothBusy = gate();
    const [dying, staying] = await Promise.all(
      [0, 1].map(() =>
        startServer((request, response) => {
          if (dying!.requestCount > 5 && staying!.requestCount > 5) bothBusy.open();
          void bothBusy.opened.then(() => echo(request, response));
        }),
      ),
    );
    const balancer = balancerOf([dying!.origin, staying!.origin]);
    const dispatcher = dispatcherOf(balancer, { retries: 1 });
    const callers = Array.from({ length: 12 }, async (_each, caller) => {
      for (let i = 0; i < 4; i++) {
        const { body } = await dispatcher.request({ method: 'GET', path: `/${caller}/${i}` });
        expect(((await body.json()) as Seen).url).toBe(`/${caller}/${i}`);
        if (i === 1) await dying!.kill();
      }
    });
    await Promise.all(callers);
    expect(balancer.nodes.map((node) => node.load())).toEqual([0, 0]);
    expect(balancer.get(dying!.origin)!.failures).toBeGreaterThan(0);
    expect(balancer.get(staying!.origin)!.failures).toBe(0);
  });

  test('aborts the attempt under way when the first one has failed', async () => {
    const controller = new AbortController();
    const breaking = await startServer((request) => void request.socket.destroy());
    const hanging = await startServer(() => controller.abort());
    const balancer = balancerOf([breaking.origin, hanging.origin]);
    const dispatcher = dispatcherOf(balancer, { retries: 1 });
    await expect(dispatcher.request({ ...get, signal: controller.signal })).rejects.toThrow(
      /abort/i,
    );
    expect(balancer.nodes.map(countsOf)).toEqual([
      [0, 0, 1],
      [0, 0, 0],
    ]);
  });

  test('sends neither a POST nor a stream again', async () => {
    const breaking = await startServer((request) => void request.socket.destroy());
    const working = await startServer(echo);
    const balancer = balancerOf([breaking.origin, working.origin]);
    const dispatcher = dispatcherOf(balancer, { retries: 1 });
    const post = { path: '/', method: 'POST', body: 'x' } as const;
    await expect(dispatcher.request(post)).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
    expect(working.requestCount).toBe(0);
    const { body } = await dispatcher.request(get);
    await body.dump();
    const stream = { path: '/', method: 'PUT', body: new Blob(['x']).stream() } as const;
    await expect(dispatcher.request(stream as never)).rejects.toThrow(/socket|closed/i);
    expect(working.requestCount).toBe(1);
  });

  test('passes over a node whose dispatcher wants no more for now', async () => {
    const rest = gate();
    const servers = await Promise.all(
      [0, 1].map(() =>
        startServer((request, response) => void rest.opened.then(() => echo(request, response))),
      ),
    );
    // One request at a time for each client, and a policy that would send all to the first. An id
    // may also be written in another way than undici writes the origin.
    const balancer = balancerOf(
      servers.map(({ origin }) => `${origin}/`),
      policies.first(),
    );
    const dispatcher = dispatcherOf(balancer, { factory: (origin) => new undici.Client(origin) });
    const drained = vi.fn<() => void>();
    dispatcher.on('drain', drained);

    const accepted = ['/1', '/2', '/3'].map((path) => {
      const answered = gate();
      const handler = { ...quietHandler(undici === UNDICI_VERSIONS[0]![1]), done: answered.open };
      return {
        answered,
        wantsMore: dispatcher.dispatch({ path, method: 'GET' }, handler as never),
      };
    });
    expect(accepted.map(({ wantsMore }) => wantsMore)).toEqual([true, false, false]);
    expect(balancer.nodes.map((node) => node.load())).toEqual([2, 1]);
    expect(drained).not.toHaveBeenCalled();
    rest.open();
    await Promise.all(accepted.map(({ answered }) => answered.opened));
    await eventually(() => expect(drained).toHaveBeenCalled());
    expect(balancer.nodes.map(countsOf)).toEqual([
      [0, 2, 0],
      [0, 1, 0],
    ]);
  });

  test('closes the dispatcher of a node that is removed, after its requests', async () => {
    const rest = gate();
    const servers = await Promise.all(
      [0, 1].map(() =>
        startServer((request, response) => void rest.opened.then(() => echo(request, response))),
      ),
    );
    const balancer = balancerOf(servers.map(({ origin }) => origin));
    const pools = new Map<string, InstanceType<typeof undici.Pool>>();
    const dispatcher = dispatcherOf(balancer, {
      factory: (origin) => {
        const pool = new undici.Pool(origin);
        pools.set(origin, pool);
        return pool;
      },
    });
    const answers = [dispatcher.request(get), dispatcher.request(get)];
    const removed = balancer.remove(servers[0]!.origin)!;
    expect([...pools.values()].map((pool) => pool.closed)).toEqual([true, false]);
    rest.open();
    for (const { body } of await Promise.all(answers)) await body.dump();
    expect(countsOf(removed)).toEqual([0, 1, 0]);

    balancer.add(new Node(servers[0]!.origin));
    for (let i = 0; i < 2; i++) await (await dispatcher.request(get)).body.dump();
    expect(pools.get(servers[0]!.origin)!.closed).toBe(false);
  });

  test('closes all dispatchers after their requests, and takes no more', async () => {
    const rest = gate();
    const { origin } = await startServer((request, response) => {
      void rest.opened.then(() => echo(request, response));
    });
    const balancer = balancerOf([origin]);
    const dispatcher = dispatcherOf(balancer);
    const answer = dispatcher.request(get);
    const closed = dispatcher.close();
    await expect(dispatcher.request(get)).rejects.toMatchObject({ code: 'UND_ERR_CLOSED' });
    rest.open();
    await (await answer).body.dump();
    await closed;
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test('destroys all dispatchers and breaks off their requests, blaming no node', async () => {
    const { origin } = await startServer(() => void dispatcher.destroy());
    const balancer = balancerOf([origin]);
    const dispatcher = dispatcherOf(balancer, { retries: 1 });
    await expect(dispatcher.request(get)).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
    await expect(dispatcher.request(get)).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
    const done = vi.fn<() => void>();
    dispatcher.destroy(done);
    await eventually(() => expect(done).toHaveBeenCalledWith(null, null));
  });

  test('rejects with NoNodeError when no node may receive work', async () => {
    await expect(dispatcherOf(balancerOf([])).request(get)).rejects.toThrow(NoNodeError);
  });

  test('picks by a key that is taken from the request', async () => {
    const servers = await Promise.all([startServer(echo), startServer(echo), startServer(echo)]);
    const balancer = balancerOf(
      servers.map(({ origin }) => origin),
      policies.rendezvous(),
    );
    const dispatcher = dispatcherOf(balancer, { key: ({ path }) => path });
    const wanted = balancer.next('/client-7')!;
    for (let i = 0; i < 3; i++) {
      const { body } = await dispatcher.request({ method: 'GET', path: '/client-7' });
      await body.dump();
    }
    expect(countsOf(wanted)).toEqual([0, 3, 0]);
  });
});

/** A handler that only says when the answer has ended; `done` is added to it. */
function quietHandler(isCallbackKind: boolean): object {
  if (isCallbackKind) {
    return {
      onConnect: () => undefined,
      onHeaders: () => true,
      onData: () => true,
      onComplete(this: { done: () => void }) {
        this.done();
      },
      onError: () => undefined,
    };
  }
  return {
    onRequestStart: () => undefined,
    onResponseStart: () => undefined,
    onResponseData: () => undefined,
    onResponseEnd(this: { done: () => void }) {
      this.done();
    },
    onResponseError: () => undefined,
  };
}

describe('undiciDispatcher', SLOW, () => {
  test('is tested with undici 6, 7 and 8', ({ skip }) => {
    skip(SKIPPED_UNDICI !== '', SKIPPED_UNDICI);
    expect(UNDICI_VERSIONS).toHaveLength(3);
  });

  test('has the type of the class, or of what the factory makes', () => {
    const balancer = balancerOf(['http://127.0.0.1:1']);
    const factory = (origin: string): Pool => new Pool(origin);
    expectTypeOf(undiciDispatcher(balancer, { Dispatcher, factory })).toEqualTypeOf<Dispatcher>();
    expectTypeOf(undiciDispatcher(balancer, { factory })).toExtend<Dispatcher>();
    expectTypeOf(
      undiciDispatcher(balancer, {
        Dispatcher: Dispatcher6,
        factory: (origin) => new Pool6(origin),
      }),
    ).toEqualTypeOf<Dispatcher6>();
  });

  test('needs the class while the pool has no nodes', () => {
    const factory = (origin: string): Pool => new Pool(origin);
    expect(() => undiciDispatcher(balancerOf([]), { factory })).toThrow(
      'undiciDispatcher.Dispatcher: must be given while the pool has no nodes',
    );
  });

  test('refuses options that cannot be meant', () => {
    const balancer = balancerOf(['web-1']);
    const factory = (origin: string): Pool => new Pool(origin);
    expect(() => undiciDispatcher(balancer, { Dispatcher, factory })).toThrow(ConfigError);
    const empty = balancerOf([]);
    expect(() => undiciDispatcher(empty, { Dispatcher, factory, retries: -1 })).toThrow('retries');
    expect(() =>
      undiciDispatcher(empty, { Dispatcher, factory: 'Pool' as unknown as typeof factory }),
    ).toThrow('undiciDispatcher.factory');
  });
});
