import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { openStore } from '@balancer/simulation';
import { signedHeaders } from '../../src/queue/bucket.ts';
import { scratchFile, scratchFolder } from '../files.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };

describe('a store in a folder', () => {
  test('gives back what was put, and leaves no parts behind', async () => {
    const folder = scratchFolder();
    const store = openStore(join(folder, 'store'));
    expect(await store.has('plan/shard-1')).toBe(false);
    await store.put('plan/shard-1', scratchFile('a', 'text'));
    expect(await store.has('plan/shard-1')).toBe(true);
    await store.get('plan/shard-1', join(folder, 'copy'));
    expect(readFileSync(join(folder, 'copy'), 'utf8')).toBe('text');
    expect(readdirSync(join(folder, 'store', 'plan'))).toEqual(['shard-1']);
  });

  test('names itself when it cannot be written', async () => {
    const file = scratchFile('file', '');
    await expect(openStore(file).put('plan/shard-1', file)).rejects.toThrow(
      /--store must name a folder that this machine can write/,
    );
    await expect(openStore(file).has('plan/shard-1')).rejects.toThrow('ENOTDIR');
  });

  test('leaves nothing under the name of a file whose copy fails', async () => {
    const folder = scratchFolder();
    const store = openStore(folder);
    await expect(store.put('shard', join(folder, 'absent'))).rejects.toThrow('ENOENT');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a store in a bucket', () => {
  // The example "GET Bucket Lifecycle" of the AWS documentation of Signature Version 4.
  test('signs requests as the service documents it', () => {
    const headers = signedHeaders({
      method: 'GET',
      url: new URL('https://examplebucket.s3.amazonaws.com/?lifecycle='),
      payload: new Uint8Array(),
      keys: {
        id: 'AKIAIOSFODNN7EXAMPLE',
        secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        token: undefined,
        region: 'us-east-1',
      },
      now: new Date('2013-05-24T00:00:00Z'),
    });
    expect(headers['authorization']).toContain(
      'Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
  });

  test('puts, finds and fetches objects, also when the service is busy for a moment', async () => {
    const objects = new Map<string, Buffer>();
    let busy = 1;
    await using service = await listen(async (request, reply) => {
      const body = await buffer(request);
      if (busy-- > 0) return reply(503);
      expect(request.headers.authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\//,
      );
      expect(request.headers['x-amz-content-sha256']).toBe(
        createHash('sha256').update(body).digest('hex'),
      );
      if (request.method === 'PUT') objects.set(request.url!, body);
      const object = objects.get(request.url!);
      return object === undefined
        ? reply(404)
        : reply(200, request.method === 'GET' ? object : undefined);
    });
    const store = openStore(`s3+http://127.0.0.1:${service.port}/bucket/prefix/`, KEYS);
    expect(await store.has('plan/shard-1')).toBe(false);
    await store.put('plan/shard-1', scratchFile('a', 'text'));
    expect([...objects.keys()]).toEqual(['/bucket/prefix/plan/shard-1']);
    expect(await store.has('plan/shard-1')).toBe(true);
    const copy = join(scratchFolder(), 'copy');
    await store.get('plan/shard-1', copy);
    expect(readFileSync(copy, 'utf8')).toBe('text');
    await expect(store.get('plan/shard-2', `${copy}-2`)).rejects.toThrow('the bucket answers 404');
    expect(existsSync(`${copy}-2`)).toBe(false);
  });

  test('says which address does not answer', async () => {
    const service = await listen(() => {});
    await service[Symbol.asyncDispose]();
    await expect(
      openStore(`s3+http://127.0.0.1:${service.port}/bucket`, KEYS).has('x'),
    ).rejects.toThrow(/--store: http:\/\/127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/);
  });
});

async function listen(
  onRequest: (
    request: IncomingMessage,
    reply: (status: number, body?: Buffer) => void,
  ) => void | Promise<void>,
) {
  const server = createServer((request, response) => {
    void onRequest(request, (status, body) => response.writeHead(status).end(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
