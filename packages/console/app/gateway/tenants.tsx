/**
 * The customers of the gateway, with their limits.
 *
 * @module
 */
import type { JSX } from 'preact';
import type { GatewayStatus, TenantView } from '@balancer/bbb';
import { formatCount, formatCounted } from '../../src/format.ts';
import { useGateway } from './context.ts';

export function Tenants({
  status,
  tenants,
}: {
  readonly status: GatewayStatus;
  readonly tenants: readonly TenantView[];
}): JSX.Element {
  const gateway = useGateway();
  return (
    <section aria-label="Tenants">
      <div class="tools">
        {!status.multitenancy && (
          <p class="quiet">
            Tenants are off: set <code>multitenancy = true</code> to serve several schools, each
            with its own secret.
          </p>
        )}
        {gateway.may('admin') && (
          <button
            type="button"
            class="primary push"
            onClick={() => (gateway.form.value = { kind: 'tenant', tenant: null })}
          >
            Add a tenant
          </button>
        )}
      </div>
      {tenants.length === 0 && <p class="card empty">No tenants.</p>}
      {tenants.length > 0 && (
        <div class="card">
          <table class="list">
            <thead>
              <tr>
                <th>Tenant</th>
                <th>Secrets</th>
                <th>Meetings at most</th>
                <th>People at most</th>
                <th>Learning records</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {tenants.map((tenant) => (
                <tr key={tenant.id} data-tenant={tenant.name}>
                  <th scope="row">{tenant.name}</th>
                  <td data-label="Secrets">{formatCounted(tenant.secrets, 'secret')}</td>
                  <td data-label="Meetings at most">{limitOf(tenant.max_meetings)}</td>
                  <td data-label="People at most">{limitOf(tenant.max_users)}</td>
                  <td data-label="Learning records">{tenant.lrs_endpoint || '–'}</td>
                  <td class="orders">
                    {gateway.may('admin') && (
                      <>
                        <button
                          type="button"
                          aria-label={`Change ${tenant.name}`}
                          onClick={() => (gateway.form.value = { kind: 'tenant', tenant })}
                        >
                          change
                        </button>
                        <button
                          type="button"
                          class="kill"
                          aria-label={`Remove ${tenant.name}`}
                          onClick={() => void gateway.removeTenant(tenant)}
                        >
                          remove
                        </button>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function limitOf(limit: number): string {
  return limit === 0 ? 'no limit' : formatCount(limit);
}
