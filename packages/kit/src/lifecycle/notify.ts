/**
 * Tells the service manager about the daemon's state (sd_notify protocol).
 *
 * The protocol is one datagram to a unix socket, which Node cannot send. systemd brings a program
 * that can, and where there is a NOTIFY_SOCKET there is systemd: each message is one run of
 * `systemd-notify`. It speaks in the daemon's name when it has the privilege to; a unit that runs
 * as another user needs `NotifyAccess=all`.
 *
 * Source: sd_notify(3), systemd-notify(1).
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { BalancerError, messageOf } from '../errors.ts';

/** Messages go out in order, one after the other; none of the calls waits or throws. */
export interface Notifier {
  /** `READY=1`, with `MAINPID`: after a hand-over the process is another than the one started. */
  ready(status?: string): void;
  /** `RELOADING=1` with the monotonic time; follow with `ready`. */
  reloading(): void;
  /** `STOPPING=1`. */
  stopping(): void;
  /** Resolves when every message was handed over or has failed. */
  settled(): Promise<void>;
}

export interface NotifierOptions {
  /** `NOTIFY_SOCKET` and `PATH` are read from here. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called once when messages cannot be delivered; later ones are not tried. */
  readonly onError?: (error: Error) => void;
}

/** The service manager could not be told. */
export class NotifyError extends BalancerError {
  override readonly name = 'NotifyError';
  readonly code = 'NOTIFY';
}

/** A notifier for NOTIFY_SOCKET, or one that does nothing when the variable is not set. */
export function createNotifier({ environment, onError }: NotifierOptions): Notifier {
  const socket = environment['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '') return SILENT;
  let isBroken = false;
  let last = Promise.resolve();
  const send = (...assignments: string[]): void => {
    last = deliver(last, assignments);
  };
  const deliver = async (before: Promise<void>, assignments: readonly string[]): Promise<void> => {
    await before;
    if (isBroken) return;
    try {
      await runNotify(assignments, { NOTIFY_SOCKET: socket, PATH: environment['PATH'] });
    } catch (error) {
      isBroken = true;
      onError?.(notifyError(error));
    }
  };
  return {
    ready: (status) =>
      send(
        'READY=1',
        `MAINPID=${process.pid}`,
        ...(status === undefined ? [] : [`STATUS=${status}`]),
      ),
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => send('STOPPING=1'),
    settled: () => last,
  };
}

const SILENT: Notifier = {
  ready() {},
  reloading() {},
  stopping() {},
  settled: () => Promise.resolve(),
};

/** A service manager that does not take a message must not hold the daemon. */
const NOTIFY_MAX_MS = 10_000;

function runNotify(
  assignments: readonly string[],
  env: Record<string, string | undefined>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('systemd-notify', assignments, {
      env,
      stdio: 'ignore',
      timeout: NOTIFY_MAX_MS,
      killSignal: 'SIGKILL',
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`systemd-notify ended with ${code ?? signal}`));
    });
  });
}

function notifyError(error: unknown): NotifyError {
  return new NotifyError(
    `the service manager was not told about the state: ${messageOf(error)}; ` +
      'install systemd-notify, or use Type=exec in the unit',
    { cause: error },
  );
}
