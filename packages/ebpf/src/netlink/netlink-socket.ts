/**
 * A socket to one of the kernel's netlink subsystems. It belongs to the network namespace of the thread that
 * opened it.
 *
 * Requests are synchronous: the kernel handles them inside the send call, so the answer is there when
 * receiving begins. A receive time-out stands guard all the same.
 *
 * @module
 */
import { constants } from 'node:os';
import { SyscallError } from '../errors.ts';
import { Handle } from '../handle.ts';
import { Memory } from '../memory.ts';
import { native } from '../native.ts';
import {
  attributeString,
  buildMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAttributes,
  readMessages,
  structView,
  type NetlinkMessage,
} from './message.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_RCVBUF = 8;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
/** Text of an error in an extended acknowledgement. */
const NLMSGERR_ATTR_MSG = 1;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLM_F_DUMP_INTR = 0x10;

const RECEIVE_BYTES = 256 << 10;
const TIMEOUT_S = 5;
/** Repetitions of a dump that changes interrupted. */
const DUMP_ATTEMPTS = 5;

export class NetlinkSocket extends Handle {
  readonly #receiveBuffer = new Memory(RECEIVE_BYTES);
  #sequence = 0;

  /**
   * Opens a socket in the network namespace of the calling thread.
   *
   * @param protocol - `NETLINK_*`.
   * @param groups - Numbers of multicast groups; read what comes with `receiveChanges`.
   */
  protected constructor(protocol: number, groups: readonly number[] = []) {
    super(openSocket(protocol), 'netlink socket');
    try {
      this.#configure(groups);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Sends a request that changes something and waits for the acknowledgement.
   *
   * @param attempted - For the error: "delete link veth0".
   * @throws {SyscallError} with the kernel's own words when it has any.
   */
  change(attempted: string, type: number, payload: Uint8Array, flags: number = 0): void {
    this.#exchange(attempted, type, NLM_F_REQUEST | NLM_F_ACK | flags, payload);
  }

  /** Sends a request for one thing; returns the messages that answer it. */
  get(attempted: string, type: number, payload: Uint8Array): NetlinkMessage[] {
    return this.#exchange(attempted, type, NLM_F_REQUEST | NLM_F_ACK, payload).messages;
  }

  /** Asks for all things of a kind. Begins anew when changes made the answer inconsistent. */
  dump(attempted: string, type: number, payload: Uint8Array): NetlinkMessage[] {
    for (let attempt = 1; ; attempt++) {
      const flags = NLM_F_REQUEST | NLM_F_DUMP;
      const { messages, interrupted } = this.#exchange(attempted, type, flags, payload);
      if (!interrupted || attempt === DUMP_ATTEMPTS) return messages;
    }
  }

  /**
   * Changes since the last call, without waiting.
   *
   * @throws {SyscallError} ENOBUFS when changes were lost; the caller should dump again.
   */
  receiveChanges(): NetlinkMessage[] {
    const changes: NetlinkMessage[] = [];
    for (;;) {
      const part = this.#receive('receive netlink changes', MSG_DONTWAIT);
      if (part === undefined) return changes;
      changes.push(...part);
    }
  }

  #configure(groups: readonly number[]): void {
    const timeout = new Memory(16);
    timeout.view.setBigInt64(0, BigInt(TIMEOUT_S), true);
    this.#setOption(SOL_SOCKET, SO_RCVTIMEO, timeout);
    this.#setNumber(SOL_SOCKET, SO_RCVBUF, 1 << 20);
    this.#setNumber(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    this.#setNumber(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    this.#bind();
    for (const group of groups) {
      this.#setNumber(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    }
  }

  /** Lets the kernel choose a port: changes are not sent to sockets that have none. */
  #bind(): void {
    const { bind, errno } = native();
    const address = new Memory(12);
    address.view.setUint16(0, AF_NETLINK, true);
    if (bind(this.fd, address.address, 12) < 0) {
      throw new SyscallError('bind a netlink socket', errno());
    }
  }

  #setNumber(level: number, option: number, value: number): void {
    const memory = new Memory(4);
    memory.view.setUint32(0, value, true);
    this.#setOption(level, option, memory);
  }

  #setOption(level: number, option: number, value: Memory): void {
    const { setsockopt, errno } = native();
    if (setsockopt(this.fd, level, option, value.address, value.bytes.length) < 0) {
      throw new SyscallError(`set option ${option} of a netlink socket`, errno());
    }
  }

  #exchange(
    attempted: string,
    type: number,
    flags: number,
    payload: Uint8Array,
  ): { messages: NetlinkMessage[]; interrupted: boolean } {
    const sequence = ++this.#sequence;
    this.#send(attempted, buildMessage({ type, flags, sequence, payload }));
    const messages: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive(attempted, 0) ?? []) {
        // Multicast changes and answers to an abandoned request have other numbers.
        if (message.sequence !== sequence) continue;
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          checkError(attempted, message);
          return { messages, interrupted };
        }
        // The receive buffer is reused by the next call.
        messages.push({ ...message, payload: message.payload.slice() });
      }
    }
  }

  #send(attempted: string, bytes: Uint8Array): void {
    const { send, errno } = native();
    const message = Memory.from(bytes);
    if (send(this.fd, message.address, message.bytes.length, 0, 0, 0) < 0) {
      throw new SyscallError(attempted, errno());
    }
  }

  /** One datagram's messages; `undefined` when there is none and `MSG_DONTWAIT` is given. */
  #receive(attempted: string, flags: number): NetlinkMessage[] | undefined {
    const { recv, errno } = native();
    const { EAGAIN, EINTR, EMSGSIZE } = constants.errno;
    const buffer = this.#receiveBuffer;
    for (;;) {
      const length = recv(this.fd, buffer.address, RECEIVE_BYTES, flags | MSG_TRUNC);
      const error = length < 0 ? errno() : 0;
      if (error === EINTR) continue;
      if (error === EAGAIN && (flags & MSG_DONTWAIT) !== 0) return undefined;
      if (error === EAGAIN) throw new SyscallError(attempted, error, `no answer in ${TIMEOUT_S} s`);
      if (error !== 0) throw new SyscallError(attempted, error);
      if (length > RECEIVE_BYTES) throw new SyscallError(attempted, EMSGSIZE);
      const received = buffer.bytes.subarray(0, length);
      return readMessages(flags === 0 ? received : received.slice());
    }
  }
}

function openSocket(protocol: number): number {
  const { socket, errno } = native();
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) throw new SyscallError('open netlink socket', errno());
  return fd;
}

/** Throws what an error or end-of-dump message reports; both begin with a negative errno or 0. */
function checkError(attempted: string, message: NetlinkMessage): void {
  if (message.payload.length < 4) return;
  const errno = -structView(message.payload, 4, 'error').getInt32(0, true);
  if (errno !== 0) throw new SyscallError(attempted, errno, extendedText(message));
}

function extendedText({ type, flags, payload }: NetlinkMessage): string | undefined {
  if ((flags & NLM_F_ACK_TLVS) === 0) return undefined;
  // Behind the errno stands the request: its header alone, or all of it.
  const request = type === NLMSG_ERROR ? structView(payload, 20, 'error').getUint32(4, true) : 0;
  const capped = (flags & NLM_F_CAPPED) !== 0;
  const quoted = type === NLMSG_ERROR ? (capped ? 16 : (request + 3) & ~3) : 0;
  return attributeString(readAttributes(payload, 4 + quoted), NLMSGERR_ATTR_MSG);
}
