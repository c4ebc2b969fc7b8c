import { number } from '../../shared/format.ts';
import type { Figures } from '../figures.ts';

type Fates = Pick<Figures, 'messages' | 'delivered' | 'quarantined' | 'rejected'>;

/**
 * What receivers did with mail, as the end of a sentence: "5 were delivered, 20 quarantined and 100
 * rejected". What is quarantined is delivered too, to the junk folder, so "none was delivered" is never said.
 * Empty where nobody said.
 */
export function fatesWords({ messages, delivered, quarantined, rejected }: Fates): string {
  const parts = (
    [
      [delivered, 'delivered'],
      [quarantined, 'quarantined'],
      [rejected, 'rejected'],
    ] as const
  ).filter(([n]) => n > 0);
  const [first, ...rest] = parts;
  if (first === undefined) return '';
  if (rest.length === 0 && first[0] >= messages) {
    if (messages === 1) return `it was ${first[1]}`;
    return `${messages === 2 ? 'both' : 'all'} were ${first[1]}`;
  }
  const said = parts.map(([n, fate], i) => `${number(n)} ${i > 0 ? '' : n === 1 ? 'was ' : 'were '}${fate}`);
  return said.length === 1 ? said[0]! : `${said.slice(0, -1).join(', ')} and ${said.at(-1)}`;
}
