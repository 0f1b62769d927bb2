import { createFetch } from '@balancer/select/fetch';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  AllAttemptsFailedError,
  Balancer,
  ConfigError,
  Node,
  NoNodeError,
  policies,
} from '@balancer/select';
import { fetch as fetchOfUndici6 } from 'undici6';
import { fetch as fetchOfUndici7 } from 'undici';
import { echo, startServer, type Seen } from './http-servers.ts';
import { countsOf, gate, SLOW } from './support.ts';

type Fetch = typeof globalThis.fetch;

const FETCHES: [name: string, fetch: Fetch][] = [
  [`the platform's fetch (undici ${process.versions['undici']})`, globalThis.fetch],
  ['fetch of undici 6', fetchOfUndici6 as unknown as Fetch],
  ['fetch of undici 7', fetchOfUndici7 as unknown as Fetch],
];

function balancerOf(...origins: string[]): Balancer {
  const balancer = new Balancer({
    policy: policies.roundRobin(),
    nodes: origins.map((origin) => new Node(origin)),
  });
  onTestFinished(() => balancer.destroy());
  return balancer;
}

describe.each(FETCHES)('createFetch over %s', SLOW, (_name, fetch) => {
  test('replaces the origin and nothing else', async () => {
    const { origin } = await startServer(echo);
    const balanced = createFetch(balancerOf(origin), { fetch });
    const init = { method: 'PUT', headers: { 'x-color': 'red' }, body: 'paint' };
    const inputs = [
      '/a/b?c=d&e',
      'http://elsewhere.invalid:81/a/b?c=d&e',
      new URL('https://elsewhere.invalid/a/b?c=d&e#f'),
    ];
    for (const input of inputs) {
      const response = await balanced(input, init);
      const seen = (await response.json()) as Seen;
      expect(seen).toMatchObject({ url: '/a/b?c=d&e', method: 'PUT', body: 'paint' });
      expect(seen.headers).toMatchObject({ 'x-color': 'red', host: new URL(origin).host });
    }
  });

  test('keeps the status, headers and address of the answer, also in a clone', async () => {
    const { origin } = await startServer(echo);
    const balancer = balancerOf(origin);
    const response = await createFetch(balancer, { fetch })('/here');
    const clone = response.clone();
    expect(clone.url).toBe(`${origin}/here`);
    expect([response.url, response.status, response.statusText, response.type]).toEqual([
      `${origin}/here`,
      200,
      'OK',
      'basic',
    ]);
    expect(response.redirected).toBe(false);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await clone.text()).toBe(await response.text());
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test('counts a job until its body has been read', async () => {
    const rest = gate();
    const { origin } = await startServer((_request, response) => {
      response.write('first ');
      void rest.opened.then(() => response.end('last'));
    });
    const balancer = balancerOf(origin);
    const response = await createFetch(balancer, { fetch })('/');
    expect(countsOf(balancer.nodes[0])).toEqual([1, 0, 0]);
    rest.open();
    expect(await response.text()).toBe('first last');
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test('ends the job without a verdict when the caller cancels the body', async () => {
    const { origin } = await startServer((_request, response) => void response.write('endless'));
    const balancer = balancerOf(origin);
    const response = await createFetch(balancer, { fetch })('/');
    await response.body!.cancel();
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('counts a body that breaks off as a failure', async () => {
    const { origin } = await startServer((request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => request.socket.destroy());
    });
    const balancer = balancerOf(origin);
    const response = await createFetch(balancer, { fetch })('/');
    await expect(response.text()).rejects.toThrow(TypeError);
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
    ['POST', 200],
  ])('ends the job of %s with %i and no body at once', async (method, status) => {
    const { origin } = await startServer((_request, response) => {
      response.statusCode = status;
      response.end();
    });
    const balancer = balancerOf(origin);
    const response = await createFetch(balancer, { fetch })('/', { method });
    expect(response.status).toBe(status);
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
    const balancer = balancerOf(origin);
    const response = await createFetch(balancer, { fetch, failOn })('/');
    expect(await response.text()).toBe('sorry');
    expect(countsOf(balancer.nodes[0])).toEqual(counts);
  });

  test('keeps a 5xx a failure when its body is cancelled', async () => {
    const { origin } = await startServer((_request, response) => {
      response.statusCode = 500;
      response.end('sorry');
    });
    const balancer = balancerOf(origin);
    const response = await createFetch(balancer, { fetch })('/');
    await response.body!.cancel();
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test('hands on a network error as it is and counts a failure', async () => {
    const server = await startServer(echo);
    await server.kill();
    const balancer = balancerOf(server.origin);
    await expect(createFetch(balancer, { fetch })('/')).rejects.toThrow('fetch failed');
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test('counts an abort before the answer as neither', async () => {
    const controller = new AbortController();
    const { origin } = await startServer(() => controller.abort(new Error('changed my mind')));
    const balancer = balancerOf(origin);
    const { signal } = controller;
    await expect(createFetch(balancer, { fetch, retries: 1 })('/', { signal })).rejects.toThrow(
      'changed my mind',
    );
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('counts an abort within the body as neither, even when nobody reads it', async () => {
    const { origin } = await startServer((_request, response) => void response.write('endless'));
    const balancer = balancerOf(origin);
    const controller = new AbortController();
    const response = await createFetch(balancer, { fetch })('/', { signal: controller.signal });
    controller.abort();
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
    await expect(response.text()).rejects.toThrow(/abort/i);
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('counts a deadline that runs out as a failure', async () => {
    const { origin } = await startServer(() => undefined);
    const balancer = balancerOf(origin);
    const signal = AbortSignal.timeout(20);
    await expect(createFetch(balancer, { fetch })('/', { signal })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test('counts a request that cannot be sent as neither', async () => {
    const { origin } = await startServer(echo);
    const balancer = balancerOf(origin);
    const balanced = createFetch(balancer, { fetch, retries: 1 });
    await expect(balanced('/', { method: 'GET', body: 'not allowed' })).rejects.toThrow(TypeError);
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('loses no call when one of two servers dies under load, with retries: 1', async () => {
    const bothBusy = gate();
    const [dying, staying] = await Promise.all(
      [0, 1].map(() =>
        startServer((request, response) => {
          if (dying!.requestCount > 5 && staying!.requestCount > 5) bothBusy.open();
          void bothBusy.opened.then(() => echo(request, response));
        }),
      ),
    );
    const balancer = balancerOf(dying!.origin, staying!.origin);
    const balanced = createFetch(balancer, { fetch, retries: 1 });
    const callers = Array.from({ length: 12 }, async (_each, caller) => {
      for (let i = 0; i < 4; i++) {
        const response = await balanced(`/${caller}/${i}`);
        expect(((await response.json()) as Seen).url).toBe(`/${caller}/${i}`);
        if (i === 1) await dying!.kill();
      }
    });
    await Promise.all(callers);
    expect(balancer.nodes.map((node) => node.load())).toEqual([0, 0]);
    expect(balancer.get(dying!.origin)!.failures).toBeGreaterThan(0);
    expect(balancer.get(staying!.origin)!.failures).toBe(0);
  });
});

describe('createFetch', SLOW, () => {
  test('sends a Request elsewhere with its method, headers and body', async () => {
    const { origin } = await startServer(echo);
    const balanced = createFetch(balancerOf(origin));
    const request = new Request('http://elsewhere.invalid/x?y', {
      method: 'POST',
      headers: { 'x-color': 'red' },
      body: 'paint',
    });
    const seen = (await (await balanced(request)).json()) as Seen;
    expect(seen).toMatchObject({ url: '/x?y', method: 'POST', body: 'paint' });
    expect(seen.headers).toMatchObject({ 'x-color': 'red' });
    expect(request.bodyUsed).toBe(true);
  });

  test('listens to the signal of a Request', async () => {
    const controller = new AbortController();
    const { origin } = await startServer(() => controller.abort());
    const balancer = balancerOf(origin);
    const request = new Request('http://elsewhere.invalid/', { signal: controller.signal });
    await expect(createFetch(balancer)(request)).rejects.toMatchObject({ name: 'AbortError' });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('rejects with AllAttemptsFailedError when the retries are used up', async () => {
    const servers = await Promise.all([startServer(echo), startServer(echo), startServer(echo)]);
    await Promise.all(servers.map((server) => server.kill()));
    const balancer = balancerOf(...servers.map(({ origin }) => origin));
    const error = await createFetch(balancer, { retries: 1 })('/').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AllAttemptsFailedError);
    expect((error as AllAttemptsFailedError).errors).toHaveLength(2);
    expect(balancer.nodes.map((node) => node.failures)).toEqual([1, 1, 0]);
  });

  describe('when the first of two servers breaks the connection', () => {
    async function setUp(): Promise<{ balanced: ReturnType<typeof createFetch> }> {
      const breaking = await startServer((request) => void request.socket.destroy());
      const working = await startServer(echo);
      return {
        balanced: createFetch(balancerOf(breaking.origin, working.origin), { retries: 1 }),
      };
    }

    test.each([
      ['GET', undefined],
      ['PUT', 'text'],
      ['PUT', new URLSearchParams({ a: 'b' })],
      ['PUT', new Uint8Array([104, 105])],
      ['DELETE', null],
    ])('sends %s again with the body %s', async (method, body) => {
      const { balanced } = await setUp();
      const response = await balanced('/', body === undefined ? { method } : { method, body });
      expect(((await response.json()) as Seen).method).toBe(method);
    });

    test('does not send a POST again, because the server may have acted on it', async () => {
      const { balanced } = await setUp();
      await expect(balanced('/', { method: 'POST', body: 'x' })).rejects.toThrow('fetch failed');
    });

    test('sends a POST again when the caller says that this does no harm', async () => {
      const { balanced } = await setUp();
      const response = await balanced('/', { method: 'POST', body: 'x', idempotent: true });
      expect(((await response.json()) as Seen).body).toBe('x');
    });

    test('does not send a stream again, because it can be read only once', async () => {
      const { balanced } = await setUp();
      const body = new Blob(['x']).stream();
      const init = { method: 'PUT', body, duplex: 'half' } as const;
      await expect(balanced('/', init)).rejects.toThrow('fetch failed');
    });

    test('does not try again when the call says retries: 0', async () => {
      const { balanced } = await setUp();
      await expect(balanced('/', { retries: 0 })).rejects.toThrow('fetch failed');
    });
  });

  test('sends a POST again when no connection was made', async () => {
    const [dead, working] = await Promise.all([startServer(echo), startServer(echo)]);
    await dead.kill();
    const balanced = createFetch(balancerOf(dead.origin, working.origin), { retries: 1 });
    const response = await balanced('/', { method: 'POST', body: 'x' });
    expect(((await response.json()) as Seen).body).toBe('x');
  });

  test('hands the key to the policy', async () => {
    const servers = await Promise.all([startServer(echo), startServer(echo), startServer(echo)]);
    const balancer = new Balancer({
      policy: policies.rendezvous(),
      nodes: servers.map(({ origin }) => new Node(origin)),
    });
    const balanced = createFetch(balancer);
    const wanted = balancer.next('client-7')!.id;
    for (let i = 0; i < 5; i++) {
      const response = await balanced('/', { key: 'client-7' });
      await response.text();
      expect(new URL(response.url).origin).toBe(wanted);
    }
  });

  test('reads into buffers of the caller', async () => {
    const { origin } = await startServer((_request, response) => void response.end('abcdef'));
    const balancer = balancerOf(origin);
    const response = await createFetch(balancer)('/');
    const reader = response.body!.getReader({ mode: 'byob' });
    const first = await reader.read(new Uint8Array(4));
    expect(Buffer.from(first.value!).toString()).toBe('abcd');
    await reader.read(new Uint8Array(4));
    expect(await reader.read(new Uint8Array(4))).toMatchObject({ done: true });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test('rejects with NoNodeError when no node may receive work', async () => {
    const balancer = balancerOf();
    const fetch = vi.fn<Fetch>();
    await expect(createFetch(balancer, { fetch })('/')).rejects.toThrow(NoNodeError);
    expect(fetch).not.toHaveBeenCalled();
  });

  test.each(['web-1', 'http://a/path', 'ftp://a', 'http://user@a', 'http://a?b'])(
    'refuses the node id "%s", which is not an origin',
    async (id) => {
      expect(() => createFetch(balancerOf(id))).toThrow(ConfigError);
      const balancer = balancerOf();
      const balanced = createFetch(balancer);
      balancer.add(new Node(id));
      await expect(balanced('/')).rejects.toThrow(
        `node "${id}": its id must be an origin of scheme, host and port only`,
      );
      expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
    },
  );

  test('refuses options out of range', async () => {
    const balancer = balancerOf();
    expect(() => createFetch(balancer, { retries: -1 })).toThrow('createFetch.retries');
    expect(() => createFetch(balancer, { failOn: '4xx' as '5xx' })).toThrow('createFetch.failOn');
    await expect(createFetch(balancer)('/', { retries: 0.5 })).rejects.toThrow('fetch.retries');
  });
});
