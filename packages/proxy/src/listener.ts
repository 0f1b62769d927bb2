/**
 * One bound address. Who serves its connections can be changed without touching the socket, so an
 * address may move from one frontend to another in a reload.
 *
 * @module
 */
import { unlink } from 'node:fs/promises';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import {
  type Address,
  BalancerError,
  errnoName,
  formatAddress,
  listenOptions,
} from '@balancer/kit';

/** An address that cannot be bound. */
export class BindError extends BalancerError {
  override readonly name = 'BindError';
  readonly code = 'BIND';
  readonly address: Address;

  constructor(address: Address, cause: unknown) {
    super(`cannot listen on ${formatAddress(address)}: ${explain(cause, address)}`, { cause });
    this.address = address;
  }
}

export type AcceptHandler = (socket: Socket) => void;

export class Listener {
  /** As the configuration names it. */
  address: Address;
  private readonly server: NetServer;
  private readonly early: Socket[] = [];
  private handler: AcceptHandler | undefined;

  private constructor(address: Address, server: NetServer) {
    this.address = address;
    this.server = server;
    server.on('connection', (socket) => {
      if (this.handler) this.handler(socket);
      else this.early.push(socket);
    });
    // Errors of a listening socket concern the one client that could not be accepted.
    server.on('error', () => {});
  }

  /**
   * Binds an address. Connections wait until somebody serves them.
   *
   * @throws {BindError} with the reason and, for a port in use, how to find its owner.
   */
  static async bind(address: Address, backlog: number): Promise<Listener> {
    try {
      return new Listener(address, await listen(address, backlog));
    } catch (error) {
      if (await isStaleSocketFile(address, error)) {
        await unlink((address as Extract<Address, { kind: 'unix' }>).path);
        return new Listener(address, await listen(address, backlog));
      }
      throw new BindError(address, error);
    }
  }

  /**
   * Serves a socket that is listening already.
   *
   * @throws {BindError} It is not.
   */
  static async adopt(address: Address, fd: number): Promise<Listener> {
    try {
      return new Listener(address, await listenOn((server) => server.listen({ fd })));
    } catch (error) {
      throw new BindError(address, error);
    }
  }

  /** Serves a socket that listens in another process, which has sent it. */
  static async share(address: Address, listening: NetServer): Promise<Listener> {
    return new Listener(address, await listenOn((server) => server.listen(listening)));
  }

  /** What another process can be sent, to accept from the same socket. */
  get socket(): NetServer {
    return this.server;
  }

  /** The address with the port that the system chose. */
  get bound(): Address {
    const actual = this.server.address();
    if (this.address.kind === 'unix' || actual === null || typeof actual === 'string') {
      return this.address;
    }
    return { ...this.address, port: actual.port };
  }

  /** Hands connections to `handler` from now on, those that wait first. */
  serve(handler: AcceptHandler): void {
    this.handler = handler;
    for (const socket of this.early.splice(0)) handler(socket);
  }

  /** Frees the address at once; accepted connections live on. */
  close(): void {
    this.handler = undefined;
    this.server.close();
    for (const socket of this.early.splice(0)) socket.destroy();
  }
}

function listen(address: Address, backlog: number): Promise<NetServer> {
  return listenOn((server) => server.listen({ ...listenOptions(address), backlog }));
}

function listenOn(start: (server: NetServer) => void): Promise<NetServer> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve(server);
    });
    start(server);
  });
}

/** A socket file that nobody listens on any more is left over from a process that was killed. */
function isStaleSocketFile(address: Address, error: unknown): Promise<boolean> {
  if (address.kind !== 'unix' || errnoName(error) !== 'EADDRINUSE') return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect(address.path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (probeError) => resolve(errnoName(probeError) === 'ECONNREFUSED'));
  });
}

function explain(error: unknown, address: Address): string {
  const port = address.kind === 'inet' ? address.port : 0;
  switch (errnoName(error) ?? '') {
    case 'EADDRINUSE':
      return `address already in use${port > 0 ? `; "ss -ltnp sport = :${port}" shows by whom` : ''}`;
    case 'EACCES':
      return port > 0 && port < 1024
        ? 'permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE'
        : 'permission denied';
    case 'EADDRNOTAVAIL':
      return 'no interface of this machine has this address';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
