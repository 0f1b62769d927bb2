/**
 * Single key presses on a terminal: 1, 2, 3 for the servers, q to quit.
 *
 * @module
 */
import type { Io } from '../io.ts';
import { DEMO_SERVERS, type DemoServerName } from './config.ts';

export interface KeyHandlers {
  readonly onServer: (name: DemoServerName) => void;
  readonly onQuit: () => void;
  readonly onInterrupt: () => void;
}

/** What Ctrl-C sends while the terminal passes keys on one by one. */
const CTRL_C = '\u0003';

/** Listens for keys where there is a keyboard. @returns A function that gives the terminal back. */
export function watchKeys({ stdin }: Io, handlers: KeyHandlers): () => void {
  if (!stdin.isTTY) return () => {};
  const onData = (data: Buffer): void => {
    for (const key of data.toString()) press(key, handlers);
  };
  stdin.setRawMode(true);
  stdin.on('data', onData);
  stdin.resume();
  return () => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

function press(key: string, { onServer, onQuit, onInterrupt }: KeyHandlers): void {
  const server = DEMO_SERVERS[Number(key) - 1];
  if (server) onServer(server);
  else if (key === CTRL_C) onInterrupt();
  else if (key === 'q') onQuit();
}
