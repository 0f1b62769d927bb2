/** A gRPC service written by hand, with JSON for messages, and real servers for it. */
import * as grpcJs from '@grpc/grpc-js';
import * as olderGrpcJs from 'grpc-js-older';
import { createRequire } from 'node:module';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { GrpcCall, GrpcCallback, GrpcStream } from '../../src/adapters/grpc.ts';

export type Grpc = typeof grpcJs;

export const GRPC_VERSIONS: readonly [name: string, grpc: Grpc][] = [
  [nameOf('@grpc/grpc-js'), grpcJs],
  [nameOf('grpc-js-older'), olderGrpcJs as unknown as Grpc],
];

function nameOf(packageName: string): string {
  const require = createRequire(import.meta.url);
  return `@grpc/grpc-js ${(require(`${packageName}/package.json`) as { version: string }).version}`;
}

export interface Message {
  text: string;
}

/** What is used of the client that `makeClientConstructor` makes. */
export interface EchoClient {
  close(): void;
  echo(
    request: Message,
    metadata: grpcJs.Metadata,
    options: grpcJs.CallOptions,
    callback: GrpcCallback<Message>,
  ): GrpcCall;
  /** Says the text once for each of its letters. */
  spell(request: Message): GrpcStream & AsyncIterable<Message> & { cancel(): void };
  /** Joins all texts that it is sent. */
  join(callback: GrpcCallback<Message>): GrpcStream & { write(m: Message): void; end(): void };
}

const serialize = (message: Message): Buffer => Buffer.from(JSON.stringify(message));
const deserialize = (bytes: Buffer): Message => JSON.parse(bytes.toString()) as Message;

function method(
  name: string,
  kind: { requestStream: boolean; responseStream: boolean },
): grpcJs.MethodDefinition<Message, Message> {
  return {
    path: `/balancer.test.Echo/${name}`,
    ...kind,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

const SERVICE = {
  echo: method('Echo', { requestStream: false, responseStream: false }),
  spell: method('Spell', { requestStream: false, responseStream: true }),
  join: method('Join', { requestStream: true, responseStream: false }),
};

/** Makes clients of one version of the package. */
export function echoClientsOf(grpc: Grpc): (address: string) => EchoClient {
  const Client = grpc.makeClientConstructor(SERVICE, 'Echo');
  return (address) => {
    const client = new Client(address, grpc.credentials.createInsecure());
    onTestFinished(() => client.close());
    return client as unknown as EchoClient;
  };
}

/** How a server answers `echo`; the default says the text again. */
export type AnswerEcho = (
  text: string,
  callback: (error: { code: number; message: string } | null, value?: Message) => void,
) => void;

export interface EchoServer {
  /** Address of the server. */
  readonly id: string;
  readonly callCount: number;
  /** Breaks all connections and refuses new ones, as a killed process does. */
  kill(): Promise<void>;
}

/** Starts a server on a free port; it ends with the test. */
export async function startEchoServer(
  grpc: Grpc,
  answer: AnswerEcho = (text, callback) => callback(null, { text }),
): Promise<EchoServer> {
  const server = new grpc.Server();
  let callCount = 0;
  server.addService(SERVICE, {
    echo: (
      call: grpcJs.ServerUnaryCall<Message, Message>,
      callback: grpcJs.sendUnaryData<Message>,
    ) => {
      callCount++;
      answer(call.request.text, callback);
    },
    spell: (call: grpcJs.ServerWritableStream<Message, Message>) => {
      callCount++;
      for (const letter of call.request.text) call.write({ text: letter });
      // A text that ends in "..." goes on for ever.
      if (!call.request.text.endsWith('...')) call.end();
    },
    join: (
      call: grpcJs.ServerReadableStream<Message, Message>,
      callback: grpcJs.sendUnaryData<Message>,
    ) => {
      callCount++;
      let joined = '';
      call.on('data', ({ text }: Message) => {
        joined += text;
      });
      call.on('end', () => callback(null, { text: joined }));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  onTestFinished(() => server.forceShutdown());
  const relay = await startRelay(port);
  return {
    id: `127.0.0.1:${relay.port}`,
    kill: relay.kill,
    get callCount() {
      return callCount;
    },
  };
}

/** Passes connections on to a server that does not let go of its own. */
async function startRelay(to: number): Promise<{ port: number; kill: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const relay = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => void relay.listen(0, '127.0.0.1', resolve));
  const kill = async (): Promise<void> => {
    if (!relay.listening) return;
    const closed = new Promise((resolve) => void relay.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  onTestFinished(kill);
  return { port: (relay.address() as AddressInfo).port, kill };
}
