/**
 * Sends Ethernet frames as they are, on an interface of the calling thread's network namespace.
 *
 * Source: packet(7).
 *
 * @module
 */
import { SyscallError } from './errors.ts';
import { Handle } from './handle.ts';
import { Memory } from './memory.ts';
import { native } from './native.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const ADDRESS_BYTES = 20;

export class PacketSocket extends Handle {
  private constructor(fd: number) {
    super(fd, 'packet socket');
  }

  /**
   * Opens a socket that only sends.
   *
   * @throws {SyscallError} EPERM without CAP_NET_RAW.
   */
  static open(): PacketSocket {
    const { socket, errno } = native();
    // Protocol 0 receives nothing.
    const fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new SyscallError('open packet socket', errno());
    return new PacketSocket(fd);
  }

  /**
   * Sends a frame, Ethernet header included.
   *
   * @throws {SyscallError} ENETDOWN when the interface is down, ENXIO when it is gone.
   */
  send(ifindex: number, frame: Uint8Array): void {
    const { send, errno } = native();
    const address = new Memory(ADDRESS_BYTES);
    address.view.setUint16(0, AF_PACKET, true);
    address.view.setInt32(4, ifindex, true);
    const bytes = Memory.from(frame);
    const sent = send(this.fd, bytes.address, frame.length, 0, address.address, ADDRESS_BYTES);
    if (sent < 0) throw new SyscallError(`send a frame on interface ${ifindex}`, errno());
  }
}
