/**
 * Passing listening sockets from one process to the next, so that a new binary takes over without
 * refusing a connection.
 *
 * The old process starts the new one and sends it every listening socket. Both accept on the same
 * sockets until the new one says that it is ready; only then does the old one stop accepting and
 * drain. When the new one fails, nothing has changed for the old one.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server as NetServer } from 'node:net';
import {
  type Address,
  BalancerError,
  type Environment,
  formatAddress,
  inheritedSockets,
  parseAddress,
} from '@balancer/kit';
import { InheritedListeners, type ListeningSocket } from '@balancer/proxy';

/** Set in the environment of a process that is to take over. */
const TAKES_OVER = 'BALANCER_TAKES_OVER';

/** Longest wait for the new process to be ready. */
const READY_MS = 30_000;

/** The new process did not get ready; the old one goes on. */
class HandOverError extends BalancerError {
  override readonly name = 'HandOverError';
  readonly code = 'HAND_OVER';
}

type Message =
  | { readonly kind: 'socket'; readonly transport: 'tcp' | 'udp'; readonly address: string }
  | { readonly kind: 'complete' }
  | { readonly kind: 'listening_for_sockets' }
  | { readonly kind: 'ready' };

/**
 * Starts this program anew, with the same arguments, and gives it the sockets.
 *
 * @throws {HandOverError} It did not get ready; it has been stopped.
 */
export async function handOver(sockets: readonly ListeningSocket[]): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [TAKES_OVER]: '1' },
    // Its life does not end with ours, nor with what our terminal is sent.
    detached: true,
  });
  // A socket accepts from the moment that it arrives: it must not come before it is expected.
  child.on('message', ({ kind }: Message) => {
    if (kind === 'listening_for_sockets') sendSockets(child, sockets);
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

function sendSockets(child: ChildProcess, sockets: readonly ListeningSocket[]): void {
  for (const { transport, address, handle } of sockets) {
    const message: Message = { kind: 'socket', transport, address: formatAddress(address) };
    child.send(message, handle);
  }
  child.send({ kind: 'complete' } satisfies Message);
}

/** @returns Why it failed, or `undefined` when the new process is ready. */
function outcomeOf(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`not ready after ${READY_MS / 1000} s`), READY_MS);
    const settle = (failure: string | undefined): void => {
      clearTimeout(timer);
      resolve(failure);
    };
    child.on('message', (message: Message) => {
      if (message.kind === 'ready') settle(undefined);
    });
    child.once('exit', (code, signal) => settle(`it ended with ${code ?? signal}`));
    child.once('error', (error) => settle(error.message));
  });
}

/** What a starting process was given. */
export interface Inheritance {
  readonly listeners: InheritedListeners;
  /** Tells the predecessor, if there is one, that clients are served from here on. */
  readonly announceReady: () => void;
}

/**
 * Receives listening sockets from the predecessor or from a service manager.
 *
 * @throws {BindError} A descriptor is no listening socket.
 */
export async function inherit(environment: Environment): Promise<Inheritance> {
  const listeners = new InheritedListeners();
  if (environment[TAKES_OVER] !== undefined && process.send) {
    delete process.env[TAKES_OVER];
    await receiveSockets(listeners);
    return { listeners, announceReady };
  }
  for (const { fd, transport, address } of inheritedSockets({ environment })) {
    if (transport === null || address === null) continue;
    // oxlint-disable-next-line no-await-in-loop -- a handful
    await listeners.add(transport === 'udp' ? 'udp' : 'tcp', address, { fd });
  }
  return { listeners, announceReady: () => {} };
}

async function receiveSockets(listeners: InheritedListeners): Promise<void> {
  const added: Promise<void>[] = [];
  await new Promise<void>((resolve, reject) => {
    const onMessage = (message: Message, handle: NetServer | UdpSocket): void => {
      if (message.kind === 'complete') {
        process.off('message', onMessage);
        process.off('disconnect', onDisconnect);
        resolve();
      } else if (message.kind === 'socket') {
        // In the turn that the socket arrives in: a connection it accepts must find its listener.
        added.push(listeners.add(message.transport, addressOf(message.address), handle));
      }
    };
    const onDisconnect = (): void => reject(new HandOverError('the predecessor is gone'));
    process.on('message', onMessage);
    process.on('disconnect', onDisconnect);
    process.send!({ kind: 'listening_for_sockets' } satisfies Message);
  });
  await Promise.all(added);
}

function announceReady(): void {
  process.send!({ kind: 'ready' } satisfies Message, () => process.disconnect());
}

function addressOf(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new HandOverError(`the predecessor sent the address ${text}`);
  return parsed.address;
}
