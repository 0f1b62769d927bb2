/**
 * Which tenant a request is for, and by which secrets it may be signed.
 *
 * @module
 */
import type { Tenant } from '../directory.ts';

/** Who signs a request. */
export interface Caller {
  /** Null: the gateway itself, without tenants. */
  readonly tenant: Tenant | null;
  readonly secrets: readonly string[];
  /** True when the path names the tenant. */
  readonly isByPath: boolean;
}

export interface CallerRules {
  readonly multitenancy: boolean;
  readonly defaultTenant: string;
  readonly gatewaySecrets: readonly string[];
}

/** A caller whose every checksum is wrong. */
const NOBODY: Caller = { tenant: null, secrets: [], isByPath: false };

/**
 * The caller of a request: the tenant that the path names, else the one named like the first label of
 * the host, else the default tenant, else nobody. Without tenants: whoever has the gateway's secret.
 *
 * @param host - In lower case, without port.
 */
export function resolveCaller(
  { host, pathTenant }: { readonly host: string; readonly pathTenant: string | null },
  tenants: ReadonlyMap<string, Tenant>,
  rules: CallerRules,
): Caller {
  if (!rules.multitenancy) {
    if (pathTenant !== null) return NOBODY;
    return { tenant: null, secrets: rules.gatewaySecrets, isByPath: false };
  }
  const named = (name: string): Tenant | undefined =>
    [...tenants.values()].find(({ row }) => row.name === name.toLowerCase());
  const tenant =
    pathTenant === null
      ? (named(host.split('.')[0] ?? '') ?? named(rules.defaultTenant))
      : named(pathTenant);
  if (tenant === undefined) return NOBODY;
  return { tenant, secrets: tenant.secrets, isByPath: pathTenant !== null };
}
