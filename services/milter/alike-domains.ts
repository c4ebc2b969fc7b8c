import { domainToUnicode } from 'node:url';
import { skeleton } from '../dns/lookalikes/brand.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { wordsOf } from '../report/reporters/names.ts';

/**
 * The own domain that the domain of an author is taken for by its looks alone, whether or not the watcher
 * knows it: letters of other scripts, digits and pairs of letters that look like its own ("exаmple.com",
 * "examp1e.com"), or its name in front of another ("example.com.stranger.example", of which a narrow screen
 * shows the beginning).
 * @param name A-labels, lower case; neither own nor below an own domain
 * @returns null when there is none
 */
export function ownDomainAlike(name: string, own: readonly string[]): string | null {
  const top = organizationalDomain(name);
  const below = name.slice(0, -top.length - 1);
  const tails = tailsOf(below, top).map(looks);
  const front = `.${looks(below).one}.`;
  const whole = looks(name).one;
  for (const domain of own) {
    const wanted = looks(domain);
    if (tails.some(({ one, words }) => one === wanted.one || words === wanted.full)) return domain;
    if (front.includes(`.${wanted.one}.`) || front.includes(`.${wanted.one.replaceAll('.', '-')}.`)) return domain;
    if (isCutOff(whole, wanted.one)) return domain;
  }
  return null;
}

/**
 * What is no letter, digit or dot, and is read as an end: "example.com-login.example", "example-com.example",
 * a slash of another script.
 */
const MARK = '[^\\p{L}\\p{M}\\p{N}.]';

function isCutOff(shown: string, wanted: string): boolean {
  // Few names have the letters of an own one in them.
  if (!shown.includes(wanted.slice(0, wanted.lastIndexOf('.')))) return false;
  const labels = wanted.split('.').map((label) => label.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  const marked = `${labels.slice(0, -1).join('\\.')}${MARK}${labels.at(-1)}\\.`;
  return new RegExp(`(?:^|[.]|${MARK})(?:${labels.join('\\.')}\\.*${MARK}|${marked})`, 'u').test(shown);
}

/** A name, and those above it down to the one that is registered. */
function tailsOf(below: string, top: string): string[] {
  const labels = below === '' ? [] : below.split('.');
  return [top, ...labels.map((_, at) => `${labels.slice(at).join('.')}.${top}`)];
}

interface Looks {
  /** By letters that look the same in most fonts. */
  one: string;
  /** By UTS 39, of a name with letters beyond ASCII; null of one without. */
  words: string | null;
  full: string;
}

function looks(name: string): Looks {
  const shown = domainToUnicode(name) || name;
  const full = shown
    .split('.')
    .map((label) => (wordsOf(label)[0] ?? []).join(''))
    .join('.');
  return { one: plain(shown), words: /[^\x00-\x7f]/.test(shown) ? full : null, full };
}

/** "i" is no "l" here: readers distinguish them, and both are in many ordinary names. */
const plain = (name: string): string =>
  /[^\x00-\x7f]/.test(name)
    ? skeleton(name)
    : name.replaceAll('1', 'l').replaceAll('0', 'o').replaceAll('rn', 'm').replaceAll('vv', 'w');
