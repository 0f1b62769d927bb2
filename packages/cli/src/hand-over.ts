/**
 * Passing listening sockets from one process to the next, so that a new binary takes over without
 * refusing a connection.
 *
 * The old process starts the new one with every listening socket among its descriptors, as a service
 * manager would. Both accept on the same sockets from the moment that the new one is ready; only then
 * does the old one stop accepting and drain. When the new one fails, nothing has changed for the old
 * one.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  BalancerError,
  type Environment,
  inheritedSockets,
  listeningDescriptors,
} from '@balancer/kit';
import { type InheritedDescriptor, type ListeningSocket, socketKey } from '@balancer/proxy';

/** Set in the environment of a process that is to take over. */
const TAKES_OVER = 'BALANCER_TAKES_OVER';

/** Longest wait for the new process to be ready. */
const READY_MS = 90_000;

/** The new process did not get ready; the old one goes on. */
class HandOverError extends BalancerError {
  override readonly name = 'HandOverError';
  readonly code = 'HAND_OVER';
}

/** What the new process says once. */
const READY = 'ready';

/**
 * Starts this program anew, with the same arguments, and gives it the sockets.
 *
 * @throws {HandOverError} It did not get ready; it has been stopped.
 */
export async function handOver(sockets: readonly ListeningSocket[]): Promise<void> {
  const descriptors = descriptorsOf(sockets);
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', ...descriptors, 'ipc'],
    env: {
      ...process.env,
      [TAKES_OVER]: '1',
      LISTEN_FDS: String(descriptors.length),
      LISTEN_PID: undefined,
      LISTEN_FDNAMES: undefined,
    },
    // Its life does not end with ours, nor with what our terminal is sent.
    detached: true,
  });
  const failure = await outcomeOf(child);
  if (failure === undefined) {
    child.disconnect();
    child.unref();
    return;
  }
  child.kill('SIGKILL');
  throw new HandOverError(`the new process did not take over: ${failure}`);
}

/** Descriptors of this process, or of this main process of workers, by what they are bound to. */
function descriptorsOf(sockets: readonly ListeningSocket[]): number[] {
  const wanted = new Set(sockets.map(({ transport, address }) => socketKey(transport, address)));
  return listeningDescriptors().flatMap(({ fd, transport, address }) => {
    const key = address && socketKey(transport === 'udp' ? 'udp' : 'tcp', address);
    return key !== null && wanted.has(key) ? [fd] : [];
  });
}

/** @returns Why it failed, or `undefined` when the new process is ready. */
function outcomeOf(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`not ready after ${READY_MS / 1000} s`), READY_MS);
    const settle = (failure: string | undefined): void => {
      clearTimeout(timer);
      resolve(failure);
    };
    child.on('message', (message) => {
      if (message === READY) settle(undefined);
    });
    child.once('exit', (code, signal) => settle(`it ended with ${code ?? signal}`));
    child.once('error', (error) => settle(error.message));
  });
}

/** What a starting process was given. */
export interface Inheritance {
  readonly sockets: readonly InheritedDescriptor[];
  /** Tells the predecessor, if there is one, that clients are served from here on. */
  readonly announceReady: () => void;
}

/** Listening sockets of the predecessor or of a service manager. */
export function inherit(environment: Environment): Inheritance {
  const sockets = inheritedSockets({ environment }).flatMap(({ fd, transport, address }) => {
    if (transport === null || address === null) return [];
    return [{ fd, transport: transport === 'udp' ? ('udp' as const) : ('tcp' as const), address }];
  });
  const hasPredecessor = environment[TAKES_OVER] !== undefined && process.send !== undefined;
  // What was meant for this process must not reach those that it starts.
  for (const name of [TAKES_OVER, 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']) {
    delete process.env[name];
  }
  return { sockets, announceReady: hasPredecessor ? announceReady : () => {} };
}

/** Those of the sockets that are still open under their numbers. */
export function stillOpen(sockets: readonly InheritedDescriptor[]): readonly InheritedDescriptor[] {
  if (sockets.length === 0) return [];
  const open = new Map(listeningDescriptors().map(({ fd, address }) => [fd, address]));
  return sockets.filter(({ fd, transport, address }) => {
    const found = open.get(fd);
    return (
      found !== undefined &&
      found !== null &&
      socketKey(transport, found) === socketKey(transport, address)
    );
  });
}

function announceReady(): void {
  process.send!(READY, () => process.disconnect());
}
