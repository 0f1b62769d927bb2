/**
 * One bound UDP address.
 *
 * @module
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Address } from '@balancer/kit';
import { BindError } from '../listener.ts';

/** Room for datagrams that arrive while the process is busy; the system may grant less. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

export type DatagramHandler = (bytes: Buffer, from: RemoteInfo, listener: UdpListener) => void;

export class UdpListener {
  address: Address;
  private readonly socket: Socket;
  private handler: DatagramHandler | undefined;
  private isClosed = false;

  private constructor(address: Address, socket: Socket) {
    this.address = address;
    this.socket = socket;
    socket.on('message', (bytes, from) => this.handler?.(bytes, from, this));
    // An answer that could not be sent concerns one client, who will ask again.
    socket.on('error', () => {});
  }

  /**
   * @param options.isShared - Whether the main process of a worker keeps the socket.
   * @throws {BindError} with the reason.
   */
  static async bind(
    address: Address,
    { isShared }: { readonly isShared: boolean },
  ): Promise<UdpListener> {
    if (address.kind === 'unix') throw new BindError(address, new Error('UDP needs an IP address'));
    const { host, port } = address;
    const isAny = host === '';
    const socket = createSocket({
      type: isAny || isIPv6(host) ? 'udp6' : 'udp4',
      ipv6Only: isIPv6(host),
      recvBufferSize: RECEIVE_BUFFER_BYTES,
    });
    try {
      socket.bind({ port, ...(!isAny && { address: host }), exclusive: !isShared });
      await once(socket, 'listening');
    } catch (error) {
      socket.close();
      throw new BindError(address, error);
    }
    return new UdpListener(address, socket);
  }

  /**
   * Serves a socket that is bound already.
   *
   * @throws {BindError} It cannot be used.
   */
  static async adopt(address: Address, fd: number): Promise<UdpListener> {
    const isV6 = address.kind === 'inet' && (address.host === '' || isIPv6(address.host));
    const socket = createSocket(isV6 ? 'udp6' : 'udp4');
    try {
      socket.bind({ fd });
      await once(socket, 'listening');
    } catch (error) {
      socket.close();
      throw new BindError(address, error);
    }
    return new UdpListener(address, socket);
  }

  /** The address with the port that the system chose. */
  get bound(): Address {
    return this.address.kind === 'unix'
      ? this.address
      : { ...this.address, port: this.socket.address().port };
  }

  /** Hands datagrams to `handler` from now on; those before it are dropped. */
  serve(handler: DatagramHandler): void {
    this.handler = handler;
  }

  /** Answers a client. Once the address was given back, nobody can be answered from it. */
  send(bytes: Buffer, { address, port }: Pick<RemoteInfo, 'address' | 'port'>): void {
    if (this.isClosed) return;
    this.socket.send(bytes, port, address, () => {});
  }

  close(): void {
    this.handler = undefined;
    this.isClosed = true;
    this.socket.close();
  }
}
