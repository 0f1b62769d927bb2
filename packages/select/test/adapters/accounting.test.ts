import { Balancer, Node, policies } from '@balancer/select';
import { createFetch, type BalancedFetch } from '@balancer/select/fetch';
import { undiciDispatcher } from '@balancer/select/undici';
import fc from 'fast-check';
import type { RequestListener } from 'node:http';
import { Dispatcher, Pool } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startServer } from './http-servers.ts';
import { countsOfAll, eventually, SLOW } from './support.ts';

const IS_LONG = process.env.BALANCER_TEST_LONG !== undefined;
const RUNS = IS_LONG ? 1000 : 30;

/** What a server does, by the path of the request, and what its caller does. */
const SERVER_ACTS = ['ok', 'error', 'refuse', 'break', 'endless'] as const;
const CALLER_ACTS = ['read', 'cancel', 'abortAtOnce', 'abortLater'] as const;

type ServerAct = (typeof SERVER_ACTS)[number];
type CallerAct = (typeof CALLER_ACTS)[number];
type Call = [server: ServerAct, caller: CallerAct];

const act: RequestListener = (request, response) => {
  switch (request.url!.slice(1) as ServerAct) {
    case 'ok':
      response.end('fine');
      break;
    case 'error':
      response.writeHead(500).end('sorry');
      break;
    case 'refuse':
      request.socket.destroy();
      break;
    case 'break':
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => request.socket.destroy());
      break;
    case 'endless':
      response.write('and on');
      break;
  }
};

const calls = fc.array(
  fc
    .tuple(fc.constantFrom(...SERVER_ACTS), fc.constantFrom(...CALLER_ACTS))
    // Nobody reads an endless body to its end, and one that breaks may do so before anything else.
    .filter(([server, caller]) => !(server === 'endless' && caller === 'read'))
    .filter(([server, caller]) => !(server === 'break' && caller !== 'read')),
  { minLength: 1, maxLength: 12 },
);

/** How a call is counted. */
function verdictOf([server, caller]: Call): 'success' | 'failure' | 'neither' {
  if (caller === 'abortAtOnce') return 'neither';
  if (server === 'error' || server === 'refuse' || server === 'break') return 'failure';
  return caller === 'read' ? 'success' : 'neither';
}

async function setUp(): Promise<Balancer> {
  const servers = await Promise.all([startServer(act), startServer(act)]);
  const nodes = servers.map(({ origin }) => new Node(origin));
  const balancer = new Balancer({ policy: policies.p2c(), nodes });
  onTestFinished(() => balancer.destroy());
  return balancer;
}

async function performWithFetch(fetch: BalancedFetch, [server, caller]: Call): Promise<void> {
  const controller = new AbortController();
  const answer = fetch(`/${server}`, { signal: controller.signal });
  if (caller === 'abortAtOnce') controller.abort();
  try {
    const response = await answer;
    if (caller === 'read') await response.text();
    else if (caller === 'cancel') await response.body!.cancel();
    else controller.abort();
  } catch {
    // Only how it is counted matters here.
  }
}

async function performWithUndici(dispatcher: Dispatcher, [server, caller]: Call): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  const answer = dispatcher.request({ path: `/${server}`, method: 'GET', signal });
  if (caller === 'abortAtOnce') controller.abort();
  try {
    const { body } = await answer;
    body.on('error', () => undefined);
    if (caller === 'read') await body.text();
    else if (caller === 'cancel') body.destroy();
    else controller.abort();
  } catch {
    // Only how it is counted matters here.
  }
}

describe(
  'whatever servers and callers do, together and in any order',
  { timeout: IS_LONG ? 300_000 : SLOW.timeout },
  () => {
    test('createFetch counts each call as it should, and ends each job', async () => {
      const balancer = await setUp();
      const fetch = createFetch(balancer);
      const property = fc.asyncProperty(calls, async (list) => {
        const [, successes, failures] = countsOfAll(balancer);
        await Promise.all(list.map((call) => performWithFetch(fetch, call)));
        const verdicts = list.map(verdictOf);
        expect(countsOfAll(balancer)).toEqual([
          0,
          successes + verdicts.filter((verdict) => verdict === 'success').length,
          failures + verdicts.filter((verdict) => verdict === 'failure').length,
        ]);
      });
      await fc.assert(property, { numRuns: RUNS });
    });

    test('undiciDispatcher ends each job, and counts what is read to the end', async () => {
      const balancer = await setUp();
      const dispatcher = undiciDispatcher(balancer, {
        Dispatcher,
        factory: (origin) => new Pool(origin, { connections: 3 }),
      });
      onTestFinished(() => dispatcher.destroy());
      const property = fc.asyncProperty(calls, async (list) => {
        const [, successes, failures] = countsOfAll(balancer);
        await Promise.all(list.map((call) => performWithUndici(dispatcher, call)));
        await eventually(() => expect(countsOfAll(balancer)[0]).toBe(0));
        const readVerdicts = list.filter(([, caller]) => caller === 'read').map(verdictOf);
        const [, successesAfter, failuresAfter] = countsOfAll(balancer);
        // An answer may have arrived in full before its reader gives it up, which is a success.
        expect(successesAfter - successes).toBeGreaterThanOrEqual(
          readVerdicts.filter((verdict) => verdict === 'success').length,
        );
        expect(failuresAfter - failures).toBe(
          list.map(verdictOf).filter((verdict) => verdict === 'failure').length,
        );
      });
      await fc.assert(property, { numRuns: RUNS });
    });
  },
);
