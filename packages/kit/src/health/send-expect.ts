/**
 * Health check that sends bytes and compares the answer.
 *
 * @module
 */
import type { Socket } from 'node:net';
import type { SendExpectCheck } from './check.ts';
import { withConnection } from './connection.ts';
import { type AnswerTest, readEscapes, readExpect, showBytes } from './escapes.ts';
import { CheckFailure, type Probe } from './probe.ts';

/** Most bytes of an answer that are looked at. */
const ANSWER_MAX_BYTES = 16 * 1024;

/** @throws {CheckSpecError} if `send` or `expect` cannot be read. */
export function createSendExpectProbe(spec: SendExpectCheck): Probe {
  const send = readEscapes(spec.send);
  const test = readExpect(spec.expect);
  const isConnectOnly = send.length === 0 && spec.expect === '';
  return (signal) =>
    withConnection(spec, spec.tls, signal, async (socket) => {
      if (send.length > 0) socket.write(send);
      if (!isConnectOnly) await expectAnswer(socket, test, spec.expect);
    });
}

function expectAnswer(socket: Socket, test: AnswerTest, expect: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const fail = (what: string): void => reject(new CheckFailure(what));
    const wanted = expect === '' ? 'any answer' : JSON.stringify(expect);
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk.subarray(0, ANSWER_MAX_BYTES - answer.length)]);
      const verdict = test(answer);
      if (verdict === 'match') resolve();
      else if (verdict === 'mismatch' || answer.length >= ANSWER_MAX_BYTES) {
        fail(`answer ${showBytes(answer)}, wanted ${wanted}`);
      }
    });
    socket.once('end', () =>
      fail(
        answer.length === 0
          ? `closed without an answer, wanted ${wanted}`
          : `answer ${showBytes(answer)}, wanted ${wanted}`,
      ),
    );
  });
}
