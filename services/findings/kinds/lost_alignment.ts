import { earlier } from '../../shared/days.ts';
import { counted, list, outOf, short } from '../../shared/format.ts';
import type { BrokenSender } from '../figures.ts';
import type { Told, Words } from './kind.ts';

type Tag = 'adkim' | 'aspf';
type Mechanism = 'dkim' | 'spf';
type Unaligned = NonNullable<BrokenSender['unaligned']>[number];

const NAME = { dkim: 'DKIM', spf: 'SPF' };
const TAG = { dkim: 'adkim', spf: 'aspf' } as const;

/** Why mail that authenticates is not aligned, for the senders of most of it. */
export interface LostAlignment {
  /**
   * `strict`: as a domain of the same organization, which strict alignment keeps out; `foreign`: as somebody
   * else.
   */
  how: 'strict' | 'foreign';
  lost: Mechanism[];
  /** What passes, by mechanism; the domains of the largest sender. */
  passes: Unaligned[];
}

/**
 * Whether it is alignment that the senders of most of the mail lost, and not a signature or a record that
 * passes. Null where something fails, or reports do not say.
 */
export function lostAlignment({ evidence: { broken = [], mechanism = 'both' } }: Told): LostAlignment | null {
  const lost: Mechanism[] = mechanism === 'both' ? ['dkim', 'spf'] : [mechanism];
  const all = broken.reduce((n, { messages }) => n + messages, 0);
  const holds = (own: boolean) =>
    broken.filter(({ unaligned = [] }) => lost.every((one) => unaligned.some((u) => u.mechanism === one && u.own === own)));
  for (const own of [true, false]) {
    const some = holds(own);
    if (some.length === 0 || 2 * some.reduce((n, { messages }) => n + messages, 0) < all) continue;
    const passes = lost.map((one) => some[0]!.unaligned!.find((u) => u.mechanism === one && u.own === own)!);
    return { how: own ? 'strict' : 'foreign', lost, passes };
  }
  return null;
}

/** The words of a finding whose mail authenticates, but no longer as the domain. */
export function alignmentWords(
  told: Told,
  { how, lost, passes }: LostAlignment,
  turned: readonly { tag: Tag; since: string }[],
): Words {
  const { senders, messages, of, broken = [] } = told.evidence;
  const domain = short(told.domain);
  const since = broken.map((part) => part.since).reduce(earlier, told.evidence.since);
  const through = list(
    broken.map(({ source }) => short(source, 40)),
    3,
    senders,
  );
  const one = senders === 1;
  const where = one ? `${through} for ${domain}` : `${counted(senders, 'sender')} of ${domain}`;
  const names = lost.map((mechanism) => NAME[mechanism]).join(' and ');
  const changed = turned.filter(({ tag }) => lost.some((mechanism) => TAG[mechanism] === tag));
  const tags = changed.map(({ tag }) => `${tag}=s`);
  const survives = broken.every(({ survives_on }) => survives_on !== undefined);
  const other = lost[0] === 'dkim' ? 'SPF' : 'DKIM';
  const title =
    how === 'foreign'
      ? lost[0] === 'dkim'
        ? `Mail is no longer signed as ${domain} at ${one ? through : counted(senders, 'sender')}`
        : `SPF passes for another domain at ${where}`
      : tags.length > 0
        ? `${tags.join(' and ')} ${tags.length === 1 ? 'breaks' : 'break'} alignment at ${where}`
        : `${names} ${lost.length === 1 ? 'passes but no longer aligns' : 'pass but no longer align'} at ${where}`;
  const cause =
    how === 'strict' && changed.length > 0
      ? `The DMARC record of ${domain} has asked for strict alignment since ${changed.map((c) => c.since).reduce(earlier)} (${tags.join(', ')}; it was relaxed before). `
      : '';
  const result = survives
    ? `${outOf(messages, of, 'message')} since ${since} passed by ${other} alone${other === 'SPF' ? ', which forwarding breaks' : ''}`
    : `${outOf(messages, of, 'message')} since ${since} failed DMARC`;
  return {
    title,
    topic: how === 'foreign' ? `mail of ${where} that authenticates as others` : `alignment at ${where}`,
    summary: `${title}: ${result}`,
    what: `${cause}Mail through ${through} still authenticates, but ${passedWords(passes)}${how === 'strict' ? `, not for exactly ${domain}` : `, not for ${domain}`}: ${result}.`,
    advice:
      how === 'strict'
        ? strictAdvice(domain, { through, passes, changed: changed.length > 0 })
        : foreignAdvice(domain, { through, passes }),
  };
}

function passedWords(passes: readonly Unaligned[]): string {
  return passes
    .map(({ mechanism, domain }) =>
      mechanism === 'dkim' ? `DKIM passes for d=${short(domain)}` : `SPF passes for ${short(domain)}`,
    )
    .join(' and ');
}

interface About {
  through: string;
  passes: readonly Unaligned[];
}

function strictAdvice(domain: string, { through, passes, changed }: About & { changed: boolean }): string[] {
  const relax = passes.map(({ mechanism }) => `${TAG[mechanism]}=r`).join('; ');
  const exactly = passes.map(({ mechanism }) =>
    mechanism === 'dkim' ? `sign with d=${domain} exactly` : `use a return path (MAIL FROM) at exactly @${domain}`,
  );
  return [
    `${changed ? 'If strict alignment was not intended' : 'Where strict alignment is not needed'}, publish ${relax} in _dmarc.${domain}: the mail aligns again as it is.`,
    `Otherwise let ${through} ${exactly.join(' or ')}.`,
    'The keys and the SPF record are in order: nothing has to be replaced there.',
  ];
}

function foreignAdvice(domain: string, { through, passes }: About): string[] {
  const signs = passes.find(({ mechanism }) => mechanism === 'dkim');
  const sends = passes.find(({ mechanism }) => mechanism === 'spf');
  return [
    ...(signs
      ? [
          `Ask your own teams first: somebody may have moved this mail to another account at ${through}, or switched off its domain authentication. Look there whether ${domain} is still verified, and let it sign with d=${domain} again (now d=${short(signs.domain)}).`,
        ]
      : []),
    ...(sends
      ? [`Set the return path (MAIL FROM) at ${through} to ${domain} or a subdomain of it again (now ${short(sends.domain)}).`]
      : []),
    `The keys of ${domain} in DNS are not the cause: no signature of them fails.`,
  ];
}
