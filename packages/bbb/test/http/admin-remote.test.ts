/** The admin listener for other machines: only when wanted, and then nothing without a token. */
import { request } from 'node:http';
import { Secret } from '@balancer/kit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultBbbConfig, Gateway, runOperation } from '../../src/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';

let folder: ReturnType<typeof temporaryFolder>;
let gateway: Gateway;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  await gateway.close();
  folder.remove();
});

async function open(isRemote: boolean): Promise<void> {
  gateway = await Gateway.open({
    config: defaultBbbConfig({
      data_dir: folder.folder,
      bind: '127.0.0.1',
      port: 0,
      admin_bind: '0.0.0.0',
      admin_port: 0,
      admin_allow_remote: isRemote,
      secrets: [new Secret('s')],
    }),
  });
}

/** The status of an answer to a request that names another host. */
async function statusOf(port: number, path: string, token?: string): Promise<number> {
  const headers = {
    host: 'gateway.example.com',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.once('error', reject);
    sent.end();
  });
}

test('is refused on an address that others reach, naming what to set', async () => {
  await open(false);
  await expect(gateway.start()).rejects.toThrow(
    'set admin_allow_remote = true, or admin_bind to a loopback address',
  );
});

test('answers others when that is wanted, and tells nothing without a token', async () => {
  await open(true);
  const made = await runOperation(gateway, 'tokens.create', { role: 'read', name: '' });
  const { token } = made as { token: string };
  const { adminPort } = await gateway.start();
  expect(await statusOf(adminPort, '/healthz')).toBe(200);
  for (const path of ['/metrics', '/api/v1/servers']) {
    expect([path, await statusOf(adminPort, path)]).toEqual([path, 401]);
    expect([path, await statusOf(adminPort, path, token)]).toEqual([path, 200]);
  }
});
