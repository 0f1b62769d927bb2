import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { AdminClient } from '../src/admin-client.ts';

test('a client has a connection for each call: one that is kept may be closed while it is used again', async () => {
  const used = new Set<Socket>();
  const server = createServer(({ socket }, response) => {
    // What a listener does whose patience with idle clients ends just now.
    if (used.has(socket)) socket.destroy();
    else response.end('{}');
    used.add(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const client = new AdminClient({ kind: 'inet', host: '127.0.0.1', port }, undefined);
  expect([await client.get('/one'), await client.get('/two')]).toEqual([{}, {}]);
});
