/**
 * Creation bytecode and ABI of the deployed contracts, read by path from the package
 * `@balancer-labs/v2-deployments`, and of our own doubles.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type AbiEntry, keccakHex } from './abi.ts';

/** What is needed to deploy a contract and to talk to it. */
export interface Artifact {
  readonly abi: readonly AbiEntry[];
  /** Hex digits without 0x; libraries are still placeholders `__$...$__`. */
  readonly creationCode: string;
}

const packageJson = createRequire(import.meta.url).resolve(
  '@balancer-labs/v2-deployments/package.json',
);
const tasks = join(dirname(packageJson), 'dist/tasks');
const cache = new Map<string, Artifact>();

/**
 * The artifact of `contract` in `task`, a folder name such as `20210418-vault` or
 * `deprecated/20210624-stable-pool`. Early tasks keep code and ABI in two files, later ones in one.
 */
export function artifact(task: string, contract: string): Artifact {
  const key = `${task}/${contract}`;
  let found = cache.get(key);
  if (found === undefined) cache.set(key, (found = readArtifact(task, contract)));
  return found;
}

/** The ABI of a contract whose code comes from elsewhere, such as from its factory. */
export function interfaceOf(task: string, contract: string): readonly AbiEntry[] {
  const single = join(tasks, task, 'artifact', `${contract}.json`);
  if (existsSync(single)) return readJson<{ abi: AbiEntry[] }>(single).abi;
  return readJson<AbiEntry[]>(join(tasks, task, 'abi', `${contract}.json`));
}

/** One of the contracts of `doubles/Doubles.sol`. */
export function double(contract: string): Artifact {
  const { contracts } = doubles();
  const { abi, bytecode } = contracts[contract]!;
  return { abi, creationCode: bytecode.slice(2) };
}

/** Everything that `doubles/compile.mjs` wrote. */
export function doubles(): {
  readonly sourceSha256: string;
  readonly contracts: Readonly<
    Record<string, { readonly abi: AbiEntry[]; readonly bytecode: string }>
  >;
} {
  return readJson(new URL('doubles/doubles.json', import.meta.url));
}

/**
 * Puts library addresses in place of the placeholders, which are the first 34 digits of the hash of
 * the library's qualified name.
 *
 * @param libraries - Qualified name (`contracts/lib/QueryProcessor.sol:QueryProcessor`) to address.
 */
export function link(creationCode: string, libraries: Readonly<Record<string, string>>): string {
  const linked = Object.entries(libraries).reduce(
    (code, [name, address]) =>
      code.replaceAll(`__$${keccakHex(name).slice(0, 34)}$__`, address.slice(2)),
    creationCode,
  );
  const missing = /__\$[0-9a-f]{34}\$__/u.exec(linked);
  if (missing !== null) throw new Error(`no library given for placeholder ${missing[0]}`);
  return linked;
}

function readArtifact(task: string, contract: string): Artifact {
  const single = join(tasks, task, 'artifact', `${contract}.json`);
  if (existsSync(single)) {
    const { abi, bytecode } = readJson<{ abi: AbiEntry[]; bytecode: string }>(single);
    return { abi, creationCode: bytecode.replace(/^0x/u, '') };
  }
  const { creationCode } = readJson<{ creationCode: string }>(
    join(tasks, task, 'bytecode', `${contract}.json`),
  );
  return { abi: interfaceOf(task, contract), creationCode: creationCode.replace(/^0x/u, '') };
}

/** The files are the package's and our own, so their shape is known. */
// oxlint-disable-next-line no-unnecessary-type-parameters -- names the shape at the call
function readJson<T>(path: string | URL): T {
  // oxlint-disable-next-line no-unsafe-type-assertion
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
