/**
 * `balancer sim bench`: what runs cost on this machine.
 *
 * @module
 */
import { EXIT } from '@balancer/kit';
import { formatMeasured, runBench } from '@balancer/simulation';
import type { Io } from '../io.ts';

export interface BenchFlags {
  readonly quick?: boolean;
  readonly json?: boolean;
}

/** Environment variable with the folder of the study's Python model. */
const PYTHON_MODEL = 'SIMULATION_PYTHON_MODEL';

/** Prints each figure as it comes. An aim that is missed is no failure. */
export async function bench(names: readonly string[], flags: BenchFlags, io: Io): Promise<number> {
  await runBench({
    ...(names.length > 0 && { only: names }),
    isQuick: flags.quick === true,
    pythonModel: io.environment[PYTHON_MODEL] ?? null,
    onMeasured: (measured) =>
      void io.stdout.write(
        flags.json === true ? `${JSON.stringify(measured)}\n` : `${formatMeasured(measured)}\n`,
      ),
  });
  return EXIT.ok;
}
