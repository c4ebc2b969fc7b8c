import type { Random } from '../../demo/random.ts';
import type { Receiver } from './receivers.ts';
import type { Kind, Leaf, Part } from './xml.ts';

export const leaf = (tag: string, value: string | number, kind: Kind, language?: string): Leaf => ({
  tag,
  value: String(value),
  kind,
  lang: language,
});

/** Each of the parts with the chance that it is there at all. */
export const some = (random: Random, parts: [chance: number, part: () => Part][]): Part[] =>
  parts.filter(([chance]) => random.chance(chance)).map(([, part]) => part());

/**
 * Siblings in the order of the schema, or in any where the schema says `xs:all` and the receiver does not
 * care.
 */
export function arrange(receiver: Receiver, parts: Part[], random: Random): Part[] {
  return receiver.order === 'schema' ? parts : random.shuffle(parts);
}
