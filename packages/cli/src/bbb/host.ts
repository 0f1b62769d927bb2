/**
 * Runs the gateway's operations where the data are: in the running gateway, through the socket in its
 * data directory, or, when none is running, on the data themselves.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { BbbConfig } from '@balancer/bbb';
import { BalancerError, errnoName } from '@balancer/kit';
import type { Io } from '../io.ts';

/** Options of every command of the gateway. */
export interface BbbOptions {
  /** Its configuration file. */
  readonly config?: string;
  readonly json?: boolean;
}

/** One operation by name. */
export type RunOperation = (name: string, input: object) => Promise<unknown>;

/** The gateway refused an order, or could not carry it out. */
class GatewayOrderError extends BalancerError {
  override readonly name = 'GatewayOrderError';
  readonly code = 'GATEWAY_ORDER';
}

/** Longest wait for an answer: a poll of servers that hang takes as long as their time-outs. */
const ANSWER_MS = 120_000;

/** Gives `work` the means to run operations. @throws what the operation throws. */
export async function withOperations<T>(
  { config: file }: BbbOptions,
  io: Io,
  work: (run: RunOperation) => Promise<T>,
): Promise<T> {
  const { ADMIN_SOCKET, loadBbbConfig } = await import('@balancer/bbb');
  const { config } = await loadBbbConfig(file, io.environment);
  const socket = join(config.data_dir, ADMIN_SOCKET);
  const isEmbedded = config.database_url === '';
  if (isEmbedded && existsSync(socket) && (await answers(socket))) {
    return work(async (name, input) => post(socket, name, input));
  }
  return withData(config, io, work);
}

async function withData<T>(
  config: BbbConfig,
  io: Io,
  work: (run: RunOperation) => Promise<T>,
): Promise<T> {
  const { Gateway, runOperation } = await import('@balancer/bbb');
  const gateway = await Gateway.open({ config, onNewSecret: (secret) => tellSecret(io, secret) });
  try {
    return await work(async (name, input) => runOperation(gateway, name, input));
  } finally {
    await gateway.close();
  }
}

/** Tells an operator the secret that was made because none is configured. */
export function tellSecret(io: Io, secret: string): void {
  io.stderr.write(`API secret for front-ends, made now and kept with the data: ${secret}\n`);
}

async function answers(socket: string): Promise<boolean> {
  try {
    await exchange(socket, { method: 'GET', path: '/healthz' });
    return true;
  } catch (error) {
    // A gateway that was killed leaves its socket behind.
    if (errnoName(error) === 'ECONNREFUSED' || errnoName(error) === 'ENOENT') return false;
    throw error;
  }
}

async function post(socket: string, name: string, input: object): Promise<unknown> {
  const path = `/operations/${encodeURIComponent(name)}`;
  const { status, text } = await exchange(socket, {
    method: 'POST',
    path,
    body: JSON.stringify(input),
  });
  const answer: unknown = JSON.parse(text);
  if (status === 200) return answer;
  const reason = typeof answer === 'object' && answer !== null && Reflect.get(answer, 'error');
  throw new GatewayOrderError(
    typeof reason === 'string' ? reason : `the gateway answered ${status}`,
  );
}

async function exchange(
  socketPath: string,
  {
    method,
    path,
    body = '',
  }: { readonly method: string; readonly path: string; readonly body?: string },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', host: 'localhost' };
    const sent = request({ socketPath, method, path, headers, timeout: ANSWER_MS }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => void chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    sent.once('timeout', () => {
      sent.destroy(
        new GatewayOrderError(`the gateway did not answer within ${ANSWER_MS / 1000} s`),
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
