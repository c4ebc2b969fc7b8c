import type { Scope } from './scope.ts';

/** What a person may do: each may also do what those before it may. */
export const ROLES_OF_PEOPLE = ['viewer', 'operator', 'admin'] as const;
export type PersonRole = (typeof ROLES_OF_PEOPLE)[number];

/**
 * What a token may be used for: reading, acting on findings and senders, asking for changes, deciding about
 * them.
 */
export const TOKEN_SCOPES = ['read', 'act', 'request', 'decide'] as const;
export type TokenScope = (typeof TOKEN_SCOPES)[number];

/** The role that a person needs for a token of this scope to work. */
export const ROLE_FOR_SCOPE: Record<TokenScope, PersonRole> = {
  read: 'viewer',
  act: 'operator',
  request: 'operator',
  decide: 'operator',
};

/** Who makes a request. */
export interface Visitor {
  person_key: number;
  name: string;
  role: PersonRole;
  scope: Scope;
  /** When the company's provider last confirmed them; null for an account of ours. */
  confirmed_at: Date | null;
  /**
   * Where roles are lent to them (access.console): all that they have, each with its domains; null for all.
   */
  lent?: readonly { role: PersonRole; domains: readonly string[] | null }[];
  /** Where a program makes it: the token, and what it may be used for. */
  token?: { token_key: number; scopes: readonly TokenScope[] };
}
