import type { FindingEvent } from '../../store/alerts/outbox.ts';
import { type Facts, factsOf, type Telling } from '../templates/facts.ts';
import { count, counted, sentenceCase } from '../templates/words.ts';

/** The version of the document: it is counted up when a field goes or changes its meaning; fields that are added leave it. */
const VERSION = 1;
/** More than this in one text is not read. */
const MOST_LISTED = 10;

/** One event as a JSON document: docs/findings.md says what is in it. Pure: the same event gives the same bytes. */
export function eventDocument(event: FindingEvent): Buffer {
  return json({
    version: VERSION,
    type: `finding.${event.event}`,
    timestamp: event.at.toISOString(),
    data: {
      finding_key: event.findingKey,
      revision: event.revision,
      domain: event.domain,
      kind: event.kind,
      subject: event.subject,
      severity: event.severity,
      confidence: event.confidence,
      summary: event.summary,
      evidence: event.evidence,
    },
  });
}

const STATES: Record<Telling, string> = {
  opened: '',
  changed: 'Changed: ',
  reopened: 'Again: ',
  reminded: 'Still open: ',
  resolved: 'Resolved: ',
};

/** One event as a text for Slack and its like. */
export function slackText(event: FindingEvent): Buffer {
  const facts = factsOf(event, event.event);
  const rows = [
    facts.what,
    ...(facts.many === null ? [] : [`How many: ${facts.many}`]),
    ...(facts.since === null ? [] : [`Since: ${facts.since}`]),
    `How sure: ${facts.sure}`,
    ...facts.advice.map((sentence) => `• ${sentence}`),
  ];
  return json({ text: [`*${slack(headline(event.event, facts))}*`, ...rows.map(slack)].join('\n') });
}

/** Many events in one text, the gravest first. */
export function slackDigest(events: readonly FindingEvent[]): Buffer {
  const listed = events.slice(0, MOST_LISTED);
  const more = events.length - listed.length;
  const domains = new Set(events.map((event) => event.domain)).size;
  return json({
    text: [
      `*${slack(`${counted(events.length, 'finding')} in ${counted(domains, 'domain')}, gathered`)}*`,
      ...listed.map((event) => `• ${slack(headline(event.event, factsOf(event, event.event)))}`),
      ...(more > 0 ? [`and ${count(more)} more: select * from dmarc.findings where state = 'open'`] : []),
    ].join('\n'),
  });
}

function headline(telling: Telling, facts: Facts): string {
  return `${STATES[telling]}${sentenceCase(facts.severity)}: ${facts.domain}: ${facts.title}`;
}

/** These three begin Slack's links and mentions, and are escaped as it asks for. */
function slack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
