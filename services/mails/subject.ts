import { endingTitle } from '../findings/sentences/end-reasons.ts';
import type { FindingEvent } from '../store/alerts/outbox.ts';
import type { Step } from '../store/findings/findings.ts';
import { contentOf } from './finding-words.ts';
import { clean } from './plain-text.ts';

/** What a list of mails shows of a subject, and what fits one line of a header. */
export const LONGEST = 77;
export const TAG = '[ruawatch] ';
/** The same of what is sent to try whether it arrives. */
export const TEST_TAG = `${TAG}TEST: `;
export const PREFIXES: Record<Exclude<Step, 'resolved'>, string> = {
  opened: '',
  changed: 'Changed: ',
  reopened: 'Again: ',
  reminded: 'Still open: ',
};
/** The same with the severity in it, where there is no room for it behind the sentence. */
const SHORTER: Partial<Record<Step, string>> = { changed: 'Now ', reopened: 'Again ' };
/** Where the severity stands: behind the sentence, within what stands before it, or nowhere. */
type Place = 'behind' | 'before' | null;
/**
 * How long names may be, and where the severity stands beside them, tried one after the other: it goes before
 * short names are cut.
 */
const NAMES: { longest: number; severity: Place }[] = [
  ...[LONGEST, 40, 30, 26, 22, 18, 16].map((longest) => ({ longest, severity: 'behind' as const })),
  ...[LONGEST, 40, 30, 26, 22, 18, 16, 14].map((longest) => ({ longest, severity: 'before' as const })),
  ...[40, 30, 26, 22, 18, 14, 10].map((longest) => ({ longest, severity: null })),
];

/**
 * The subject of a mail about a finding: under 78 characters, and of the state that the mail reports. A
 * thread is held together by References, so its subjects may differ as the finding does. Long names are cut,
 * so that what is wrong is always readable, and mostly how grave it is, for those who sort their mail by
 * that.
 */
export function subjectOf(event: FindingEvent, step: Step, tag: string = TAG): string {
  if (event.evidence.facts === null) return stored(event, step, tag);
  for (const { longest, severity } of NAMES) {
    if (severity === 'before' && SHORTER[step] === undefined) continue;
    const subject = written(withNames(event, longest), step, { severity, tag });
    if ([...subject].length <= LONGEST) return subject;
  }
  return written(withNames(event, NAMES.at(-1)!.longest), step, { severity: null, tag, room: LONGEST });
}

/** The words of an older version's row are stored, and cannot be made of shorter names. */
function stored(event: FindingEvent, step: Step, tag: string): string {
  const whole = written(event, step, { severity: 'behind', tag });
  return [...whole].length <= LONGEST ? whole : written(event, step, { severity: null, tag, room: LONGEST });
}

/** @param given.room the sentence is cut where it has no room for what stands before and after it */
function written(event: FindingEvent, step: Step, given: { severity: Place; tag: string; room?: number }): string {
  const { headline, severity } = contentOf(event, step);
  const before =
    step === 'resolved'
      ? `${endingTitle(event.evidence.ended ?? null)}: `
      : given.severity === 'before'
        ? `${SHORTER[step]}${severity}: `
        : PREFIXES[step];
  const after = step === 'resolved' || given.severity !== 'behind' ? '' : ` (${severity})`;
  const sentence = `${given.tag}${before}${headline}`;
  return `${given.room === undefined ? sentence : clean(sentence, given.room - [...after].length)}${after}`;
}

/** The finding with its names cut to so many characters. */
function withNames(event: FindingEvent, longest: number): FindingEvent {
  const { evidence } = event;
  const cut = (name: string) => cutName(name, longest);
  const { who, broken, names, resting_on, reporter_names, facts } = evidence;
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
      ...(reporter_names && {
        reporter_names: Object.fromEntries(Object.entries(reporter_names).map(([key, name]) => [cut(key), cut(name)])),
      }),
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
