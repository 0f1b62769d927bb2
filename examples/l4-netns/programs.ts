/**
 * The programs in the namespaces: servers that answer with their name and the client they see, and a
 * client that counts. Each runs as a process of its own, given to Node as text.
 */

/** HTTP on TCP and an echo on UDP, both on port 8080 and on the port that is given. */
export const SERVER = `
  const [name, ...ports] = process.argv.slice(1);
  const { createHash } = require('node:crypto');
  const plain = (address) => address.replace('::ffff:', '');
  const http = require('node:http').createServer((request, response) => {
    response.setHeader('server-name', name);
    response.setHeader('seen-client', plain(request.socket.remoteAddress));
    if (request.method === 'POST') {
      const hash = createHash('sha256');
      request.on('data', (chunk) => hash.update(chunk));
      request.on('end', () => response.end(hash.digest('hex')));
    } else {
      const bytes = Number(new URL(request.url, 'http://host').searchParams.get('bytes') ?? 0);
      response.end(bytes > 0 ? Buffer.alloc(bytes, name) : name + ' saw ' + plain(request.socket.remoteAddress) + '\\n');
    }
  });
  // Connections end when their client wants it, however long nothing comes.
  http.keepAliveTimeout = 0;
  let waiting = 2 * ports.length;
  const started = () => --waiting === 0 && console.log('ready');
  for (const port of ports) {
    const { createServer } = require('node:net');
    createServer((socket) => http.emit('connection', socket)).listen(Number(port), '::', started);
    const udp = require('node:dgram').createSocket({ type: 'udp6' });
    udp.on('message', (message, from) => {
      udp.send(name + ' ' + plain(from.address) + ' ' + message, from.port, from.address);
    });
    udp.bind(Number(port), started);
  }
`;

/**
 * Requests one after the other, each on a connection (or from a port) of its own. Prints as JSON how many
 * failed, how many each server answered, which clients the servers saw, and why the first one failed.
 */
export const CLIENT = `
  const [protocol, host, port, count, bytes] = process.argv.slice(1);
  const { createHash, randomBytes } = require('node:crypto');
  const result = { failed: 0, servers: {}, clients: {}, reason: '' };
  const note = (name, client) => {
    result.servers[name] = (result.servers[name] ?? 0) + 1;
    result.clients[client] = (result.clients[client] ?? 0) + 1;
  };
  const http = (path, body) => new Promise((resolve, reject) => {
    const options = { host, port, path, agent: false, timeout: 10000, method: body ? 'POST' : 'GET' };
    const request = require('node:http').request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        note(response.headers['server-name'], response.headers['seen-client']);
        resolve({ name: response.headers['server-name'], body: Buffer.concat(chunks) });
      });
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
    request.end(body);
  });
  // Open to the end: a port that is given back may be given out again, and then belongs to the same flow.
  const sockets = [];
  const udp = () => new Promise((resolve, reject) => {
    const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
    sockets.push(socket);
    const timer = setTimeout(() => reject(new Error('no answer')), 10000);
    socket.on('message', (message) => {
      const [name, client] = message.toString().split(' ');
      note(name, client);
      clearTimeout(timer);
      resolve();
    });
    socket.send('hello', Number(port), host);
  });
  const bulk = async () => {
    const size = Number(bytes);
    const body = randomBytes(size);
    const up = await http('/', body);
    if (up.body.toString() !== createHash('sha256').update(body).digest('hex')) throw new Error('upload differs');
    const down = await http('/?bytes=' + size);
    if (!down.body.equals(Buffer.alloc(size, down.name))) throw new Error('download differs');
  };
  (async () => {
    const one = protocol === 'udp' ? udp : () => http('/');
    const tasks = [...Array(Number(count)).fill(one), ...(Number(bytes) > 0 ? [bulk] : [])];
    for (const task of tasks) {
      try {
        await task();
      } catch (error) {
        result.failed++;
        result.reason ||= error.message;
      }
    }
    for (const socket of sockets) socket.close();
    console.log(JSON.stringify(result));
  })();
`;
