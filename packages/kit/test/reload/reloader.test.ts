import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Reloader, type ReloaderOptions, type ReloadResult } from '../../src/index.ts';
import { temporaryDirectory } from '../temporary.ts';

/** Reads `key=value` lines; `#` starts a comment and `!` is a mistake. */
async function loadLines(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  if (text.includes('!')) throw new Error('there is a "!"');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** Renames a new file over the old one, so that no half-written content is ever there. */
async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** A reloader of a file, and its results as they come. */
async function watched(
  file: string,
  options: Partial<ReloaderOptions<string[]>> = {},
): Promise<{
  reloader: Reloader<string[]>;
  next: () => Promise<ReloadResult>;
  valueAfter: (awaited: string[]) => Promise<string[]>;
}> {
  const results: ReloadResult[] = [];
  const waiting: ((result: ReloadResult) => void)[] = [];
  const reloader = new Reloader({
    file,
    current: await loadLines(file),
    load: () => loadLines(file),
    apply: async () => {},
    debounceMs: 5,
    pollMs: 20,
    onResult: (result) => {
      const waiter = waiting.shift();
      if (waiter === undefined) results.push(result);
      else waiter(result);
    },
    ...options,
  });
  onTestFinished(() => reloader.close());
  const next = (): Promise<ReloadResult> => {
    const result = results.shift();
    return result === undefined
      ? new Promise((resolve) => void waiting.push(resolve))
      : Promise.resolve(result);
  };
  await reloader.start();
  expect(await next()).toEqual({ outcome: 'unchanged', trigger: 'file' });
  // An in-place write may also be seen half done; what counts is what is applied in the end.
  const valueAfter = async (awaited: string[]): Promise<string[]> => {
    while (!isDeepStrictEqual(reloader.current, awaited)) {
      // oxlint-disable-next-line no-await-in-loop -- one result after the other
      await next();
    }
    return reloader.current;
  };
  return { reloader, next, valueAfter };
}

const APPLIED = { outcome: 'applied', trigger: 'file' };

describe('Reloader', () => {
  test('follows a file that is written in place, renamed over, deleted and created', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'c');
    await writeFile(file, 'a=1\n');
    const { valueAfter } = await watched(file);

    await writeFile(file, 'a=2\n');
    expect(await valueAfter(['a=2'])).toEqual(['a=2']);

    await replaceFile(file, 'a=3\n');
    expect(await valueAfter(['a=3'])).toEqual(['a=3']);

    await rm(file);
    await writeFile(file, 'a=4\n');
    expect(await valueAfter(['a=4'])).toEqual(['a=4']);
  });

  test('follows a directory of a symbolic link that is swapped, as Kubernetes does', async () => {
    const directory = await temporaryDirectory();
    for (const version of ['1', '2']) {
      await mkdir(join(directory, version));
      await writeFile(join(directory, version, 'c'), `a=${version}\n`);
    }
    await symlink('1', join(directory, 'data'));
    await symlink('data/c', join(directory, 'c'));
    const { valueAfter } = await watched(join(directory, 'c'));

    await symlink('2', join(directory, 'data.new'));
    await rename(join(directory, 'data.new'), join(directory, 'data'));
    expect(await valueAfter(['a=2'])).toEqual(['a=2']);

    await writeFile(join(directory, '2', 'c'), 'a=5\n');
    expect(await valueAfter(['a=5'])).toEqual(['a=5']);
  });

  test('applies nothing when only comments and white space change', async () => {
    const file = join(await temporaryDirectory(), 'c');
    await writeFile(file, 'a=1\n');
    const values: string[][] = [];
    const { next } = await watched(file, {
      apply: async (value) => void values.push(value),
    });
    await replaceFile(file, '# a comment\n\na=1\n\n');
    expect(await next()).toEqual({ outcome: 'unchanged', trigger: 'file' });
    expect(values).toEqual([]);
  });

  test('keeps the old value after a failed load or apply, and says why until it succeeds', async () => {
    const file = join(await temporaryDirectory(), 'c');
    await writeFile(file, 'a=1\n');
    const { reloader, next } = await watched(file, {
      apply: async (value) => {
        if (value.includes('busy')) throw new Error('port in use');
      },
    });

    await replaceFile(file, '!\n');
    expect(await next()).toMatchObject({ outcome: 'failed' });
    expect(reloader.lastError).toEqual(new Error('there is a "!"'));

    await replaceFile(file, 'busy\n');
    expect(await next()).toMatchObject({ outcome: 'failed' });
    expect(reloader.lastError).toEqual(new Error('port in use'));
    expect(reloader.current).toEqual(['a=1']);

    await replaceFile(file, 'a=2\n');
    expect(await next()).toEqual(APPLIED);
    expect(reloader.lastError).toBeNull();
  });

  test('applies one value at a time; requests meanwhile share the reload that follows', async () => {
    const file = join(await temporaryDirectory(), 'c');
    await writeFile(file, 'a=1\n');
    let loads = 0;
    let running = 0;
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { reloader } = await watched(file, {
      load: async () => [`load=${++loads}`],
      isEqual: (a) => loads === 1 && a.length > 0,
      apply: async () => {
        expect(++running).toBe(1);
        await gate;
        running--;
      },
    });
    expect(loads).toBe(1);
    const first = reloader.reload('signal');
    const others = [reloader.reload('api'), reloader.reload('signal'), reloader.reload('file')];
    release();
    expect(await first).toEqual({ outcome: 'applied', trigger: 'signal' });
    const shared = await Promise.all(others);
    expect(new Set(shared).size).toBe(1);
    expect(loads).toBe(3);
  });

  test('takes up what is written back while something else is read', async () => {
    const file = join(await temporaryDirectory(), 'c');
    await writeFile(file, 'a=1\n');
    let meddle = false;
    const { next, valueAfter } = await watched(file, {
      load: async () => {
        if (!meddle) return loadLines(file);
        meddle = false;
        await replaceFile(file, 'a=3\n');
        const lines = await loadLines(file);
        await replaceFile(file, 'a=2\n');
        return lines;
      },
    });
    meddle = true;
    await replaceFile(file, 'a=2\n');
    expect(await next()).toEqual(APPLIED);
    expect(await valueAfter(['a=2'])).toEqual(['a=2']);
  });

  test('notices a change made between the first load and the watch', async () => {
    const file = join(await temporaryDirectory(), 'c');
    await writeFile(file, 'a=2\n');
    const results: ReloadResult[] = [];
    const reloader = new Reloader({
      file,
      current: ['a=1'],
      load: () => loadLines(file),
      apply: async () => {},
      onResult: (result) => void results.push(result),
    });
    await reloader.start();
    await reloader.close();
    expect(results).toEqual([APPLIED]);
    expect(reloader.current).toEqual(['a=2']);
  });
});
