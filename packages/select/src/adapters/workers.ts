export { ClosedError } from './closed-error.ts';
export { WorkerPool, type WorkerPoolOptions, type WorkerRunOptions } from './worker-pool.ts';
export {
  serve,
  transfer,
  type TaskContext,
  type TaskHandler,
  type TransferList,
} from './worker-serve.ts';
export { WorkerStoppedError, type PoolTimers, type WorkerNode } from './worker-slot.ts';
