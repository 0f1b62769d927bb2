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

const TOLD_TO_STOP = 'this process was told to stop';

/** Longest wait for the new process to be ready. */
const READY_MS = 90_000;

/** The hand-over came to nothing. */
export class HandOverError extends BalancerError {
  override readonly name = 'HandOverError';
  readonly code = 'HAND_OVER';
}

/**
 * What the new process says: first which one it is, then that it is ready or, at its end, how it
 * ended.
 */
type Word =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'ready' }
  | { readonly kind: 'ended'; readonly code: number };

/**
 * Runs its arguments and leaves them to whoever adopts orphans. A service manager waits for the end
 * of its own children only, and kills a main process that is a child of ours at once.
 */
const AS_AN_ORPHAN = '"$@" &';

/**
 * Starts this program anew, with the same arguments, and gives it the sockets.
 *
 * @param cancel - Aborts when this process is told to stop meanwhile.
 * @throws {HandOverError} It did not get ready; it has been stopped.
 */
export async function handOver(
  sockets: readonly ListeningSocket[],
  cancel: AbortSignal,
): Promise<void> {
  if (cancel.aborted) throw new HandOverError(TOLD_TO_STOP);
  const descriptors = descriptorsOf(sockets);
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('/bin/sh', ['-c', AS_AN_ORPHAN, 'sh', ...command], {
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
  const failure = await outcomeOf(child, cancel);
  if (child.connected) child.disconnect();
  child.unref();
  if (failure === undefined) return;
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

/** @returns Why it failed, or `undefined` when the new process is ready. One that failed is gone. */
function outcomeOf(child: ChildProcess, cancel: AbortSignal): Promise<string | undefined> {
  let pid: number | undefined;
  let ending = 'it ended';
  let isSettled = false;
  return new Promise((resolve) => {
    const settle = (failure: string | undefined): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      cancel.removeEventListener('abort', onCancel);
      const isToBeKilled = failure !== undefined && child.connected && pid !== undefined;
      if (isToBeKilled) {
        // Only when it is gone are its addresses free again.
        child.once('disconnect', () => resolve(failure));
        kill(pid!);
      } else {
        resolve(failure);
      }
    };
    const timer = setTimeout(() => settle(`not ready after ${READY_MS / 1000} s`), READY_MS);
    const onCancel = (): void => settle(TOLD_TO_STOP);
    cancel.addEventListener('abort', onCancel);
    child.on('message', (message) => {
      const word = message as Word;
      if (word.kind === 'started') ({ pid } = word);
      else if (word.kind === 'ready') settle(undefined);
      else ending = `it ended with ${word.code}`;
    });
    // The end of the channel is the end of the process: nobody else holds it.
    child.once('disconnect', () => settle(ending));
    child.once('error', (error) => settle(error.message));
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/** What a starting process was given. */
export interface Inheritance {
  readonly sockets: readonly InheritedDescriptor[];
  /** Tells the predecessor, if there is one, that clients are served from here on. */
  readonly announceReady: () => void;
}

/**
 * Listening sockets of the predecessor or of a service manager.
 *
 * @throws {HandOverError} The predecessor does not wait any more.
 */
export function inherit(environment: Environment): Inheritance {
  const sockets = inheritedSockets({ environment }).flatMap(({ fd, transport, address }) => {
    if (transport === null || address === null) return [];
    return [{ fd, transport: transport === 'udp' ? ('udp' as const) : ('tcp' as const), address }];
  });
  const hasPredecessor = environment[TAKES_OVER] !== undefined;
  if (hasPredecessor) tellHowItGoes();
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

/** @throws {HandOverError} The predecessor does not wait any more. */
function tellHowItGoes(): void {
  if (!process.connected) throw new HandOverError('the process to take over from has ended');
  say({ kind: 'started', pid: process.pid });
  process.once('exit', (code) => {
    if (process.connected) say({ kind: 'ended', code });
  });
  // A predecessor that is gone before we are ready has been told to stop, and we are a part of it.
  process.once('disconnect', endWithPredecessor);
  // Listening must not hold a process that has failed.
  process.channel?.unref();
}

function endWithPredecessor(): void {
  process.kill(process.pid, 'SIGTERM');
}

function announceReady(): void {
  process.off('disconnect', endWithPredecessor);
  // The predecessor may have gone in this very moment; its clients are served from here on.
  say({ kind: 'ready' }, () => process.connected && process.disconnect());
}

function say(word: Word, then?: () => void): void {
  process.send!(word, undefined, undefined, then);
}
