import type { FindingEvent } from '../../store/alerts/outbox.ts';
import { factsOf, type Telling } from './facts.ts';
import { findingHtml } from './html.ts';
import { findingText } from './text.ts';
import { clean } from './words.ts';

export interface Rendered {
  subject: string;
  text: string;
  html: string;
}

export interface Thread {
  /** How to tell it; without it, as the event says. */
  telling?: Telling;
  /** The subject of the finding's first mail, whose words every later one keeps: some mail programs thread by them. */
  firstSubject?: string | null;
}

const LONGEST_SUBJECT = 120;
const PREFIXES: Record<Telling, string> = {
  opened: '',
  changed: 'Changed: ',
  reopened: 'Again: ',
  reminded: 'Still open: ',
  resolved: 'Resolved: ',
};

/** Renders one finding as a mail. Pure: the same event gives the same mail. */
export function renderFinding(event: FindingEvent, thread: Thread = {}): Rendered {
  const telling = thread.telling ?? event.event;
  const facts = factsOf(event, telling);
  const base = thread.firstSubject
    ? baseOf(thread.firstSubject)
    : clean(`[ruawatch] ${facts.domain}: ${facts.title}`, LONGEST_SUBJECT);
  const subject = PREFIXES[telling] + base + (telling === 'resolved' ? '' : ` (${facts.severity})`);
  return { subject, text: findingText(facts), html: findingHtml(subject, facts) };
}

/** A first mail's subject without what this mail says anew. */
function baseOf(subject: string): string {
  return subject.replace(/^(?:Changed|Again|Still open|Resolved): /, '').replace(/ \((?:info|low|medium|high|critical)\)$/, '');
}
