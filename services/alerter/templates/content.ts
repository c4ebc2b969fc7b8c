import type { Evidence } from '../../findings/evidence.ts';
import { overWords, wordsOf } from '../../findings/sentences.ts';
import { counted, number, percent } from '../../shared/format.ts';
import type { FindingEvent } from '../../store/alerts/outbox.ts';
import type { Step } from '../../store/findings/findings.ts';
import { clean, sentenceCase } from './plain-text.ts';

/** What a mail says, in the order it says it, every value clean: both templates show just this. */
export interface Content {
  domain: string;
  /** The finding in a few words, without figures: a thread keeps it while they change. */
  title: string;
  /** "This has changed since the last mail about it." Null for a first mail. */
  lead: string | null;
  /** Why it is over; null when it is not. */
  over: string | null;
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

const MECHANISMS = { dkim: 'DKIM', spf: 'SPF', both: 'SPF and DKIM' };

export function contentOf(event: FindingEvent, step: Step): Content {
  const { evidence } = event;
  const words = wordsOf(event);
  const domain = clean(event.domain, 80);
  const severity = clean(event.severity, 20);
  const mechanism = evidence.mechanism === undefined ? '' : ` (${MECHANISMS[evidence.mechanism]})`;
  const title = clean(words.title);
  const over = step === 'resolved' ? clean(overWords(evidence), 100) : '';
  return {
    domain,
    title,
    lead: leadOf(step, over),
    over: over === '' ? null : over,
    what: clean(words.what, 300) || `${domain}: ${title}`,
    label: `${sentenceCase(severity)} severity: ${clean(event.kind, 40).replaceAll('_', ' ')}${mechanism}, finding ${event.finding_key}.`,
    severity,
    who: evidence.who.slice(0, MOST_SOURCES).map((one) => ({
      source: `${clean(one.source, 60) || '(no name)'}${one.unproven ? ' (unproven)' : ''}`,
      amount: counted(one.messages, 'message'),
    })),
    others: othersOf(evidence),
    many: manyOf(evidence),
    since: sinceOf(evidence),
    sure: sureOf(event.confidence, evidence),
    // The evidence of what is over still says what was to be done.
    advice:
      step === 'resolved'
        ? []
        : words.advice
            .map((sentence) => clean(sentence, 400))
            .filter(Boolean)
            .slice(0, MOST_ADVICE),
    query: queryOf(event),
  };
}

function leadOf(step: Step, over: string): string | null {
  switch (step) {
    case 'opened':
      return null;
    case 'changed':
      return 'This has changed since the last mail about it.';
    case 'reopened':
      return 'This had been resolved and has come back.';
    case 'reminded':
      return 'The snooze has ended and this is still open.';
    case 'resolved':
      return `This is resolved. ${over}`.trim();
  }
}

/** The sources that are not listed: `senders` counts all, where `who` holds the largest only. */
function othersOf({ who, senders: all, messages: total }: Evidence): string | null {
  const sum = (some: Evidence['who']) => some.reduce((n, { messages }) => n + messages, 0);
  const shown = Math.min(who.length, MOST_SOURCES);
  const senders = Math.max(who.length, all);
  if (senders === shown || shown === 0) return null;
  const messages = Math.max(sum(who.slice(shown)), total - sum(who.slice(0, shown)));
  return `and ${number(senders - shown)} more${messages > 0 ? `, ${counted(messages, 'message')}` : ''}`;
}

function manyOf({ messages, of, share, ...evidence }: Evidence): string | null {
  // A finding about the policy counts no mail.
  if (messages === 0 && of === 0) return null;
  // Of a reporter that fell silent: what it would have reported.
  if (messages === 0) return `0 of about ${counted(of, 'expected message')}`;
  const part = of === 0 ? counted(messages, 'message') : `${number(messages)} of ${counted(of, 'message')}`;
  const head = of === 0 || share > 1 ? part : `${part} (${percent(share || messages / of)})`;
  const fates = (['delivered', 'quarantined', 'rejected'] as const).flatMap((fate) =>
    evidence[fate] === 0 ? [] : [`${number(evidence[fate])} ${fate}`],
  );
  return fates.length === 0 ? head : `${head}: ${fates.join(', ')}`;
}

function sinceOf(evidence: Evidence): string | null {
  const since = clean(evidence.since, 10);
  const last = clean(evidence.last_day, 10);
  if (since === '') return last === '' ? null : `last seen ${last}`;
  return last === '' || last === since ? since : `${since}, last seen ${last}`;
}

function sureOf(confidence: number, { reporters, reporter_names: names = {}, missing = [], messages, of }: Evidence): string {
  const word =
    confidence >= 0.9 ? 'very sure' : confidence >= 0.7 ? 'fairly sure' : confidence >= 0.5 ? 'more likely than not' : 'a guess';
  const named = (keys: readonly string[]) => {
    const labels = keys.map((key) => clean(Object.hasOwn(names, key) ? names[key] : key, 80)).filter(Boolean);
    const more = labels.length - MOST_REPORTERS;
    return labels.length === 0
      ? null
      : `${labels.slice(0, MOST_REPORTERS).join(', ')}${more > 0 ? ` and ${number(more)} more` : ''}`;
  };
  // That it does not report is what the finding is about.
  const silent = messages === 0 && of > 0;
  const heard = silent ? null : named(reporters);
  const awaited = named(missing);
  return [
    `${word} (${percent(Math.min(1, Math.max(0, confidence)))})`,
    ...(heard === null ? [] : [`reported by ${heard}`]),
    ...(awaited === null ? [] : [`no report yet for the last day from ${awaited}`]),
  ].join('; ');
}

/**
 * The query of the analyzer; one that shows the finding itself when there is none, or when it is too long for
 * a mail.
 */
function queryOf({ finding_key, evidence }: FindingEvent): string {
  const query = evidence.query
    .replace(/\r\n?/g, '\n')
    .replace(/[\p{Cf}\p{Co}\p{Cs}]/gu, '')
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')
    .trim();
  return query === '' || query.length > LONGEST_QUERY
    ? `select * from dmarc.findings where finding_key = ${finding_key};`
    : query;
}
