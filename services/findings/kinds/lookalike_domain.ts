import { z } from 'zod';
import { list, short } from '../../shared/format.ts';
import { kind, seenOn } from './kind.ts';

const hosts = z.array(z.string());

const facts = z.object({
  rule: z.literal('lookalike_domain'),
  /** What happened: registered since the watch began, other mail hosts, another DMARC record. */
  event: z.enum(['registered', 'mail', 'dmarc']),
  /** As people see the name; null when that is the name itself. */
  shown: z.string().nullable(),
  /** How the name is made (services/dns/lookalikes). */
  likeness: z.string(),
  /** "2026-11-20 14:02", in UTC: when it was first seen. */
  at: z.string(),
  servers: hosts,
  mail_hosts: hosts,
  /** The DMARC record; '' without one, null when that is not known. */
  dmarc: z.string().nullable(),
  /** What there was before. */
  before: z.object({ mail_hosts: hosts, dmarc: z.string() }).nullable(),
});
type LookalikeFacts = z.output<typeof facts>;

/** How a name differs, by its kind. */
export const DIFFERS: Readonly<Record<string, string>> = {
  addition: 'a character is added',
  bitsquatting: 'one bit of a character differs',
  cyrillic: 'its letters are Cyrillic and look the same',
  dictionary: 'a word is added that people expect',
  homoglyph: 'a letter is replaced by one that looks like it',
  hyphenation: 'a hyphen is added',
  insertion: 'a character is added',
  omission: 'a letter is left out',
  plural: 'it is made a plural',
  repetition: 'a letter is doubled',
  replacement: 'a letter is replaced by its neighbour on the keyboard',
  subdomain: 'a dot is added',
  tld: 'its ending differs',
  transposition: 'two letters are swapped',
  'vowel-swap': 'a vowel is replaced by another',
};

export const lookalikeDomain = kind(facts, { name: 'A name that looks like yours' }, ({ domain: full, subject }, given) => {
  const domain = short(full);
  const name = short(subject);
  const title = titleOf(given, name, domain);
  return {
    title,
    topic: `look-alike ${name} of ${domain}`,
    summary: `${title}; first seen ${given.at} UTC`,
    what: `${sentenceOf(given, name, domain)} ${differenceOf(given)}${placeOf(given)}`,
    advice: [
      `Whoever holds ${name} can send mail from it that passes DMARC: no record of ${domain} prevents that. Have your mail gateway hold mail from it, and warn those who might get it.`,
      `If it is used to deceive, ask its registrar (RDAP or whois of ${name}) and the hosts named here to close it.`,
      seenOn(
        'lookalikes',
        `If it is yours, or harmless, say so: "ruawatch dns lookalikes ${domain} --ignore ${subject} --why REASON". All that are registered: "ruawatch dns lookalikes".`,
      ),
    ],
    expected: 'a registration of our own',
  };
});

function titleOf({ event }: LookalikeFacts, name: string, domain: string): string {
  switch (event) {
    case 'registered':
      return `Look-alike of ${domain} registered: ${name}`;
    case 'mail':
      return `Look-alike of ${domain} moved its mail: ${name}`;
    case 'dmarc':
      return `Look-alike of ${domain} changed its DMARC record: ${name}`;
  }
}

function sentenceOf({ event, at, mail_hosts, dmarc, before }: LookalikeFacts, name: string, domain: string): string {
  const was = before?.mail_hosts ?? [];
  switch (event) {
    case 'registered':
      return `${name}, which looks like ${domain} and was free when it was first asked about, is registered and accepts mail at ${named(mail_hosts)} (first seen ${at} UTC).`;
    case 'mail':
      return `Mail to ${name}, which looks like ${domain}, goes to ${named(mail_hosts)} since ${at} UTC; before, ${was.length === 0 ? 'it accepted none' : `it went to ${named(was)}`}.`;
    case 'dmarc':
      return `${name}, which looks like ${domain}, has ${dmarc ? `the DMARC record "${short(dmarc, 120)}"` : 'no DMARC record'} since ${at} UTC; before, it had ${before?.dmarc ? `"${short(before.dmarc, 120)}"` : 'none'}.${dmarc ? ' Such a record is a sign that mail is sent from it.' : ''}`;
  }
}

function differenceOf({ likeness, shown }: LookalikeFacts): string {
  const differs = DIFFERS[likeness] ?? 'it differs little';
  return `How it differs: ${differs}${shown === null ? '' : `; people see ${short(shown)}`}.`;
}

function placeOf({ servers, event, dmarc }: LookalikeFacts): string {
  const at = servers.length === 0 ? '' : ` Its name servers are ${named(servers)}.`;
  return event !== 'dmarc' && dmarc ? `${at} It has a DMARC record of its own.` : at;
}

const named = (names: readonly string[]): string => list(names.map((name) => short(name, 60)));
