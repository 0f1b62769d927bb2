/**
 * `npm run bench -w packages/simulation [-- name ...]`: what runs cost, beside plain loops in the same
 * process. With `SIMULATION_PYTHON_MODEL` set to a checkout of the study's Python model, beside that too.
 */
import { cpus } from 'node:os';
import { formatMeasured, runBench, SimulationError } from '@balancer/simulation';

const names = process.argv.slice(2);
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}\n`,
);
try {
  await runBench({
    ...(names.length > 0 && { only: names }),
    pythonModel: process.env['SIMULATION_PYTHON_MODEL'] ?? null,
    onMeasured: (measured) => console.log(formatMeasured(measured)),
  });
} catch (error) {
  if (!(error instanceof SimulationError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
