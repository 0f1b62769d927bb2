/**
 * Health check by a datagram.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { afterOwnTime } from '../clock.ts';
import type { UdpCheck } from './check.ts';
import { type AnswerTest, readEscapes, readExpect, showBytes } from './escapes.ts';
import { CheckFailure, CheckSpecError, CheckTimeout, type Probe } from './probe.ts';

/** Share of the time-out in which a server that need not answer may still be refused. */
const SILENCE_SHARE = 0.5;

/**
 * Nothing acknowledges a datagram. With an answer to expect, only that answer is good; without one
 * silence is too, since what does not work is known by the port unreachable message (RFC 1122,
 * section 4.1.3.3) that the kernel hands to a connected socket.
 *
 * @throws {CheckSpecError} if `send` or `expect` cannot be read, or the target is no IP endpoint.
 */
export function createUdpProbe(spec: UdpCheck): Probe {
  const { target } = spec;
  if (target.kind !== 'inet') throw new CheckSpecError('a udp check needs an address and a port');
  const send = readEscapes(spec.send);
  const test = spec.expect === '' ? undefined : readExpect(spec.expect);
  return async (signal) => {
    const socket = createSocket(isIPv6(target.host) ? 'udp6' : 'udp4');
    const failed = failureOf(socket, signal);
    let stopWaiting = (): void => {};
    let isSent = false;
    try {
      await Promise.race([connected(socket, spec, target), failed]);
      const answer = answerOf(socket, test, spec.expect);
      // It may come before anybody waits for it.
      answer.catch(() => {});
      await Promise.race([sent(socket, send), failed]);
      isSent = true;
      const silence = new Promise<void>((resolve) => {
        if (!test) stopWaiting = afterOwnTime(spec.timeoutMs * SILENCE_SHARE, resolve);
      });
      await Promise.race([answer, failed, silence]);
    } catch (error) {
      // In a pause of this process both times may have passed.
      if (test || !isSent || !(error instanceof CheckTimeout)) throw error;
    } finally {
      stopWaiting();
      socket.close();
    }
  };
}

async function connected(
  socket: Socket,
  { sourceAddress }: UdpCheck,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  if (sourceAddress !== undefined) {
    socket.bind({ address: sourceAddress });
    await once(socket, 'listening');
  }
  socket.connect(port, host);
  await once(socket, 'connect');
}

function sent(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function answerOf(socket: Socket, test: AnswerTest | undefined, expect: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('message', (answer) => {
      if (!test || test(answer) === 'match') resolve();
      else
        reject(new CheckFailure(`answer ${showBytes(answer)}, wanted ${JSON.stringify(expect)}`));
    });
  });
}

/** Rejects when the socket fails or the signal aborts; never resolves. */
function failureOf(socket: Socket, signal: AbortSignal): Promise<never> {
  const failure = new Promise<never>((_resolve, reject) => {
    socket.on('error', reject);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // The race may be over before this rejects.
  failure.catch(() => {});
  return failure;
}
