/**
 * Network namespaces: separate sets of interfaces, addresses and routes, for tests and for managing
 * containers.
 *
 * A namespace made here has no name: it lives as long as its descriptor (or something in it), so that
 * not even a killed process leaves it behind. `run` moves the calling *thread* into it for the time of
 * a synchronous function; sockets and child processes started inside belong to it for good.
 *
 * @module
 */
import { closeSync, openSync } from 'node:fs';
import { SyscallError, ValueError } from './errors.ts';
import { Handle } from './handle.ts';
import { native } from './native.ts';

const CLONE_NEWNET = 0x4000_0000;
const OWN = '/proc/thread-self/ns/net';

export class NetworkNamespace extends Handle {
  private constructor(fd: number, what: string) {
    super(fd, what);
  }

  /**
   * Makes a new, empty namespace; its loopback is down.
   *
   * @throws {SyscallError} EPERM without CAP_SYS_ADMIN.
   */
  static create(): NetworkNamespace {
    const home = openSync(OWN, 'r');
    try {
      const { unshare, errno } = native();
      if (unshare(CLONE_NEWNET) < 0) throw new SyscallError('create network namespace', errno());
      try {
        return new NetworkNamespace(openSync(OWN, 'r'), 'network namespace');
      } finally {
        enter(home);
      }
    } finally {
      closeSync(home);
    }
  }

  /** Opens an existing one, as `/run/netns/blue` or `/proc/1234/ns/net`. */
  static open(path: string): NetworkNamespace {
    return new NetworkNamespace(openSync(path, 'r'), `network namespace ${path}`);
  }

  /**
   * Runs a function with the thread inside the namespace.
   *
   * @throws {ValueError} if the function returns a promise: after its first `await` the thread would be
   *   back, or other work of the thread would run inside.
   */
  run<T>(inside: () => T): T {
    const home = openSync(OWN, 'r');
    try {
      enter(this.fd);
      const result = inside();
      if (result instanceof Promise) {
        throw new ValueError('a function inside a network namespace must be synchronous');
      }
      return result;
    } finally {
      enter(home);
      closeSync(home);
    }
  }
}

function enter(fd: number): void {
  const { setns, errno } = native();
  if (setns(fd, CLONE_NEWNET) < 0) throw new SyscallError('enter network namespace', errno());
}
