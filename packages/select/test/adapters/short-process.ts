/** A program that runs one task on the worker file it is given, and does nothing to end. */
import { WorkerPool } from '@balancer/select/workers';

const pool = new WorkerPool(new URL(process.argv[2]!), { size: 2 });
console.log(await pool.run({ do: 'double', value: 21 }));
