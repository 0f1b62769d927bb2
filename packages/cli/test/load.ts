/**
 * Clients that ask again and again, each time over a connection of its own.
 *
 * @module
 */
import { connect } from 'node:net';
import { until } from './support.ts';

/** One exchange with a server that sends back what it gets. @returns The answer, or how it failed. */
export function exchange(at: number | string): Promise<string> {
  return new Promise((resolve) => {
    const target = typeof at === 'string' ? { path: at } : { port: at, host: '127.0.0.1' };
    const socket = connect(target, () => socket.end('ping'));
    let answer = '';
    socket.on('data', (bytes) => (answer += String(bytes)));
    socket.on('end', () => resolve(answer));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
}

export interface Traffic {
  /**
   * Lets it ask so many times in all, and what is under way end.
   *
   * @returns Every answer and failure.
   */
  readonly stop: (atLeast?: number) => Promise<readonly string[]>;
}

/** Asks over so many connections at a time until told to stop. */
export function askAgainAndAgain(port: number, concurrency: number): Traffic {
  const answers: string[] = [];
  let isRunning = true;
  const work = async (): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- one exchange after the other
    while (isRunning) answers.push(await exchange(port));
  };
  const workers = Array.from({ length: concurrency }, work);
  return {
    stop: async (atLeast = 1) => {
      await until(`${atLeast} are answered`, () => answers.length >= atLeast);
      isRunning = false;
      await Promise.all(workers);
      return answers;
    },
  };
}

/** Asks 200 times a second, however long the answers take, until told to stop. */
export function ask200TimesASecond(port: number): Traffic {
  const answers: Promise<string>[] = [];
  const timer = setInterval(() => answers.push(exchange(port)), 5);
  return {
    stop: async (atLeast = 1) => {
      await until(`${atLeast} have asked`, () => answers.length >= atLeast);
      clearInterval(timer);
      return Promise.all(answers);
    },
  };
}
