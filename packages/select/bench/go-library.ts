/**
 * The benchmark of the Go library that published the reference scenario, run in the same session so
 * that the ratio does not depend on the machine: `github.com/tufanbarisyildirim/balancer`. It is
 * used when `go` is on the PATH and `BALANCER_GO_LIBRARY` names the folder with its source.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface GoResult {
  /** What the benchmark itself reports: wall clock. */
  readonly ns: number;
  /** CPU time of the whole process per pick, as our own figures are taken; start-up included. */
  readonly cpuNs: number;
  readonly bytesPerPick: number;
}

/** Runs its arguments and prints the user and system time of the children as its last line. */
const TIMED = '"$@"; times';

/** A compiled benchmark of the Go library. */
export class GoLibrary {
  readonly goVersion: string;
  readonly #folder: string;
  readonly #scratch: string;
  readonly #binary: string;

  private constructor(folder: string, goVersion: string) {
    this.goVersion = goVersion;
    this.#folder = folder;
    this.#scratch = mkdtempSync(join(tmpdir(), 'balancer-go-'));
    this.#binary = join(this.#scratch, 'library.test');
  }

  /** @returns The library, or in words why it is not compared with. */
  static open(folder: string | undefined): GoLibrary | string {
    if (folder === undefined || folder === '') return 'BALANCER_GO_LIBRARY is not set';
    const version = spawnSync('go', ['version'], { encoding: 'utf8' });
    if (version.status !== 0) return 'no Go toolchain on the PATH';
    const library = new GoLibrary(folder, version.stdout.trim());
    const build = spawnSync('go', ['test', '-c', '-o', library.#binary, '.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (build.status === 0) return library;
    library.close();
    return `go test -c failed in ${folder}: ${build.error?.message ?? build.stderr.trim()}`;
  }

  /** One run of one benchmark, in a process of its own. */
  run(benchmark: string, picks: number): GoResult {
    const { stdout, stderr, status } = spawnSync(
      'sh',
      [
        '-c',
        TIMED,
        'sh',
        this.#binary,
        '-test.run=^$',
        `-test.bench=^${benchmark}$`,
        `-test.benchtime=${picks}x`,
        '-test.benchmem',
      ],
      { cwd: this.#folder, encoding: 'utf8' },
    );
    const reported = /([\d.]+) ns\/op(?:\s+([\d.]+) B\/op)?/.exec(stdout);
    const times = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(stdout);
    if (status !== 0 || reported === null || times === null) {
      throw new Error(`${benchmark}: no result from the Go library: ${stdout}${stderr}`);
    }
    const [, userMin, userS, systemMin, systemS] = times.map(Number);
    const seconds = (userMin! + systemMin!) * 60 + userS! + systemS!;
    return {
      ns: Number(reported[1]),
      cpuNs: (seconds * 1e9) / picks,
      bytesPerPick: Number(reported[2] ?? 0),
    };
  }

  close(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}
