/**
 * Runs every fenced block that a README or guide marks as `runnable`, from the folder of the package
 * it documents, and compares what it prints with the `text` block that follows it, if one does.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readSnippets, type Snippet } from '../scripts/snippets.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const documents = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md') && !/(^|\/)(node_modules|dist)\//.test(file))
  .map((file) => ({ file, snippets: readSnippets(readFileSync(join(root, file), 'utf8')) }))
  .filter(({ snippets }) => snippets.length > 0);

describe.each(documents)('$file', ({ file, snippets }) => {
  // A guide outside of a package runs at the root.
  const folder = /^packages\/[^/]+/.exec(file)?.[0] ?? '.';

  test.concurrent.each(snippets)('runs what line $line shows', async (snippet) => {
    const printed = await run(snippet, join(root, folder));
    // Without an expected output, having run without failing is the claim.
    expect(printed.trimEnd()).toBe((snippet.output ?? printed).trimEnd());
  });
});

describe('readSnippets', () => {
  test('finds runnable blocks and the output that follows them', () => {
    const markdown = [
      '```ts runnable',
      'console.log(1);',
      '```',
      '',
      '```text',
      '1',
      '```',
      '```sh',
      'rm x',
      '```',
      '```sh runnable',
      'true',
      '```',
      'words',
      '',
      '```text',
      'not its output',
      '```',
    ].join('\n');
    expect(readSnippets(markdown)).toEqual([
      { language: 'ts', code: 'console.log(1);', line: 1, output: '1' },
      { language: 'sh', code: 'true', line: 11, output: undefined },
    ]);
  });
});

/** What a snippet prints on stdout. Rejects when it fails, with what it printed on stderr. */
async function run({ language, code }: Snippet, folder: string): Promise<string> {
  if (language === 'sh')
    return (await execute('bash', ['-euo', 'pipefail', '-c', code], folder)).stdout;
  if (language !== 'ts') throw new Error(`no way to run "${language}" snippets`);
  // Inside the package, so that its name and its dependencies resolve as they do for its own files.
  const scratch = mkdtempSync(join(folder, '.snippet-'));
  try {
    const file = join(scratch, 'snippet.mts');
    writeFileSync(file, code);
    const flags = ['--conditions=balancer-source', '--import', 'tsx'];
    return (await execute(process.execPath, [...flags, file], dirname(scratch))).stdout;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function execute(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(command, args, { cwd });
}
