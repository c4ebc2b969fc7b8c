import type { FindingEvent } from '../store/alerts/outbox.ts';
import type { Step } from '../store/findings/findings.ts';
import { findingHtml } from './finding-html.ts';
import { findingText } from './finding-text.ts';
import { contentOf } from './finding-words.ts';
import { subjectOf, TAG } from './subject.ts';

export interface Rendered {
  subject: string;
  text: string;
  html: string;
}

/**
 * Renders one finding as a mail. Pure: the same event gives the same mail.
 * @param step what the mail reports; without it, what the event says
 * @param console the setting `console.url`; null when it is not set
 * @param tag what the subject begins with
 */
export function renderFinding(
  event: FindingEvent,
  step: Step = event.event,
  console: string | null = null,
  tag: string = TAG,
): Rendered {
  const content = contentOf(event, step, console);
  const subject = subjectOf(event, step, tag);
  return { subject, text: findingText(content), html: findingHtml(subject, content) };
}
