/**
 * From a file to a configuration, and back.
 *
 * @module
 */
import {
  type ConfigProblem,
  type ConfigRules,
  configJsonSchema,
  type Environment,
  formatConfig,
  loadConfigFile,
  parseConfig,
} from '@balancer/kit';
import { checkConfig } from './check.ts';
import { withDefaults } from './defaults.ts';
import { type ConfigFile, configFileSchema } from './schema.ts';
import type { LoadBalancerConfig } from './types.ts';

/** A file that may run. */
export interface LoadedLoadBalancerConfig {
  readonly file: string;
  readonly config: LoadBalancerConfig;
  /** What is allowed and rarely meant, in file order. */
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Reads and checks a configuration file; opens and resolves nothing that it names, except
 * certificates and secrets.
 *
 * @throws {ConfigFileError} with every problem of the file.
 */
export async function loadLoadBalancerConfig(
  file: string,
  environment: Environment,
): Promise<LoadedLoadBalancerConfig> {
  const { value, warnings } = await loadConfigFile(file, rules(environment));
  return { file, config: withDefaults(value), warnings };
}

/**
 * Like {@link loadLoadBalancerConfig} for a text that is already read.
 *
 * @param file - Name used in messages.
 */
export function parseLoadBalancerConfig(
  text: string,
  file: string,
  environment: Environment = {},
): LoadedLoadBalancerConfig {
  const { value, warnings } = parseConfig(text, file, rules(environment));
  return { file, config: withDefaults(value), warnings };
}

/** The configuration with every default as TOML; secrets are `"***"`. */
export function formatLoadBalancerConfig(config: LoadBalancerConfig): string {
  return formatConfig(configFileSchema, config);
}

/** A file as TOML, with what it says and no defaults. */
export function formatConfigFile(file: ConfigFile): string {
  return formatConfig(configFileSchema, file);
}

/** JSON Schema (draft 2020-12) of the file, for completion and hints in editors. */
export function loadBalancerConfigJsonSchema(): Record<string, unknown> {
  return configJsonSchema(configFileSchema);
}

/** `2 frontends, 2 backends, 6 servers`. */
export function summarizeConfig({ frontends, backends }: LoadBalancerConfig): string {
  const serverCount = Object.values(backends).reduce(
    (sum, { servers }) => sum + Object.keys(servers).length,
    0,
  );
  return [
    plural(Object.keys(frontends).length, 'frontend'),
    plural(Object.keys(backends).length, 'backend'),
    plural(serverCount, 'server'),
  ].join(', ');
}

function rules(environment: Environment): ConfigRules<ConfigFile> {
  return { schema: configFileSchema, check: checkConfig, environment };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
