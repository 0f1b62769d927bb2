/**
 * A store in a bucket of Amazon S3 or of anything that speaks its protocol: path-style addresses,
 * requests signed with version 4.
 *
 * Source: AWS, "Signature Version 4 signing process" (General Reference).
 *
 * @module
 */
import { createHash, createHmac } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { SimulationError } from '../errors.ts';
import type { Store } from './store.ts';

interface Keys {
  readonly id: string;
  readonly secret: string;
  readonly token: string | undefined;
  readonly region: string;
}

const ATTEMPTS = 4;
const FIRST_DELAY_MS = 250;

/** @throws {SimulationError} When the keys are not in the environment. */
export function bucketStore(
  address: string,
  environment: Readonly<Record<string, string | undefined>>,
): Store {
  const base = address.replace(/\/+$/, '');
  const keys = keysOf(environment);
  const send = async (
    method: 'HEAD' | 'PUT' | 'GET',
    name: string,
    body?: Uint8Array,
  ): Promise<Response> => {
    const url = new URL(`${base}/${name.split('/').map(encodeURIComponent).join('/')}`);
    const payload = body ?? new Uint8Array();
    return persistently(url, async () =>
      fetch(url, {
        method,
        headers: signedHeaders({ method, url, payload, keys, now: new Date() }),
        ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }),
      }),
    );
  };
  return {
    async has(name) {
      const { status } = await send('HEAD', name);
      return status === 200;
    },
    async put(name, path) {
      requireOk(await send('PUT', name, await readFile(path)), name);
    },
    async get(name, path) {
      const response = requireOk(await send('GET', name), name);
      await writeFile(`${path}.tmp`, new Uint8Array(await response.arrayBuffer()));
      await rename(`${path}.tmp`, path);
    },
  };
}

/** Headers of a request as the service wants to see them. */
export function signedHeaders({
  method,
  url,
  payload,
  keys,
  now,
}: {
  readonly method: string;
  readonly url: URL;
  readonly payload: Uint8Array;
  readonly keys: Keys;
  readonly now: Date;
}): Record<string, string> {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const day = time.slice(0, 8);
  const hash = sha256(payload);
  const headers: Record<string, string> = {
    host: url.host,
    'x-amz-content-sha256': hash,
    'x-amz-date': time,
    ...(keys.token !== undefined && { 'x-amz-security-token': keys.token }),
  };
  const names = Object.keys(headers).toSorted();
  const request = [
    method,
    url.pathname,
    [...url.searchParams].map(([name, value]) => `${name}=${value}`).join('&'),
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    hash,
  ].join('\n');
  const scope = `${day}/${keys.region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(Buffer.from(request))].join('\n');
  const signing = [day, keys.region, 's3', 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${keys.secret}`),
  );
  const signature = hmac(signing, text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  const { host: _host, ...sent } = headers;
  return { ...sent, authorization };
}

function keysOf(environment: Readonly<Record<string, string | undefined>>): Keys {
  const id = environment['AWS_ACCESS_KEY_ID'];
  const secret = environment['AWS_SECRET_ACCESS_KEY'];
  if (id === undefined || secret === undefined) {
    throw new SimulationError(
      '--store: a bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment',
    );
  }
  return {
    id,
    secret,
    token: environment['AWS_SESSION_TOKEN'],
    region: environment['AWS_REGION'] ?? 'us-east-1',
  };
}

/** Once more after connection errors and answers of a busy service, at growing intervals. */
async function persistently(url: URL, request: () => Promise<Response>): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await request();
      if (response.status < 500 || attempt === ATTEMPTS) return response;
    } catch (error) {
      if (attempt === ATTEMPTS) {
        const { cause, message } = error as Error;
        const reason = cause instanceof Error ? cause.message : message;
        throw new SimulationError(`--store: ${url.origin} does not answer: ${reason}`, {
          cause: error,
        });
      }
    }
    const delayMs = FIRST_DELAY_MS * 2 ** (attempt - 1);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}

function requireOk(response: Response, name: string): Response {
  if (response.ok) return response;
  throw new SimulationError(
    `--store: ${name}: the bucket answers ${response.status} ${response.statusText}; see that it exists and that the keys may read and write it`,
  );
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
