/**
 * What of a tenant is reachable without a signature, by the host that was asked: a dial-in, a page to
 * watch.
 *
 * @module
 */
import type { GatewayContext } from '../context.ts';

/**
 * A host that names a tenant leads to what is that tenant's; any other one to what belongs to tenants
 * that are open to all. Without tenants everything is reachable.
 *
 * @param tenantId - Whose it is; empty: nobody's.
 * @param host - In lower case, without port.
 */
export async function isReachable(
  { config, directory }: Pick<GatewayContext, 'config' | 'directory'>,
  tenantId: string,
  host: string,
): Promise<boolean> {
  if (!config().multitenancy) return true;
  const tenants = await directory.tenants();
  const label = host.split('.')[0];
  const named = [...tenants.values()].find(({ row }) => row.name === label);
  if (named !== undefined) return named.row.id === tenantId;
  const own = tenants.get(tenantId)?.row;
  return own !== undefined && (own.path_access === 1 || own.name === config().default_tenant);
}
