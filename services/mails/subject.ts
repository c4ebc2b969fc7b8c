import type { FindingEvent } from '../store/alerts/outbox.ts';
import type { Step } from '../store/findings/findings.ts';
import { contentOf } from './content.ts';
import { clean } from './plain-text.ts';

/** What a list of mails shows of a subject, and what fits one line of a header. */
const LONGEST = 77;
const TAG = '[ruawatch] ';
const PREFIXES: Record<Step, string> = {
  opened: '',
  changed: 'Changed: ',
  reopened: 'Again: ',
  reminded: 'Still open: ',
  resolved: 'Resolved: ',
};
/** How long names may be, and whether the severity stands beside them, tried one after the other. */
const NAMES = [
  { longest: LONGEST, severity: true },
  { longest: 40, severity: true },
  ...[40, 30, 26, 22, 18, 14, 10].map((longest) => ({ longest, severity: false })),
];

/**
 * The subject of a mail about a finding: under 78 characters, and of the state that the mail reports. A thread
 * is held together by References, so its subjects may differ as the finding does. Long names are cut, so
 * that what is wrong is always readable.
 */
export function subjectOf(event: FindingEvent, step: Step): string {
  // The words of an older version's row are stored, and cannot be made of shorter names.
  if (event.evidence.facts === null) return stored(event, step);
  for (const { longest, severity } of NAMES) {
    const content = contentOf(withNames(event, longest), step);
    const suffix = severity && step !== 'resolved' ? ` (${content.severity})` : '';
    const subject = `${TAG}${PREFIXES[step]}${content.headline}${suffix}`;
    if ([...subject].length <= LONGEST) return subject;
  }
  const { headline } = contentOf(withNames(event, NAMES.at(-1)!.longest), step);
  return clean(`${TAG}${PREFIXES[step]}${headline}`, LONGEST);
}

function stored(event: FindingEvent, step: Step): string {
  const { headline, severity } = contentOf(event, step);
  const sentence = `${TAG}${PREFIXES[step]}${headline}`;
  const whole = step === 'resolved' ? sentence : `${sentence} (${severity})`;
  return [...whole].length <= LONGEST ? whole : clean(sentence, LONGEST);
}

/** The finding with its names cut to so many characters. */
function withNames(event: FindingEvent, longest: number): FindingEvent {
  const { evidence } = event;
  const cut = (name: string) => cutName(name, longest);
  const { who, broken, names, resting_on, facts } = evidence;
  return {
    ...event,
    domain: cut(event.domain),
    subject: cut(event.subject),
    evidence: {
      ...evidence,
      ...(facts?.rule === 'new_host' && facts.host !== null && { facts: { ...facts, host: cut(facts.host) } }),
      who: who.map((one) => ({ ...one, source: cut(one.source) })),
      ...(broken && { broken: broken.map((one) => ({ ...one, source: cut(one.source) })) }),
      ...(names && { names: names.map((one) => ({ ...one, name: cut(one.name) })) }),
      ...(resting_on && { resting_on: resting_on.map((one) => ({ ...one, reporter: cut(one.reporter) })) }),
    },
  };
}

/** Of a domain name the end says whose it is; of any other name the beginning. */
function cutName(name: string, longest: number): string {
  const characters = [...name];
  if (characters.length <= longest) return name;
  if (!/^[^\s.]+(?:\.[^\s.]+)+$/.test(name)) return `${characters.slice(0, longest - 1).join('')}…`;
  return `…${characters.slice(1 - longest).join('')}`;
}
