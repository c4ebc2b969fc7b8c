import { z } from 'zod';
import { labelsOf, lowerName, nameOf } from '../dns/client/name.ts';
import { isWithin } from '../dns/wire/received.ts';

/** Types of records that may be lent. Delegations and keys of zones never are. */
const LENT_TYPES = ['TXT', 'CNAME', 'MX', 'A', 'AAAA'] as const;
export const OPERATIONS = ['add', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

const LABELS = '(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*';
const zone = z
  .string()
  .max(253)
  .regex(new RegExp(`^${LABELS}$`), 'must be a zone in lower case, such as example.com');
const scopedName = z
  .string()
  .max(253)
  .regex(
    new RegExp(`^(?:\\*\\.|\\.)?${LABELS}$`),
    'must be a name in lower case, such as _acme-challenge.example.com, or .app.example.com for all names below app.example.com',
  );

/** What a scope has. */
export const DNS_SCOPE = {
  zone,
  /**
   * A name stands for itself; with a dot before it, for all names below it except wildcards and those of
   * policies and keys.
   */
  names: z.array(scopedName).min(1).max(20),
  types: z.array(z.enum(LENT_TYPES)).min(1),
  operations: z.array(z.enum(OPERATIONS)).min(1),
};

/** A mistake for each name that the zone does not have. */
export function namesInZone(scope: { zone: string; names: readonly string[] }, ctx: z.RefinementCtx): void {
  for (const name of scope.names)
    if (!isWithin(name.replace(/^\./, ''), scope.zone))
      ctx.addIssue({ code: 'custom', message: `${name} is not in the zone ${scope.zone}` });
}

/** What may be changed in DNS: each name, type and operation of it, and nothing else. */
export const dnsScopeSchema = z.strictObject(DNS_SCOPE).superRefine(namesInZone);
export type DnsScope = z.infer<typeof dnsScopeSchema>;

/**
 * Labels below which records say who may send as a domain, and what becomes of the rest: such names are lent
 * by what they are called.
 */
const OF_MAIL = new Set(['_dmarc', '_domainkey']);

/**
 * Whether a name is in the scope. Labels are compared, so that neither letter case nor an escape makes
 * another name of it.
 */
export function hasName({ names }: Pick<DnsScope, 'names'>, given: string): boolean {
  const labels = labelsOf(given);
  if (labels === null) return false;
  const name = lowerName(nameOf(labels));
  return names.some((one) => {
    if (!one.startsWith('.')) return one === name;
    const above = one.slice(1);
    if (name === above || !isWithin(name, above) || name.startsWith('*.')) return false;
    return !name
      .slice(0, -above.length)
      .split('.')
      .some((label) => OF_MAIL.has(label));
  });
}

/** The first of some names, as scopes have them, that others do not cover; null when they cover all. */
export function notCovered(names: readonly string[], by: readonly string[]): string | null {
  const covers = (one: string): boolean => {
    if (by.includes(one)) return true;
    // All names below one are covered by those of one above it alone; a wildcard is in none of these.
    return one.startsWith('.')
      ? by.some((other) => other.startsWith('.') && one.endsWith(other))
      : hasName({ names: [...by] }, one);
  };
  return names.find((one) => !covers(one)) ?? null;
}

/**
 * Why a step is outside the scope, as a sentence; null when it is inside. @param type null for one that is
 * never lent
 */
export function outsideScope(
  scope: DnsScope,
  { name, type, operation }: { name: string; type: string | null; operation: Operation },
): string | null {
  if (!hasName(scope, name)) return `${name} is not among the names of the grant.`;
  if (type === null || !(scope.types as readonly string[]).includes(type))
    return `Records of this type (${type ?? 'unknown'}) are not among those of the grant.`;
  if (!scope.operations.includes(operation)) return `The grant does not include to ${operation} records.`;
  return null;
}

/** The scope in one line, for people. */
export const scopeText = ({ zone, names, types, operations }: DnsScope): string =>
  `${operations.join(', ')} ${types.join(', ')} at ${names.join(', ')} (zone ${zone})`;
