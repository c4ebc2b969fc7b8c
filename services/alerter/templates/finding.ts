import type { FindingEvent } from '../../store/alerts/outbox.ts';
import type { Step } from '../../store/findings/findings.ts';
import { contentOf } from './content.ts';
import { findingHtml } from './html.ts';
import { clean } from './plain-text.ts';
import { findingText } from './text.ts';

export interface Rendered {
  subject: string;
  text: string;
  html: string;
  /** The part of the subject that all mails of a thread share. */
  thread: string;
}

export interface Thread {
  /** What the mail reports; without it, what the event says. */
  step?: Step;
  /**
   * `thread` of the finding's first mail, which every later one keeps: some mail programs thread by subjects.
   */
  first?: string | null;
}

const LONGEST_SUBJECT = 120;
const PREFIXES: Record<Step, string> = {
  opened: '',
  changed: 'Changed: ',
  reopened: 'Again: ',
  reminded: 'Still open: ',
  resolved: 'Resolved: ',
};

/** Renders one finding as a mail. Pure: the same event gives the same mail. */
export function renderFinding(event: FindingEvent, { step = event.event, first = null }: Thread = {}): Rendered {
  const content = contentOf(event, step);
  const thread = first ?? clean(`[ruawatch] ${content.domain}: ${content.title}`, LONGEST_SUBJECT);
  const subject = PREFIXES[step] + thread + (step === 'resolved' ? '' : ` (${content.severity})`);
  return { subject, text: findingText(content), html: findingHtml(subject, content), thread };
}
