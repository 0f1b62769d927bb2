import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const GUIDE = fileURLToPath(new URL('../../../../docs/pools.md', import.meta.url));
const MARK = '\u001e';

/** Snippets marked as runnable, under their headings, with the output that the guide shows. */
const snippets = readFileSync(GUIDE, 'utf8')
  .split(/^## /m)
  .slice(1)
  .flatMap((section) => {
    const found = /```ts runnable\n(.*?)```\s+```text\n(.*?)```/s.exec(section);
    const title = section.slice(0, section.indexOf('\n'));
    return found === null ? [] : [{ title, code: found[1]!, output: found[2]! }];
  });

describe('the guide', () => {
  let folder: string;
  let outputs: string[] = [];

  // One process for all: each snippet prints, then a mark.
  beforeAll(() => {
    folder = mkdtempSync(join(HERE, 'run-'));
    const imports = snippets.map(({ code }, i) => {
      const file = join(folder, `snippet-${i}.ts`);
      writeFileSync(file, code);
      return `await import('${pathToFileURL(file).href}');\nprocess.stdout.write('${MARK}');`;
    });
    writeFileSync(join(folder, 'all.ts'), `${imports.join('\n')}\nexport {};\n`);
    const command = ['--conditions=balancer-source', '--import', 'tsx', join(folder, 'all.ts')];
    outputs = execFileSync(process.execPath, command, { encoding: 'utf8' }).split(MARK);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  test('has a snippet for pools, forks, ramps, rebases and the cliff', () => {
    expect(snippets.length).toBe(5);
  });

  test.each(snippets.map(({ title, output }, i) => ({ title, output, i })))(
    'prints what it shows: $title',
    ({ output, i }) => {
      expect(outputs[i]).toBe(output);
    },
  );
});
