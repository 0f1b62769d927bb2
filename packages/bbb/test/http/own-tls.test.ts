/** TLS that the gateway ends itself, and TLS towards servers. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { Secret } from '@balancer/kit';
import { signedQuery } from '@balancer/fake-bbb';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defaultBbbConfig, Gateway, parseBbbConfig, runOperation } from '../../src/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { CERTIFICATES } from './certificates.ts';

let folder: string;
let removeFolder: () => void;
const pathOf = (name: string): string => join(folder, name);

beforeAll(() => {
  ({ folder, remove: removeFolder } = temporaryFolder());
  for (const [name, { cert, key }] of Object.entries(CERTIFICATES)) {
    writeFileSync(pathOf(`${name}.crt`), cert);
    writeFileSync(pathOf(`${name}.key`), key);
  }
});
afterAll(() => removeFolder());

const base = {
  bind: '127.0.0.1',
  port: 0,
  admin_port: 0,
  secrets: [new Secret('s')],
  poll_interval: 3_600_000,
  // A machine that stalls must not take the server for dead.
  connect_timeout: 300_000,
  response_timeout: 300_000,
};

/** Body of an answer, and the name in the certificate. */
async function get(port: number, path: string): Promise<{ text: string; name: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false };
    const sent = request({ ...options, minVersion: 'TLSv1.2' }, (answer) => {
      const { CN: name } = (answer.socket as TLSSocket).getPeerCertificate().subject;
      let text = '';
      answer.on('data', (chunk) => (text += String(chunk)));
      answer.on('end', () => resolve({ text, name: String(name) }));
    });
    sent.on('error', reject).end();
  });
}

test('the gateway ends TLS itself, names its addresses so, and takes a renewed certificate', async () => {
  const tls = { tls_cert: pathOf('live.crt'), tls_key: pathOf('live.key') };
  const install = (name: string): void => {
    for (const kind of ['crt', 'key']) {
      copyFileSync(pathOf(`${name}.${kind}`), pathOf(`live.${kind}`));
    }
  };
  install('first');
  const config = defaultBbbConfig({ ...base, ...tls, data_dir: pathOf('data') });
  const gateway = await Gateway.open({ config });
  onTestFinished(async () => gateway.close());
  const { publicPort } = await gateway.start();
  expect(await get(publicPort, '/health_check')).toEqual({ text: 'success', name: 'first' });
  install('second');
  gateway.configure(config);
  expect((await get(publicPort, '/health_check')).name).toBe('second');
  await expect(fetch(`http://127.0.0.1:${publicPort}/`)).rejects.toThrow(/./);
});

describe('a certificate that cannot be', () => {
  const problemOf = (cert: string, key: string): string => {
    try {
      parseBbbConfig(`[bbb]\ntls_cert = '${cert}'\ntls_key = '${key}'\n`, 'gateway.toml');
    } catch (error) {
      return String(error);
    }
    return '';
  };

  test('is told before anything starts', () => {
    const [crt, key] = [pathOf('first.crt'), pathOf('first.key')];
    expect(problemOf(crt, key)).toBe('');
    expect(problemOf(crt, '')).toContain('tls_cert, tls_key: set both, or neither');
    expect(problemOf(pathOf('none.crt'), key)).toMatch(/ENOENT.*none\.crt/);
    expect(problemOf(crt, pathOf('second.key'))).toMatch(/key values mismatch/);
  });
});

test("a server's certificate is checked: by the usual authorities, by its own, or not at all", async () => {
  const list = '<response><returncode>SUCCESS</returncode><meetings/></response>';
  const server = createServer(CERTIFICATES.first, (_, response) => void response.end(list));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gateway = await Gateway.open({
    config: defaultBbbConfig({ ...base, data_dir: pathOf('data-2') }),
  });
  onTestFinished(async () => {
    await gateway.close();
    server.close().closeAllConnections();
  });
  const { publicPort } = await gateway.start();
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/bigbluebutton/api`;
  const add = { id: 'bbb1', url, secret: 'x', isEnabled: true };
  await runOperation(gateway, 'servers.add', add);
  const failuresOf = async (settings: object): Promise<unknown> => {
    await runOperation(gateway, 'servers.update', { id: 'bbb1', ...settings });
    return runOperation(gateway, 'poll', {});
  };
  expect(await failuresOf({})).toMatchObject({ failureCount: 1 });
  expect((await gateway.context.store.servers.find('bbb1'))?.last_error).toMatch(/SELF_SIGNED/);
  expect(await failuresOf({ tlsCa: pathOf('second.crt') })).toMatchObject({ failureCount: 1 });
  expect(await failuresOf({ tlsCa: pathOf('first.crt') })).toMatchObject({ failureCount: 0 });
  expect(await failuresOf({ tlsCa: null })).toMatchObject({ failureCount: 1 });
  expect(await failuresOf({ tlsVerify: false })).toMatchObject({ failureCount: 0 });
  const query = signedQuery({ call: 'getMeetings', query: '', secret: 's' });
  const listed = await fetch(
    `http://127.0.0.1:${publicPort}/bigbluebutton/api/getMeetings?${query}`,
  );
  expect(await listed.text()).toContain('noMeetings');
});
