import { countsOf } from '../../../mails/digest.ts';
import { pageOf } from '../../../mails/finding-words.ts';
import type { FindingEvent } from '../../../store/alerts/outbox.ts';
import { eventOf, type RequestPost } from '../../requests/post.ts';
import { requestFields } from './json-request.ts';
import type { WebhookFormat } from './webhook-format.ts';

/**
 * The version of the document: it is counted up when a field goes or changes its meaning; fields that are
 * added leave it.
 */
const VERSION = 1;

/**
 * One event as a JSON document: docs/alerts.md says what is in it. Pure: the same event gives the same
 * bytes.
 */
function eventDocument(event: FindingEvent, console: string | null = null): Buffer {
  return Buffer.from(
    JSON.stringify({
      version: VERSION,
      type: `finding.${event.event}`,
      timestamp: event.at.toISOString(),
      data: {
        finding_key: event.finding_key,
        revision: event.revision,
        domain: event.domain,
        kind: event.kind,
        subject: event.subject,
        severity: event.severity,
        confidence: event.confidence,
        summary: event.summary,
        ...(console !== null && { url: pageOf(console, event.finding_key) }),
        evidence: event.stored,
      },
    }),
  );
}

/** Findings that one document lists; it counts all. */
const MOST_LISTED = 50;

/**
 * What stood at a first start as one JSON document, without the evidence: `findings show` and the views have
 * it.
 */
function standingDocument(events: readonly FindingEvent[], console: string | null = null): Buffer {
  const newest = Math.max(...events.map(({ at }) => at.getTime()));
  return Buffer.from(
    JSON.stringify({
      version: VERSION,
      type: 'findings.standing',
      timestamp: new Date(newest).toISOString(),
      data: {
        count: events.length,
        severities: countsOf(events.map(({ severity }) => severity)),
        findings: events
          .slice(0, MOST_LISTED)
          .map(({ finding_key, revision, domain, kind, subject, severity, confidence, summary }) => ({
            finding_key,
            revision,
            domain,
            kind,
            subject,
            severity,
            confidence,
            summary,
            ...(console !== null && { url: pageOf(console, finding_key) }),
          })),
      },
    }),
  );
}

/** Something that happened to a request, with the plan as it is approved. */
function requestDocument(post: RequestPost, console: string | null): Buffer {
  const { event, at } = eventOf(post);
  return Buffer.from(
    JSON.stringify({
      version: VERSION,
      type: `request.${event}`,
      timestamp: at.toISOString(),
      data: requestFields(post, console),
    }),
  );
}

/** Every event by itself, as a signed document. */
export const jsonFormat: WebhookFormat = {
  one: eventDocument,
  many: null,
  standing: standingDocument,
  request: requestDocument,
  requests: null,
};
