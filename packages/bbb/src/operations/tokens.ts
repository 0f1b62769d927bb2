/**
 * Tokens of the admin page and the REST API: made, listed, revoked, recognised.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto';
import type { GatewayContext } from '../context.ts';
import type { TokenRole, TokenRow } from '../store/tokens.ts';
import { OperationError } from './servers.ts';

/** What a token may do, each role more than the one before it. */
export const TOKEN_ROLES: readonly ['read', 'operate', 'admin'] = ['read', 'operate', 'admin'];

/** A token without what makes it one. */
export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
  readonly created_at: string;
}

const NAME_MAX = 100;

/**
 * Makes a token.
 *
 * @returns The token itself, which is told only once.
 * @throws {OperationError} if the name is too long.
 */
export async function createToken(
  { store, nowMs }: GatewayContext,
  { name, role }: { readonly name: string; readonly role: TokenRole },
): Promise<TokenView & { readonly token: string }> {
  if (name.length > NAME_MAX) {
    throw new OperationError('invalid', `name: must have at most ${NAME_MAX} characters`);
  }
  const token = randomBytes(24).toString('base64url');
  const row: TokenRow = {
    id: randomBytes(4).toString('hex'),
    name,
    role,
    digest: digestOf(token),
    created_at_ms: nowMs(),
  };
  await store.tokens.add(row);
  return { ...viewOf(row), token };
}

export async function listTokens({ store }: GatewayContext): Promise<TokenView[]> {
  return (await store.tokens.list()).map(viewOf);
}

/** @throws {OperationError} if there is no such token. */
export async function revokeToken({ store }: GatewayContext, id: string): Promise<void> {
  if (!(await store.tokens.remove(id))) {
    throw new OperationError('unknown', `there is no token ${id}`);
  }
}

/**
 * The row of a token; undefined for none. What is compared are digests of 192 random bits, so the
 * time that the look-up takes tells nothing about a token.
 */
export async function recogniseToken(
  { store }: Pick<GatewayContext, 'store'>,
  token: string,
): Promise<TokenView | undefined> {
  const row = await store.tokens.findByDigest(digestOf(token));
  return row && viewOf(row);
}

/** True if a role may do what another one may. */
export function includesRole(role: TokenRole, needed: TokenRole): boolean {
  return TOKEN_ROLES.indexOf(role) >= TOKEN_ROLES.indexOf(needed);
}

function viewOf({ id, name, role, created_at_ms: createdMs }: TokenRow): TokenView {
  return { id, name, role, created_at: new Date(createdMs).toISOString() };
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
