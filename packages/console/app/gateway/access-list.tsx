/**
 * Who may use this page and the REST API.
 *
 * @module
 */
import type { JSX } from 'preact';
import type { TokenView } from '@balancer/bbb';
import { useGateway } from './context.ts';

/** What each role may do, for people. */
export const ROLES: Readonly<Record<TokenView['role'], string>> = {
  read: 'looks',
  operate: 'looks, and orders servers and meetings about',
  admin: 'everything, also tenants and tokens',
};

export function AccessList({
  tokens,
}: {
  readonly tokens: readonly TokenView[] | null;
}): JSX.Element {
  const gateway = useGateway();
  if (tokens === null) {
    return <p class="card empty">Tokens are shown to those with the role admin.</p>;
  }
  return (
    <section aria-label="Access">
      <div class="tools">
        <p class="quiet">Whoever has a token can use this page and the REST API.</p>
        <button
          type="button"
          class="primary push"
          onClick={() => (gateway.form.value = { kind: 'token' })}
        >
          Make a token
        </button>
      </div>
      <div class="card">
        <table class="list">
          <thead>
            <tr>
              <th>Name</th>
              <th>Role</th>
              <th>Made</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {tokens.map((token) => (
              <tr key={token.id} data-token={token.id}>
                <th scope="row">{token.name || token.id}</th>
                <td data-label="Role" title={ROLES[token.role]}>
                  {token.role}
                </td>
                <td data-label="Made">{new Date(token.created_at).toLocaleDateString()}</td>
                <td class="orders">
                  <button
                    type="button"
                    class="kill"
                    aria-label={`Revoke ${token.name || token.id}`}
                    onClick={() => void gateway.revokeToken(token)}
                  >
                    revoke
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
