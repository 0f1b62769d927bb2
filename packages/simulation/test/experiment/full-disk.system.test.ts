/** Results on a disk that is too small: a file system of its own, in memory. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { planOf, runPlan } from '@balancer/simulation';
import { scratchFolder } from '../files.ts';
import { ARB, experiment } from './support.ts';

const isRoot = process.getuid?.() === 0;
const reason = isRoot ? '' : ' (skipped: only root can mount a file system)';
const FILES = ['runs.csv', 'steps.csv', 'trades.csv'];

/** Files of this process that are open. */
function openFilesBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
}

describe.skipIf(!isRoot)(`a full disk${reason}`, () => {
  test('is an error that names the file; no table is there by halves; with room the same command goes on', async () => {
    const disk = join(scratchFolder(), 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    // Also while a file of it is open, as after a failure.
    onTestFinished(() => void execFileSync('umount', ['--lazy', disk]));
    const plan = planOf(experiment(`${ARB}[output]\nevery = 5\ntrades = true\n`, 'runs = 12'), '.');
    const expected = scratchFolder();
    await runPlan(plan, { out: expected, workers: 0 });
    const out = join(disk, 'out');
    await expect(runPlan(plan, { out, workers: 0 })).rejects.toThrow(
      /cannot be written: ENOSPC.*make room, and the same command goes on/,
    );
    expect(readdirSync(out).filter((name) => name.endsWith('.csv'))).toEqual([]);
    execFileSync('mount', ['-o', 'remount,size=64m', disk]);
    expect(await runPlan(plan, { out, workers: 0 })).toMatchObject({ isComplete: true });
    await vi.waitFor(() => expect(openFilesBelow(disk)).toEqual([]), { timeout: 60_000 });
    for (const file of FILES) {
      expect(existsSync(join(out, file))).toBe(true);
      expect(readFileSync(join(out, file), 'utf8')).toBe(
        readFileSync(join(expected, file), 'utf8'),
      );
    }
  });
});
