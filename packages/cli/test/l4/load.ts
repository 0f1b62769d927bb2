/**
 * Load from the client of the lab, of which every part is accounted for: connections that stay open and
 * ask again and again, connections for one request each, and numbered datagrams. Goes on until told to stop.
 */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES } from '../../../../examples/l4-netns/network.ts';

export interface LoadOptions {
  /** Connections that stay open. */
  readonly flows?: number;
  /** New connections per second, for one request each. */
  readonly perSecond?: number;
  /** Datagrams that may wait for their answer at a time, on one flow; 0 for none. */
  readonly datagrams?: number;
  readonly port?: number;
  readonly udpPort?: number;
}

export interface LoadResult {
  readonly flows: readonly {
    readonly server: string;
    readonly answers: number;
    /** Why it ended before it was told to; empty when it did not. */
    readonly broken: string;
  }[];
  readonly requests: number;
  /** By reason. */
  readonly failed: Readonly<Record<string, number>>;
  /** Requests that were answered, by server. */
  readonly servers: Readonly<Record<string, number>>;
  readonly datagramsSent: number;
  readonly datagramsLost: number;
}

export interface Load {
  /** Resolves when so many requests and datagrams more than now were answered, and each open flow once. */
  readonly progress: (answers?: number) => Promise<void>;
  /** Lets what is under way end. */
  readonly stop: () => Promise<LoadResult>;
}

/** Longest wait for an answer. Far above what any machine needs: what takes so long is lost. */
const LOST_MS = 30_000;

/** Starts the load; resolves when all flows are open and the first answers are there. */
export async function startLoad(lab: Lab, options: LoadOptions): Promise<Load> {
  const { flows = 0, perSecond = 0, datagrams = 0, port = 80, udpPort = port } = options;
  const numbers = [flows, perSecond, datagrams, port, udpPort, LOST_MS].map(String);
  const args = ['-e', PROGRAM, ADDRESSES.service[4], ...numbers];
  const child = lab.start(lab.network.client, args);
  const errors = text(child.stderr!);
  let last = '';
  child.stdout!.on(
    'data',
    (chunk) => (last = `${last}${String(chunk)}`.split('\n').slice(-2).join('\n')),
  );
  const progress = async (answers = 1): Promise<void> => {
    child.stdin!.write(`${answers}\n`);
    await once(child.stdout!, 'data', { signal: AbortSignal.timeout(2 * LOST_MS) });
  };
  await progress();
  return {
    progress,
    stop: async () => {
      child.stdin!.end();
      await once(child, 'close');
      if (!last.startsWith('{')) throw new Error(`the load failed: ${await errors}`);
      // The program below prints it.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return JSON.parse(last) as LoadResult;
    },
  };
}

const PROGRAM = `
  const [host, ...numbers] = process.argv.slice(1);
  const [flowCount, perSecond, window, port, udpPort, lostMs] = numbers.map(Number);
  const result = { flows: [], requests: 0, failed: {}, servers: {}, datagramsSent: 0, datagramsLost: 0 };
  const FLOW_GAP_MS = 100;
  let stopping = false;
  let underWay = 0;
  let answered = 0;
  let waiting = null;
  const seen = () => {
    if (waiting && answered >= waiting.answered && result.flows.every((flow, i) => flow.broken || flow.answers > waiting.flows[i])) {
      waiting = null;
      console.log('progress');
    }
  };
  const fail = (reason) => (result.failed[reason] = (result.failed[reason] ?? 0) + 1);
  const done = () => {
    underWay--;
    if (!stopping || underWay > 0) return;
    console.log(JSON.stringify(result));
    process.exit();
  };

  const openFlow = () => {
    const flow = { server: '', answers: 0, broken: '' };
    result.flows.push(flow);
    underWay++;
    let got = '';
    let timer;
    const socket = require('node:net').connect(port, host);
    const end = (reason) => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => {}).destroy();
      flow.broken = reason;
      seen();
      done();
    };
    const ask = () => {
      if (stopping) return end('');
      timer = setTimeout(end, lostMs, 'no answer');
      socket.write('GET / HTTP/1.1\\r\\nHost: load\\r\\n\\r\\n');
    };
    socket.on('connect', ask).on('error', (error) => end(error.code)).on('close', () => end('closed'));
    socket.on('data', (bytes) => {
      got += bytes;
      const head = got.indexOf('\\r\\n\\r\\n');
      const length = Number(/content-length: (\\d+)/i.exec(got)?.[1]);
      if (head < 0 || got.length < head + 4 + length) return;
      const server = /server-name: (\\S+)/i.exec(got)[1];
      if (flow.server && server !== flow.server) return end('moved to ' + server);
      flow.server = server;
      flow.answers++;
      got = '';
      clearTimeout(timer);
      timer = setTimeout(ask, FLOW_GAP_MS);
      seen();
    });
  };

  const request = () => {
    if (stopping) return;
    result.requests++;
    underWay++;
    const call = require('node:http').get({ host, port, agent: false, timeout: lostMs }, (response) => {
      response.resume().on('end', () => {
        const server = response.headers['server-name'];
        result.servers[server] = (result.servers[server] ?? 0) + 1;
        answered++;
        seen();
        done();
      });
    });
    call.on('timeout', () => call.destroy(Object.assign(new Error(), { code: 'no answer' })));
    call.on('error', (error) => {
      fail(error.code);
      done();
    });
  };

  const datagrams = () => {
    const socket = require('node:dgram').createSocket('udp4');
    const open = new Map();
    underWay++;
    let isClosed = false;
    const isOver = () => {
      if (isClosed || !stopping || open.size > 0) return;
      isClosed = true;
      socket.close();
      done();
    };
    const send = () => {
      if (open.size >= window) return;
      const number = result.datagramsSent++;
      open.set(number, setTimeout(() => {
        open.delete(number);
        result.datagramsLost++;
        isOver();
      }, lostMs));
      socket.send(String(number), udpPort, host);
    };
    socket.on('message', (message) => {
      const number = Number(message.toString().split(' ')[2]);
      clearTimeout(open.get(number));
      if (open.delete(number)) answered++;
      seen();
      isOver();
    });
    const pace = setInterval(() => (stopping ? (clearInterval(pace), isOver()) : send()), 2);
  };

  for (let i = 0; i < flowCount; i++) openFlow();
  if (perSecond > 0) setInterval(request, 1000 / perSecond);
  if (window > 0) datagrams();
  process.stdin.on('data', (chunk) => {
    waiting = { answered: answered + Number(chunk) * (perSecond > 0 || window > 0), flows: result.flows.map(({ answers }) => answers) };
    seen();
  });
  process.stdin.on('end', () => {
    stopping = true;
    underWay++;
    done();
  });
`;
