/**
 * `balancer l4 import`: a keepalived.conf as a configuration of Balancer.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigFileError, EXIT } from '@balancer/kit';
import { type ConfigText, importKeepalived } from '@balancer/l4';
import { formatConfigFile, parseLoadBalancerConfig } from '@balancer/lb';
import type { Io } from '../io.ts';

/** What the result is called in messages. */
const RESULT = 'the result';

/** @returns 0, or 1 when something of the file is not in what was printed. */
export async function importConfiguration(
  file: string,
  options: { readonly interface?: readonly string[]; readonly configId?: string },
  io: Io,
): Promise<number> {
  const source = { file, text: readFileSync(file, 'utf8') };
  const { config, leftovers } = importKeepalived(source, {
    include: filesOf,
    configId: options.configId,
    interfaces: options.interface,
  });
  const toml = formatConfigFile(config);
  io.stdout.write(toml);
  const lines = [
    ...leftovers.map(({ file: name, line, what, why }) => `${name}:${line}: ${what}: ${why}`),
    ...problemsOf(toml),
  ];
  for (const line of lines) io.stderr.write(`${line}\n`);
  return lines.length === 0 ? EXIT.ok : EXIT.failed;
}

/** What `balancer check` would say: a service may need what keepalived.conf does not have. */
function problemsOf(toml: string): readonly string[] {
  try {
    parseLoadBalancerConfig(toml, RESULT);
    return [];
  } catch (error) {
    if (error instanceof ConfigFileError) return error.message.split('\n');
    throw error;
  }
}

/** The files of `include <pattern>`; `*` and `?` stand in the last part of the path. */
function filesOf(pattern: string, from: string): readonly ConfigText[] {
  const path = resolve(dirname(from), pattern);
  const name = basename(path);
  if (!/[*?]/.test(name)) return [{ file: path, text: readFileSync(path, 'utf8') }];
  const wanted = new RegExp(
    `^${name
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  return readdirSync(dirname(path))
    .filter((entry) => wanted.test(entry))
    .toSorted()
    .map((entry) => join(dirname(path), entry))
    .map((entry) => ({ file: entry, text: readFileSync(entry, 'utf8') }));
}
