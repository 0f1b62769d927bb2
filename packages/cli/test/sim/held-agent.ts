/** An agent whose runs wait until a test lets them begin: what is to be seen of a run that is under way can then be seen. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class HeldAgent {
  /** The module of the agent. */
  readonly path: string;
  readonly #held: string;

  /** @param folder - Takes the module, and the file that holds its runs. */
  constructor(folder: string) {
    this.path = join(folder, 'agent.mjs');
    this.#held = join(folder, 'held');
    this.write();
  }

  write(): void {
    writeFileSync(this.path, moduleHeldBy(this.#held));
  }

  /** Lets each thread begin so many runs, and no more until a release. */
  holdAfter(count: number): void {
    writeFileSync(this.#held, `${count}`);
  }

  release(): void {
    rmSync(this.#held, { force: true });
  }
}

/** Each run makes an agent. From a number on, which stands in a file while there is one, they wait. */
const moduleHeldBy = (file: string): string => `
import { readFileSync } from 'node:fs';
const clock = new Int32Array(new SharedArrayBuffer(4));
let begun = 0;
const isHeld = (number) => {
  try {
    return number > Number(readFileSync(${JSON.stringify(file)}, 'utf8'));
  } catch {
    return false;
  }
};
export const createAgent = () => {
  begun++;
  while (isHeld(begun)) Atomics.wait(clock, 0, 0, 20);
  return { gas: 0, act: (_view, { stream }) => stream.uniform() < 0.01 ? [{ do: "swap", tokenIn: 1, tokenOut: 0, amountIn: 1 }] : [] };
};
`;
