/** Runs the pool commands on files in memory. */
import { Command } from 'commander';
import { registerPools } from '../../src/pools/register.ts';

/** Runs one command, its words in one string or several, on files in memory. */
export function run(files: Record<string, unknown>, ...args: string[]) {
  let code = -1;
  let out = '';
  let err = '';
  const program = new Command('balancer').exitOverride();
  registerPools(program, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    readText(path) {
      const content = files[path];
      if (content === undefined) throw new Error('no such file');
      return typeof content === 'string' ? content : JSON.stringify(content);
    },
    listFolder: (path) =>
      path.endsWith('/')
        ? Object.keys(files).flatMap((name) =>
            name.startsWith(path) ? [name.slice(path.length)] : [],
          )
        : null,
    finish: (result) => (code = result),
  });
  program.parse(['pools', ...args.flatMap((part) => part.split(' '))], { from: 'user' });
  return { code, out, err, json: (): unknown => JSON.parse(out) };
}

/** One file with a pool. */
export const pool = (description: unknown): Record<string, unknown> => ({
  'pool.json': description,
});
