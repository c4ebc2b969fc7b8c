import type { FindingEvent } from '../../store/alerts/outbox.ts';
import { clean, count, counted, percent, sentenceCase } from './words.ts';

/** How a mail tells a finding: for the first time, as changed, as back after it was over, as still there after a snooze, or as over. */
export type Telling = 'opened' | 'changed' | 'reopened' | 'reminded' | 'resolved';

/** What a mail says, in the order it says it, every value clean: both templates show just this. */
export interface Facts {
  domain: string;
  /** The finding in a few words, without figures: a thread keeps it while they change. */
  title: string;
  /** "This has changed since the last mail about it." Null for a first mail. */
  lead: string | null;
  /** One sentence or two. */
  what: string;
  /** "High severity: authentication regression (DKIM), finding 19." */
  label: string;
  severity: string;
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

const MECHANISMS = new Map([
  ['dkim', 'DKIM'],
  ['spf', 'SPF'],
  ['both', 'SPF and DKIM'],
]);

export function factsOf(event: FindingEvent, telling: Telling): Facts {
  const evidence = objectOf(event.evidence);
  const domain = clean(event.domain, 80);
  const severity = clean(event.severity, 20);
  const mechanism = MECHANISMS.get(clean(evidence.mechanism, 20));
  const kind = clean(event.kind, 40).replaceAll('_', ' ') + (mechanism === undefined ? '' : ` (${mechanism})`);
  const sources = listOf(evidence.who).map(objectOf);
  const title = titleOf(event, domain);
  return {
    domain,
    title,
    lead: leadOf(telling, evidence),
    what: clean(evidence.what, 300) || `${domain}: ${title}`,
    label: `${sentenceCase(severity)} severity: ${kind}, finding ${event.findingKey}.`,
    severity,
    who: sources.slice(0, MOST_SOURCES).map((source) => ({
      source: clean(source.source, 60) || '(no name)',
      amount: numberOf(source.messages) === null ? '' : counted(numberOf(source.messages)!, 'message'),
    })),
    others: othersOf(evidence, sources),
    many: manyOf(evidence),
    since: sinceOf(evidence),
    sure: sureOf(event.confidence, evidence),
    // The evidence of what is over still says what was to be done.
    advice:
      telling === 'resolved'
        ? []
        : listOf(evidence.advice)
            .map((sentence) => clean(sentence, 400))
            .filter(Boolean)
            .slice(0, MOST_ADVICE),
    query: queryOf(event, evidence),
  };
}

/** The summary without the count of messages after it, and without the domain that every place it stands in says already. */
function titleOf(event: FindingEvent, domain: string): string {
  const summary = clean(event.summary);
  const bare = summary.toLowerCase().startsWith(`${domain.toLowerCase()}: `) ? summary.slice(domain.length + 2) : summary;
  return bare
    .replace(` of ${domain} `, ' ')
    .replace(` on ${domain} `, ' ')
    .replace(` on ${domain}: `, ': ')
    .replace(/: [\d,]+ messages?\b.*$/, '');
}

function leadOf(telling: Telling, evidence: Record<string, unknown>): string | null {
  if (telling === 'opened') return null;
  if (telling === 'changed') return 'This has changed since the last mail about it.';
  if (telling === 'reopened') return 'This was over, and is there again.';
  if (telling === 'reminded') return 'It was put to sleep; the time is over, and it still stands.';
  return `This is over. ${clean(evidence.resolved_why, 100)}`.trim();
}

/** The sources that are not listed: `senders` counts all, where `who` holds the largest only. */
function othersOf(evidence: Record<string, unknown>, sources: Record<string, unknown>[]): string | null {
  const sum = (some: Record<string, unknown>[]) => some.reduce((n, source) => n + (numberOf(source.messages) ?? 0), 0);
  const shown = Math.min(sources.length, MOST_SOURCES);
  const senders = Math.max(sources.length, numberOf(evidence.senders) ?? 0);
  if (senders === shown || shown === 0) return null;
  const messages = Math.max(sum(sources.slice(shown)), (numberOf(evidence.messages) ?? 0) - sum(sources.slice(0, shown)));
  return `and ${count(senders - shown)} more${messages > 0 ? `, ${counted(messages, 'message')}` : ''}`;
}

function manyOf(evidence: Record<string, unknown>): string | null {
  const messages = numberOf(evidence.messages);
  const of = numberOf(evidence.of);
  // A finding about the policy counts no mail.
  if (messages === null || (messages === 0 && !of)) return null;
  // Of a reporter that fell silent: what it would have told of.
  if (messages === 0) return `none of some ${counted(of!, 'message')} that were to be expected`;
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
  const names = (evidence.reporter_names ?? {}) as Record<string, unknown>;
  const named = (reporter: unknown) =>
    (typeof reporter === 'string' && Object.hasOwn(names, reporter) && names[reporter]) || reporter;
  const reporters = listOf(evidence.reporters)
    .map((reporter) => clean(named(reporter), 80))
    .filter(Boolean);
  const head = `${word} (${percent(Math.min(1, Math.max(0, confidence)))})`;
  const missing = listOf(evidence.missing)
    .map((reporter) => clean(named(reporter), 80))
    .filter(Boolean);
  const some = (names: readonly string[]) => {
    const more = names.length - MOST_REPORTERS;
    return `${names.slice(0, MOST_REPORTERS).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
  };
  // That it says nothing is what the finding is about.
  const silent = numberOf(evidence.messages) === 0 && (numberOf(evidence.of) ?? 0) > 0;
  const said = reporters.length === 0 || silent ? '' : `; reported by ${some(reporters)}`;
  return `${head}${said}${missing.length === 0 ? '' : `; not heard for the last day: ${some(missing)}`}`;
}

/** The query of the analyzer; one that shows the finding itself when there is none, or when it is too long for a mail. */
function queryOf(event: FindingEvent, evidence: Record<string, unknown>): string {
  const query =
    typeof evidence.query === 'string'
      ? evidence.query
          .replace(/\r\n?/g, '\n')
          .replace(/[\p{Cf}\p{Co}\p{Cs}]/gu, '')
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
