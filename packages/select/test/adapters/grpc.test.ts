import { AllAttemptsFailedError, Balancer, Node, NoNodeError, policies } from '@balancer/select';
import { grpcClients, type GrpcClients, type GrpcUnaryOptions } from '@balancer/select/grpc';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  echoClientsOf,
  GRPC_VERSIONS,
  startEchoServer,
  type EchoClient,
  type EchoServer,
  type Message,
} from './grpc-service.ts';
import { countsOf, eventually, gate, SLOW } from './support.ts';

const UNAVAILABLE = 14;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;

function balancerOf(servers: readonly Pick<EchoServer, 'id'>[]): Balancer {
  const nodes = servers.map(({ id }) => new Node(id));
  const balancer = new Balancer({ policy: policies.roundRobin(), nodes });
  onTestFinished(() => balancer.destroy());
  return balancer;
}

describe.each(GRPC_VERSIONS)('grpcClients with %s', SLOW, (_name, grpc) => {
  const makeClient = echoClientsOf(grpc);

  async function echo(
    clients: GrpcClients<EchoClient>,
    text: string,
    { deadline, ...options }: GrpcUnaryOptions & { deadline?: number } = {},
  ): Promise<string> {
    const callOptions = deadline === undefined ? {} : { deadline: Date.now() + deadline };
    const answer = await clients.unary<Message>(
      (client, callback) => client.echo({ text }, new grpc.Metadata(), callOptions, callback),
      options,
    );
    return answer.text;
  }

  test('picks a node for each call', async () => {
    const servers = await Promise.all([startEchoServer(grpc), startEchoServer(grpc)]);
    const balancer = balancerOf(servers);
    const clients = grpcClients(balancer, makeClient);
    for (const text of ['a', 'b', 'c', 'd']) expect(await echo(clients, text)).toBe(text);
    expect(servers.map(({ callCount }) => callCount)).toEqual([2, 2]);
    expect(balancer.nodes.map(countsOf)).toEqual([
      [0, 2, 0],
      [0, 2, 0],
    ]);
  });

  test('counts a status of the server as an answer', async () => {
    const server = await startEchoServer(grpc, (text, callback) =>
      callback({ code: NOT_FOUND, message: `no ${text}` }),
    );
    const balancer = balancerOf([server]);
    const clients = grpcClients(balancer, makeClient, { retries: 1 });
    await expect(echo(clients, 'a')).rejects.toMatchObject({ code: NOT_FOUND, details: 'no a' });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]);
  });

  test('counts an unavailable node as a failure', async () => {
    const server = await startEchoServer(grpc);
    await server.kill();
    const balancer = balancerOf([server]);
    const clients = grpcClients(balancer, makeClient);
    await expect(echo(clients, 'a')).rejects.toMatchObject({ code: UNAVAILABLE });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test('counts an exceeded deadline as a failure and does not try again', async () => {
    const server = await startEchoServer(grpc, () => undefined);
    const balancer = balancerOf([server]);
    const clients = grpcClients(balancer, makeClient, { retries: 1 });
    await expect(echo(clients, 'a', { deadline: 50 })).rejects.toMatchObject({
      code: DEADLINE_EXCEEDED,
    });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test('counts an aborted call as neither', async () => {
    const controller = new AbortController();
    const server = await startEchoServer(grpc, () => controller.abort(new Error('enough')));
    const balancer = balancerOf([server]);
    const clients = grpcClients(balancer, makeClient, { retries: 1 });
    const { signal } = controller;
    await expect(echo(clients, 'a', { signal })).rejects.toThrow('enough');
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
    await expect(echo(clients, 'a', { signal })).rejects.toThrow('enough');
    expect(server.callCount).toBe(1);
  });

  test('loses no call when one of two servers dies under load, with retries: 1', async () => {
    const bothBusy = gate();
    const [dying, staying] = await Promise.all(
      [0, 1].map(() =>
        startEchoServer(grpc, (text, reply) => {
          if (dying!.callCount > 5 && staying!.callCount > 5) bothBusy.open();
          void bothBusy.opened.then(() => reply(null, { text }));
        }),
      ),
    );
    const balancer = balancerOf([dying!, staying!]);
    const clients = grpcClients(balancer, makeClient, { retries: 1 });
    const callers = Array.from({ length: 12 }, async (_each, caller) => {
      for (let i = 0; i < 4; i++) {
        expect(await echo(clients, `${caller}/${i}`)).toBe(`${caller}/${i}`);
        if (i === 1) await dying!.kill();
      }
    });
    await Promise.all(callers);
    expect(balancer.nodes.map((node) => node.load())).toEqual([0, 0]);
    expect(balancer.get(dying!.id)!.failures).toBeGreaterThan(0);
    expect(balancer.get(staying!.id)!.failures).toBe(0);
  });

  test('rejects with all errors when the retries are used up', async () => {
    const servers = await Promise.all([startEchoServer(grpc), startEchoServer(grpc)]);
    await Promise.all(servers.map((server) => server.kill()));
    const clients = grpcClients(balancerOf(servers), makeClient);
    const error = await echo(clients, 'a', { retries: 1 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AllAttemptsFailedError);
    expect((error as AllAttemptsFailedError).errors).toMatchObject([
      { code: UNAVAILABLE },
      { code: UNAVAILABLE },
    ]);
  });

  test('counts a stream from the server until its end', async () => {
    const server = await startEchoServer(grpc);
    const balancer = balancerOf([server]);
    const clients = grpcClients(balancer, makeClient);
    const stream = clients.stream((client) => client.spell({ text: 'abc' }));
    expect(countsOf(balancer.nodes[0])).toEqual([1, 0, 0]);
    const letters: string[] = [];
    for await (const { text } of stream) letters.push(text);
    expect(letters).toEqual(['a', 'b', 'c']);
    await eventually(() => expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]));
  });

  test('counts a stream to the server until its answer', async () => {
    const server = await startEchoServer(grpc);
    const balancer = balancerOf([server]);
    const clients = grpcClients(balancer, makeClient);
    const answer = await new Promise<Message | undefined>((resolve, reject) => {
      const stream = clients.stream((client) =>
        client.join((error, value) => (error === null ? resolve(value) : reject(error))),
      );
      stream.write({ text: 'ab' });
      expect(countsOf(balancer.nodes[0])).toEqual([1, 0, 0]);
      stream.write({ text: 'c' });
      stream.end();
    });
    expect(answer).toEqual({ text: 'abc' });
    await eventually(() => expect(countsOf(balancer.nodes[0])).toEqual([0, 1, 0]));
  });

  test('counts a cancelled stream as neither, and a broken one as a failure', async () => {
    const server = await startEchoServer(grpc);
    const balancer = balancerOf([server]);
    const clients = grpcClients(balancer, makeClient);
    const cancelled = clients.stream((client) => client.spell({ text: 'a...' }));
    cancelled.on('error', () => undefined);
    cancelled.cancel();
    await eventually(() => expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]));

    const broken = clients.stream((client) => client.spell({ text: 'b...' }));
    const read = (async () => {
      for await (const { text } of broken) if (text === 'b') await server.kill();
    })();
    await expect(read).rejects.toMatchObject({ code: UNAVAILABLE });
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 1]);
  });

  test('closes the client of a node that is removed, and lets its calls finish', async () => {
    const rest = gate();
    const server = await startEchoServer(grpc, (text, reply) => {
      void rest.opened.then(() => reply(null, { text }));
    });
    const balancer = balancerOf([server]);
    const closed = vi.fn<(id: string) => void>();
    const clients = grpcClients(balancer, (id) => {
      const client = makeClient(id);
      const close = client.close.bind(client);
      client.close = () => {
        closed(id);
        close();
      };
      return client;
    });
    const answer = echo(clients, 'a');
    await eventually(() => expect(server.callCount).toBe(1));
    const node = balancer.remove(server.id);
    expect(closed).toHaveBeenCalledWith(server.id);
    rest.open();
    expect(await answer).toBe('a');
    expect(countsOf(node)).toEqual([0, 1, 0]);
  });

  test('takes no calls once closed', async () => {
    const server = await startEchoServer(grpc);
    const clients = grpcClients(balancerOf([server]), makeClient);
    await echo(clients, 'a');
    clients.close();
    await expect(echo(clients, 'a')).rejects.toThrow('the gRPC clients were closed');
    expect(() => clients.stream((client) => client.spell({ text: 'a' }))).toThrow('closed');
  });
});

describe('grpcClients', SLOW, () => {
  interface FakeClient {
    close(): void;
    fail(): never;
  }
  const makeFake = (): FakeClient => ({
    close: () => undefined,
    fail: () => {
      throw new Error('no such method');
    },
  });

  test('ends the job when the call cannot be started', async () => {
    const balancer = balancerOf([{ id: 'a' }]);
    const clients = grpcClients(balancer, makeFake);
    await expect(clients.unary((client) => client.fail())).rejects.toThrow('no such method');
    expect(() => clients.stream((client) => client.fail())).toThrow('no such method');
    expect(countsOf(balancer.nodes[0])).toEqual([0, 0, 0]);
  });

  test('says so when there is no node', async () => {
    const clients = grpcClients(balancerOf([]), makeFake);
    await expect(clients.unary((client) => client.fail())).rejects.toThrow(NoNodeError);
    expect(() => clients.stream((client) => client.fail())).toThrow(NoNodeError);
  });

  test('refuses options that cannot be meant', async () => {
    const balancer = balancerOf([]);
    expect(() => grpcClients(balancer, makeFake, { retries: -1 })).toThrow('grpcClients.retries');
    expect(() => grpcClients(balancer, 'Echo' as unknown as typeof makeFake)).toThrow(
      'grpcClients.make: must be a function from node id to client',
    );
    const clients = grpcClients(balancer, makeFake);
    await expect(clients.unary((client) => client.fail(), { retries: 1.5 })).rejects.toThrow(
      'unary.retries',
    );
  });
});
