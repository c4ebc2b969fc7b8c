import type { FindingEvent } from '../../store/outbox.ts';
import { clean, count, counted, percent, sentenceCase } from './words.ts';

/** How a mail tells a finding: for the first time, as changed, or as over. */
export type Telling = 'opened' | 'changed' | 'resolved';

/** What a mail says, in the order it says it, every value clean: both templates show just this. */
export interface Facts {
  /** "Changed since the last mail." Null for a first mail. */
  lead: string | null;
  /** "High severity: unauthorized source, finding 17." */
  label: string;
  severity: string;
  what: string;
  who: { source: string; amount: string }[];
  /** "and 3 more, 1,200 messages" */
  others: string | null;
  many: string | null;
  since: string | null;
  sure: string;
  advice: string[];
  query: string;
}

const MOST_SOURCES = 4;
const MOST_REPORTERS = 4;
const MOST_ADVICE = 3;
const LONGEST_QUERY = 4_000;

const LEADS: Record<Telling, string | null> = {
  opened: null,
  changed: 'This has changed since the last mail about it.',
  resolved: 'This is over. What it was:',
};

export function factsOf(event: FindingEvent, telling: Telling): Facts {
  const evidence = objectOf(event.evidence);
  const domain = clean(event.domain);
  const severity = clean(event.severity, 20);
  const sources = listOf(evidence.who).map(objectOf);
  const shown = sources.slice(0, MOST_SOURCES);
  return {
    lead: LEADS[telling],
    label: `${sentenceCase(severity)} severity: ${clean(event.kind, 40).replaceAll('_', ' ')}, finding ${event.findingKey}.`,
    severity,
    what: `${domain}: ${whatOf(event, evidence, domain)}`,
    who: shown.map((source) => ({
      source: clean(source.source, 60) || '(no name)',
      amount: numberOf(source.messages) === null ? '' : counted(numberOf(source.messages)!, 'message'),
    })),
    others: othersOf(sources.slice(MOST_SOURCES)),
    many: manyOf(evidence),
    since: sinceOf(evidence),
    sure: sureOf(event.confidence, evidence),
    advice: listOf(evidence.advice)
      .map((sentence) => clean(sentence, 300))
      .filter(Boolean)
      .slice(0, MOST_ADVICE),
    query: queryOf(event, evidence),
  };
}

/** A summary without the domain it may begin with: the mail says that itself. */
export function withoutDomain(text: string, domain: string): string {
  return text.toLowerCase().startsWith(`${domain.toLowerCase()}: `) ? text.slice(domain.length + 2) : text;
}

function whatOf(event: FindingEvent, evidence: Record<string, unknown>, domain: string): string {
  const what = withoutDomain(clean(evidence.what, 130) || clean(event.summary, 130), domain);
  const mechanism = clean(evidence.mechanism, 20);
  return mechanism === '' || what.toLowerCase().includes(mechanism.toLowerCase()) ? what : `${what} (${mechanism})`;
}

function othersOf(rest: Record<string, unknown>[]): string | null {
  if (rest.length === 0) return null;
  const messages = rest.reduce((sum, source) => sum + (numberOf(source.messages) ?? 0), 0);
  return `and ${count(rest.length)} more${messages > 0 ? `, ${counted(messages, 'message')}` : ''}`;
}

function manyOf(evidence: Record<string, unknown>): string | null {
  const messages = numberOf(evidence.messages);
  if (messages === null) return null;
  const of = numberOf(evidence.of);
  const share = numberOf(evidence.share) ?? (of ? messages / of : null);
  const head =
    of === null
      ? counted(messages, 'message')
      : `${count(messages)} of ${counted(of, 'message')}${share === null || share > 1 ? '' : ` (${percent(share)})`}`;
  const fates = (['delivered', 'quarantined', 'rejected'] as const).flatMap((fate) => {
    const n = numberOf(evidence[fate]);
    return n === null || n === 0 ? [] : [`${count(n)} ${fate}`];
  });
  return fates.length === 0 ? head : `${head}: ${fates.join(', ')}`;
}

function sinceOf(evidence: Record<string, unknown>): string | null {
  const since = clean(evidence.since, 10);
  const last = clean(evidence.last_day, 10);
  if (since === '') return last === '' ? null : `last seen ${last}`;
  return last === '' || last === since ? since : `${since}, last seen ${last}`;
}

function sureOf(confidence: number, evidence: Record<string, unknown>): string {
  const word =
    confidence >= 0.9 ? 'very sure' : confidence >= 0.7 ? 'fairly sure' : confidence >= 0.5 ? 'more likely than not' : 'a guess';
  const reporters = listOf(evidence.reporters)
    .map((reporter) => clean(reporter, 40))
    .filter(Boolean);
  const head = `${word} (${percent(Math.min(1, Math.max(0, confidence)))})`;
  if (reporters.length === 0) return head;
  const more = reporters.length - MOST_REPORTERS;
  return `${head}; reported by ${reporters.slice(0, MOST_REPORTERS).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

/** The query of the analyzer; one that shows the finding itself when there is none, or when it is too long for a mail. */
function queryOf(event: FindingEvent, evidence: Record<string, unknown>): string {
  const query =
    typeof evidence.query === 'string'
      ? evidence.query
          .replace(/\r\n?/g, '\n')
          .replace(/[\p{Cf}\p{Co}\p{Cs}]/gu, '')
          // biome-ignore lint/suspicious/noControlCharactersInRegex: all but the line break go
          .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')
          .trim()
      : '';
  return query === '' || query.length > LONGEST_QUERY
    ? `select * from dmarc.findings where finding_key = ${event.findingKey};`
    : query;
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : null;
}
