import { KINDS } from './index.ts';
import type { Traits } from './kind.ts';

/** What each kind of finding is called in sentences and lists. */
export const KIND_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(KINDS).flatMap(([rule, { traits }]: [string, { traits: Traits }]) =>
    traits.name === null ? [] : [[rule, traits.name]],
  ),
);

/** A kind with its name, as services/dns/posture/ takes it. */
export interface NamedKind {
  kind: string;
  name: string;
  /** Receivers delivered nearly all the mail that it is about. */
  delivered?: boolean;
}

export const namedKind = (kind: string): NamedKind => ({ kind, name: kindName(kind) });

/** @param kind also one that this version does not know */
export function kindName(kind: string): string {
  return Object.hasOwn(KIND_NAMES, kind) ? KIND_NAMES[kind]! : kind;
}
