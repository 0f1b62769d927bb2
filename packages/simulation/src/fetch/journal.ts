/**
 * What has been fetched so far, one JSON value a line, with the place to go on from. A fetch that was
 * cut off goes on behind the last whole line; one that has ended leaves a JSON array.
 *
 * @module
 */
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { SimulationError } from '../errors.ts';

interface Line<P> {
  /** Where to go on after this line. */
  readonly next: P;
  readonly values: readonly unknown[];
}

export class Journal<P> {
  readonly #path: string;
  readonly #part: string;
  /** Place to go on from; null at the very start. */
  next: P | null = null;
  /** Values so far. */
  count = 0;

  /** @param what - Everything that decides what is fetched; a journal of something else is refused. */
  constructor(path: string, what: unknown) {
    this.#path = path;
    this.#part = `${path}.part`;
    const head = JSON.stringify(what);
    if (!existsSync(this.#part)) {
      this.#write(() => writeFileSync(this.#part, `${head}\n`));
      return;
    }
    const text = readFileSync(this.#part, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const [first, ...lines] = whole.split('\n').slice(0, -1);
    if (first !== head) {
      throw new SimulationError(
        `${this.#part}: was begun by another fetch; delete it, or name another file with --out`,
      );
    }
    truncateSync(this.#part, Buffer.byteLength(whole));
    for (const line of lines) {
      const { next, values } = JSON.parse(line) as Line<P>;
      this.next = next;
      this.count += values.length;
    }
  }

  add(values: readonly unknown[], next: P): void {
    this.#write(() => appendFileSync(this.#part, `${JSON.stringify({ next, values })}\n`));
    this.next = next;
    this.count += values.length;
  }

  /** Puts all values in place under the file's own name. */
  finish(): void {
    const lines = readFileSync(this.#part, 'utf8').trimEnd().split('\n').slice(1);
    const values = lines.flatMap((line) => (JSON.parse(line) as Line<P>).values);
    this.#write(() => {
      writeFileSync(
        `${this.#path}.tmp`,
        `[\n${values.map((value) => JSON.stringify(value)).join(',\n')}\n]\n`,
      );
      renameSync(`${this.#path}.tmp`, this.#path);
    });
    rmSync(this.#part);
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw new SimulationError(`${this.#path}: cannot be written: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}
