import { trimBlanks } from '../tag-list.ts';

/** The parts of a record between semicolons, without blanks around them. */
export function partsOf(text: string): string[] {
  return text.split(';').map(trimBlanks).filter(Boolean);
}

const nameOf = (part: string): string => part.split('=')[0]!.trim().toLowerCase();

/** Tags that stand together behind `p`; all others that are new come last. */
const POLICIES = new Set(['sp', 'np', 't']);

/**
 * A DMARC record with some tags set, or taken away (null). All else stays as it is written, in its order. A
 * new `p` stands right behind `v`, where receivers of RFC 7489 want it.
 */
export function withTags(text: string, tags: Readonly<Record<string, string | null>>): string {
  const there = new Set<string>();
  const parts = partsOf(text).flatMap((part) => {
    const name = nameOf(part);
    if (!Object.hasOwn(tags, name)) return [part];
    const value = tags[name]!;
    // Of a tag that stands twice, receivers take one or the other: one is left.
    if (value === null || there.has(name)) return [];
    there.add(name);
    return [`${part.split('=')[0]!.trim()}=${value}`];
  });
  const fresh = Object.entries(tags).flatMap(([name, value]) => (value === null || there.has(name) ? [] : [{ name, value }]));
  const written = (of: (name: string) => boolean) => fresh.flatMap(({ name, value }) => (of(name) ? [`${name}=${value}`] : []));
  parts.splice(1, 0, ...written((name) => name === 'p'));
  const p = parts.findIndex((part) => nameOf(part) === 'p');
  parts.splice(p === -1 ? parts.length : p + 1, 0, ...written((name) => POLICIES.has(name)));
  return [...parts, ...written((name) => name !== 'p' && !POLICIES.has(name))].join('; ');
}
