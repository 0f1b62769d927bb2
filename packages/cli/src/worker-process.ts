/**
 * Worker processes of this program: started with the listening sockets of the main process within
 * their reach, and told what to do over a channel.
 *
 * The runtime's cluster module lends the sockets: the main process binds them and never accepts,
 * and a worker that listens on an address gets the socket that is there already.
 *
 * @module
 */
import cluster from 'node:cluster';
import type { Server as NetServer } from 'node:net';
import type { Answer, Order, WorkerProcess } from '@balancer/proxy';
import { createLog } from '@balancer/kit';
import { AccessLog } from '@balancer/lb';
import { WorkerHost } from '@balancer/proxy';

/** Signals that a terminal or a service manager sends to every process; the main process acts. */
const MAIN_ONLY_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** Starts this program as a worker. */
export function spawnWorker(): WorkerProcess {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ args: [], serialization: 'advanced' });
  const worker = cluster.fork({ NOTIFY_SOCKET: undefined });
  // An order that is sent to a worker which is just ending; its end is what is acted upon.
  worker.on('error', () => {});
  return {
    pid: worker.process.pid ?? 0,
    send: (order, socket) => {
      if (worker.isConnected()) worker.send(order, socket, () => {});
    },
    onAnswer: (listener) => worker.on('message', (answer: Answer) => listener(answer)),
    onExit: (listener) => {
      worker.once('exit', (code, signal) => listener(signal || `exit code ${code}`));
    },
    kill: () => void worker.process.kill('SIGKILL'),
  };
}

/** Does a worker's work until the main process ends it. */
export function runWorker(): void {
  for (const signal of MAIN_ONLY_SIGNALS) process.on(signal, () => {});
  const log = createLog({ fields: { worker: process.pid } });
  const accessLog = new AccessLog(undefined);
  const host = new WorkerHost({
    answer: (answer) => process.send!(answer),
    logger: log,
    onRecord: (record) => accessLog.write(record),
    wantsRecord: () => accessLog.wants(),
    onGlobal: (global) => {
      log.configure(global.log);
      accessLog.configure(global.access_log);
    },
    onReopenLogs: () => {
      log.reopen();
      accessLog.reopen();
    },
    onEnd: () => {
      void Promise.all([accessLog.close(), log.close()]).then(() => process.exit());
    },
  });
  process.on('message', (order: Order, socket?: NetServer) => void host.obey(order, socket));
  host.start();
}
