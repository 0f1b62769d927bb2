/**
 * The thread of the engine: calls its methods as the main thread asks, and lets it look after things once
 * a second.
 *
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { Engine } from './engine.ts';
import type { Answer, Call, Notice, Operations } from './engine-thread.ts';

const TICK_MS = 1000;
/** Longest time that a report of the programs waits in the ring. */
const EVENTS_MS = 100;

const port = parentPort;
if (!port) throw new Error('engine-worker.ts runs in a thread');

let engine: Engine | undefined;
let timers: readonly NodeJS.Timeout[] = [];

const operations: Operations = {
  open: (options) => {
    engine = new Engine(options);
    return engine.report;
  },
  check: (desired) => current().check(desired),
  apply: (desired) => current().apply(desired),
  attach: () => {
    current().attach();
    if (timers.length === 0) {
      timers = [setInterval(guarded(tick), TICK_MS), setInterval(guarded(readEvents), EVENTS_MS)];
    }
  },
  snapshot: (cpu) => current().snapshot(cpu),
  collectNow: () => current().collectNow(),
  listHits: () => current().listHits(),
  flows: (filter) => current().flows(filter),
  closeFlows: (filter) => current().closeFlows(filter),
  lookup: (...args) => current().lookup(...args),
  digest: () => current().digest(),
  inspect: () => current().inspect(),
  close: () => end((each) => each.close()),
  detach: () => end((each) => each.detach()),
};

port.on('message', ({ id, method, args }: Call) => {
  let answer: Answer;
  try {
    // The caller's types tie arguments to methods; across threads they are lost.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const operation = operations[method] as (...given: readonly unknown[]) => unknown;
    answer = { id, result: operation(...args) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    answer = { id, error: { name, message } };
  }
  port.postMessage(answer);
});

function current(): Engine {
  if (!engine) throw new Error('the packet plane is not open');
  return engine;
}

function end(action: (engine: Engine) => void): void {
  timers.forEach((timer) => clearInterval(timer));
  timers = [];
  if (engine) action(engine);
  engine = undefined;
}

function tick(): void {
  const findings = engine?.tick() ?? [];
  if (findings.length > 0) say({ findings });
}

function readEvents(): void {
  const events = engine?.events() ?? [];
  if (events.length > 0) say({ events });
}

/** Work of a timer: its failure is told, and the thread goes on. */
function guarded(work: () => void): () => void {
  return () => {
    try {
      work();
    } catch (error) {
      say({ failure: error instanceof Error ? error.message : String(error) });
    }
  };
}

function say(notice: Notice): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  port!.postMessage(notice);
}
