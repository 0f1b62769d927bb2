/**
 * Errors of the toolkit that stop a command. What a pool refuses is no error but a counted outcome.
 *
 * @module
 */

/** Something that the caller gave cannot be used; the message says what, where and how to mend it. */
export class SimulationError extends Error {
  override readonly name: string = 'SimulationError';
  readonly code: string = 'SIMULATION';
}

/** Code of the user threw inside a run. Carries what is needed to see it happen again. */
export class UserCodeError extends SimulationError {
  override readonly name = 'UserCodeError';
  override readonly code = 'USER_CODE';
  readonly step: number;
  readonly run: number;
  readonly actor: string;

  constructor(
    place: {
      readonly step: number;
      readonly run: number;
      readonly actor: string;
      readonly seed: string;
    },
    cause: unknown,
  ) {
    const { step, run, actor, seed } = place;
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `${actor} threw at step ${step} of run ${run} (seed ${seed}): ${reason}; see it again with: ` +
        `balancer sim run <file> --run ${run} --seed ${seed} --from-step ${step}`,
      { cause },
    );
    this.step = step;
    this.run = run;
    this.actor = actor;
  }
}
