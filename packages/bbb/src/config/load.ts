/**
 * Reads the configuration: variables of the gateway's own first, then the file's `[bbb]`, then
 * Scalelite's variables, then defaults.
 *
 * @module
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  BalancerError,
  cidrList,
  type Environment,
  formatConfig,
  loadConfigFile,
  messageOf,
  parseConfig,
  REDACTED,
  Secret,
  secret,
  z,
} from '@balancer/kit';
import { readCertificate } from './certificate.ts';
import { type BbbConfig, GROUPS, KEYS } from './keys.ts';

export interface LoadedBbbConfig {
  readonly config: BbbConfig;
  /** For the operator's log: what was accepted and is not used. */
  readonly warnings: readonly string[];
}

/** Everything wrong with the variables, one line each. */
export class EnvironmentError extends BalancerError {
  override readonly name = 'EnvironmentError';
  readonly code = 'BBB_ENVIRONMENT';

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

const PREFIX = 'BALANCER_BBB_';
const FILE_SUFFIX = '_FILE';

/** Names of Scalelite's deployment that mean nothing here, and parts that this gateway lacks yet. */
const UNUSED =
  /^(NGINX_|WEB_CONCURRENCY$|RAILS_(?!LOG_LEVEL$|MAX_THREADS$)|POLLER_WAIT_TIMEOUT$|PREPARED_STATEMENT$|REDIS_POOL$|RECORDING_IMPORT_POLL$|S3_|AWS_|CLOUDFRONT_|CF_|DEFAULT_LOCALE$)/;

const OPEN_WHEN_EMPTY = 'FSAPI_PASSWORD';

/** The schema of a file; other tables than `[bbb]` belong to other parts of Balancer. */
const fileSchema: z.ZodType<{ bbb?: FileTable | undefined }> = z.looseObject({
  bbb: z
    .strictObject({
      ...schemasOf((name) => (groupOf(name) === undefined ? name : null)),
      ...Object.fromEntries(
        GROUPS.map((group) => [
          group,
          z
            .strictObject(
              schemasOf((name) => (groupOf(name) === group ? name.slice(group.length + 1) : null)),
            )
            .optional(),
        ]),
      ),
    })
    .optional(),
});

/** Keys of `[bbb]` to values, and names of its tables to theirs. */
type FileTable = Readonly<Record<string, unknown>>;

/** The table in which a file has a key; undefined for `[bbb]` itself. */
function groupOf(key: string): (typeof GROUPS)[number] | undefined {
  return GROUPS.find((group) => key.startsWith(`${group}_`));
}

function schemasOf(nameInFile: (key: string) => string | null): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, { schema }]) => {
      const name = nameInFile(key);
      return name === null ? [] : [[name, schema.optional()]];
    }),
  );
}

/** A file's tables as one list of keys. */
function flattened(table: FileTable): Partial<BbbConfig> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([name, value]) => {
      if (!GROUPS.some((group) => group === name)) return [[name, value]];
      const inside = Object.entries((value ?? {}) as FileTable);
      return inside.map(([key, inner]) => [`${name}_${key}`, inner]);
    }),
  );
}

/**
 * @param file - TOML file; without one only the environment counts.
 * @throws {ConfigFileError} with every problem of the file.
 * @throws {EnvironmentError} with every problem of the variables.
 */
export async function loadBbbConfig(
  file: string | undefined,
  environment: Environment,
): Promise<LoadedBbbConfig> {
  const rules = { schema: fileSchema, environment };
  const loaded = file === undefined ? undefined : await loadConfigFile(file, rules);
  return layered(flattened(loaded?.value.bbb ?? {}), environment);
}

/** As `loadBbbConfig`, of a text. */
export function parseBbbConfig(
  text: string,
  file: string,
  environment: Environment = {},
): LoadedBbbConfig {
  const loaded = parseConfig(text, file, { schema: fileSchema, environment });
  return layered(flattened(loaded.value.bbb ?? {}), environment);
}

/** The configuration of an empty file, for tests and embedding. */
export function defaultBbbConfig(overrides: Partial<BbbConfig> = {}): BbbConfig {
  const defaults = Object.entries(KEYS).map(([name, { fallback }]) => [name, fallback]);
  return { ...(Object.fromEntries(defaults) as BbbConfig), ...overrides };
}

/** The configuration as a file would have it, every default spelled out and nothing secret in it. */
export function formatBbbConfig(config: BbbConfig): string {
  return formatConfig(fileSchema, { bbb: writableConfig(config) });
}

/** As `formatBbbConfig`, for programs: what the file's table `[bbb]` would hold. */
export function describeBbbConfig(config: BbbConfig): Record<string, unknown> {
  const written = z.encode(fileSchema, { bbb: writableConfig(config) });
  return { ...(written as { readonly bbb: object }).bbb };
}

/** The tables of a file, without what TOML has no word for and without the passwords of addresses. */
function writableConfig(config: BbbConfig): FileTable {
  const { database_url: database, redis_url: redis, ...rest } = config;
  const urls = { database_url: withoutPassword(database), redis_url: withoutPassword(redis) };
  const table: Record<string, unknown> = {};
  for (const [key, value] of Object.entries({ ...rest, ...urls })) {
    if (value === null) continue;
    const group = groupOf(key);
    if (group === undefined) {
      table[key] = value;
    } else {
      const inside = (table[group] ?? {}) as FileTable;
      table[group] = { ...inside, [key.slice(group.length + 1)]: value };
    }
  }
  return table;
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return url === '' ? '' : REDACTED;
  const shown = new URL(url);
  if (shown.password !== '') shown.password = REDACTED;
  return shown.href;
}

function layered(file: Partial<BbbConfig>, environment: Environment): LoadedBbbConfig {
  const problems: string[] = [];
  const own = ownVariables(environment, problems);
  const scalelite = scaleliteVariables(environment, problems);
  const config = defaultBbbConfig({ ...scalelite, ...withoutAbsent(file), ...own });
  problems.push(...meaningProblems(config));
  if (problems.length > 0) throw new EnvironmentError(problems);
  const dataDir = config.data_dir || defaultDataDirectory(environment);
  return { config: { ...config, data_dir: dataDir }, warnings: unusedNames(environment) };
}

function withoutAbsent(values: Partial<BbbConfig>): Partial<BbbConfig> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function ownVariables(environment: Environment, problems: string[]): Partial<BbbConfig> {
  const names = Object.keys(environment).filter((name) => name.startsWith(PREFIX));
  return collect(
    names.map((name) => [name, ...ownKey(name, problems)] as const),
    environment,
    problems,
  );
}

/** The key that a variable sets, and whether the variable names a file that holds the value. */
function ownKey(name: string, problems: string[]): [key: string | null, isFile: boolean] {
  const key = name.slice(PREFIX.length).toLowerCase();
  if (Object.hasOwn(KEYS, key)) return [key, false];
  const keyOfFile = key.slice(0, -FILE_SUFFIX.length);
  if (name.endsWith(FILE_SUFFIX) && Object.hasOwn(KEYS, keyOfFile)) return [keyOfFile, true];
  problems.push(`${name}: unknown; keys are ${Object.keys(KEYS).join(', ')}`);
  return [null, false];
}

function scaleliteVariables(environment: Environment, problems: string[]): Partial<BbbConfig> {
  const settings = Object.entries(KEYS).flatMap(([key, { scalelite }]) => {
    // Empty is not set, but for the password: that opens the dial-in to everybody.
    const name = scalelite.find(
      (candidate) =>
        environment[candidate] || (candidate === OPEN_WHEN_EMPTY && candidate in environment),
    );
    return name === undefined ? [] : [[name, key, false] as const];
  });
  const values = collect(settings, environment, problems);
  const first = environment['LOADBALANCER_SECRET'];
  const secrets = [...(first ? [new Secret(first)] : []), ...(values.secrets ?? [])];
  // Scalelite polls with few threads and long waits; one slow server must not delay the others.
  const concurrency = values.poll_concurrency && Math.max(32, values.poll_concurrency);
  const isDisabled = (name: string): boolean => environment[name]?.toLowerCase() === 'true';
  return {
    ...values,
    ...((isDisabled('RECORDING_DISABLED') || isDisabled('DB_DISABLED')) && {
      recordings_enabled: false,
    }),
    ...(secrets.length > 0 && { secrets }),
    ...(concurrency && { poll_concurrency: concurrency }),
  };
}

function collect(
  settings: readonly (readonly [name: string, key: string | null, isFile: boolean])[],
  environment: Environment,
  problems: string[],
): Partial<BbbConfig> {
  const values: Record<string, unknown> = {};
  for (const [name, key, isFile] of settings) {
    if (key === null) continue;
    const { schema, fromText } = KEYS[key as keyof BbbConfig];
    const raw = environment[name] ?? '';
    const text = isFile ? secretText(name, raw, problems) : raw;
    const result = schema.safeParse(fromText(text));
    if (result.success) values[key] = result.data;
    else problems.push(...result.error.issues.map(({ message }) => `${name}: ${message}`));
  }
  return values;
}

function secretText(name: string, path: string, problems: string[]): string {
  const result = secret().safeParse(`file:${path}`);
  if (result.success) return result.data.reveal();
  problems.push(...result.error.issues.map(({ message }) => `${name}: ${message}`));
  return '';
}

/** What no single key shows. */
function meaningProblems(config: BbbConfig): string[] {
  const problems: string[] = [];
  const networks = cidrList().safeParse(config.trusted_proxies);
  if (!networks.success) {
    problems.push(
      `trusted_proxies: ${networks.error.issues.map(({ message }) => message).join('; ')}`,
    );
  }
  if (config.public_url !== '' && !/^https?:\/\/[^/]+$/.test(config.public_url)) {
    problems.push('public_url: needs a scheme and a host, such as "https://meet.example.com"');
  }
  problems.push(...certificateProblems(config));
  if (config.redis_url !== '' && config.database_url === '') {
    problems.push('redis_url: works with PostgreSQL only; set database_url, or drop redis_url');
  }
  if (config.database_url !== '' && !/^postgres(ql)?:\/\//.test(config.database_url)) {
    problems.push(
      'database_url: needs "postgres://…"; without it the data are embedded in data_dir',
    );
  }
  return problems;
}

/** Before a start or a reload would fail on them. */
function certificateProblems({ tls_cert: cert, tls_key: key }: BbbConfig): string[] {
  if (cert === '' && key === '') return [];
  if (cert === '' || key === '') return ['tls_cert, tls_key: set both, or neither'];
  try {
    readCertificate({ tls_cert: cert, tls_key: key });
    return [];
  } catch (error) {
    return [`tls_cert, tls_key: ${messageOf(error)}`];
  }
}

function unusedNames(environment: Environment): string[] {
  return Object.keys(environment)
    .filter((name) => UNUSED.test(name))
    .toSorted()
    .map((name) => `${name} is accepted and not used`);
}

function defaultDataDirectory(environment: Environment): string {
  if (process.getuid?.() === 0) return '/var/lib/balancer/bbb';
  const state = environment['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  return join(state, 'balancer', 'bbb');
}
