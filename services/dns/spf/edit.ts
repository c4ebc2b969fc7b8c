import { canonicalNetwork } from '../guard/spf-terms.ts';
import { type Mechanism, parseSpf } from './record.ts';

/**
 * The network of an ip4 or ip6 term in canonical text ("192.0.2.1", "192.0.2.0/24"); null for other terms.
 */
function networkOf({ kind, address, prefix4, prefix6 }: Mechanism): string | null {
  if (address === null) return null;
  return canonicalNetwork(address, kind === 'ip4' ? prefix4 : prefix6);
}

/** The term that admits a network. @param network canonical */
const termOf = (network: string): string => `${network.includes(':') ? 'ip6' : 'ip4'}:${network}`;

/**
 * The networks that ip4 and ip6 terms of a record itself admit, before its "all". @param text without errors
 */
export function ownNetworks(text: string): string[] {
  return evaluated(parseSpf(text).mechanisms).flatMap((one) => (one.qualifier === '+' ? (networkOf(one) ?? []) : []));
}

const evaluated = (mechanisms: readonly Mechanism[]): readonly Mechanism[] => {
  const end = mechanisms.findIndex(({ kind }) => kind === 'all');
  return mechanisms.slice(0, end < 0 ? undefined : end);
};

/**
 * A record with other networks. What comes stands behind the ip4 and ip6 terms that the record begins with:
 * it is evaluated before terms that ask DNS, so it needs no look-up and meets no limit of theirs. All other
 * terms keep their text and their order.
 * @param text a record without errors @param gone, come canonical networks
 */
export function editNetworks(text: string, { gone, come }: { gone: ReadonlySet<string>; come: readonly string[] }): string {
  const { mechanisms } = parseSpf(text);
  const before = evaluated(mechanisms);
  const firstOther = before.findIndex((one) => one.address === null);
  const leading = firstOther < 0 ? before.length : firstOther;
  const goes = (one: Mechanism) => one.qualifier === '+' && gone.has(networkOf(one) ?? '');
  const all = [
    ...before
      .slice(0, leading)
      .filter((one) => !goes(one))
      .map((one) => one.text),
    ...come.map(termOf),
    ...before
      .slice(leading)
      .filter((one) => !goes(one))
      .map((one) => one.text),
  ];
  // What follows the last of these terms (the end of the record, modifiers) stays as it is.
  const last = before.at(-1);
  const modifiers = between(text, before);
  const tail = last === undefined ? text.slice('v=spf1'.length) : text.slice(last.at + last.text.length);
  return ['v=spf1', ...all, ...modifiers, tail.trim()].filter((part) => part !== '').join(' ');
}

/** Modifiers may stand between mechanisms (RFC 7208 section 4.6.1): their place makes no difference. */
function between(text: string, mechanisms: readonly Mechanism[]): string[] {
  const found: string[] = [];
  let at = 'v=spf1'.length;
  for (const one of mechanisms) {
    found.push(...text.slice(at, one.at).split(' ').filter(Boolean));
    at = one.at + one.text.length;
  }
  return found;
}
