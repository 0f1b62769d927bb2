/**
 * What do joins, creates, polls, lists of recordings and a start of the gateway cost? Every figure stands
 * beside the aim for it; floors are measured in the same run.
 *
 *     npm run bench -w packages/bbb
 *     npm run bench -w packages/bbb -- --short      # whether it works, in half a minute
 *
 * Gateways are processes of their own, of the built packages, on embedded storage unless said otherwise;
 * this process plays the servers and makes the load. PostgreSQL and Redis are started if they are
 * installed; theirs is without `fsync`, which counts for creates only.
 *
 * @module
 */
import { cpus, loadavg } from 'node:os';
import { BenchGateway, median, tell } from './bench-gateway.ts';
import { benchCreates } from './creates.ts';
import { benchJoins } from './joins.ts';
import { benchPolls } from './polls.ts';
import { benchRecordings } from './recordings.ts';
import { startScaledOut } from './scaled-out.ts';

const isShort = process.argv.includes('--short');

async function benchStarts(): Promise<void> {
  const startsMs: number[] = [];
  for (let i = 0; i < 3; i++) {
    const gateway = await BenchGateway.start({ servers: [], recordCount: 0 });
    startsMs.push(gateway.firstAnswerMs);
    await gateway.close();
  }
  const figure = `${median(startsMs).toFixed(0)} ms`;
  tell('start of the process to the first answer', figure, 'under 2 s');
}

const load = loadavg()[0]!.toFixed(1);
process.stdout.write(
  `${cpus().length} x ${cpus()[0]!.model}, Node ${process.versions.node}, load ${load}\n`,
);
const scaledOut = await startScaledOut();
if (scaledOut === null) process.stdout.write('without PostgreSQL and Redis: not installed\n');
try {
  await benchStarts();
  await benchJoins(isShort);
  await benchCreates(isShort, scaledOut);
  await benchRecordings(isShort, scaledOut);
  await benchPolls(isShort);
} finally {
  await scaledOut?.close();
}
