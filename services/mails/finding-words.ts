import { byDecision, unseenDays } from '../findings/end-reasons.ts';
import type { Evidence } from '../findings/evidence.ts';
import { traitsOf } from '../findings/kinds/traits-of.ts';
import { type Action, actionsOn, showAction } from '../findings/sentences/commands.ts';
import { fatesWords } from '../findings/sentences/fates.ts';
import { begunWords, overWords, wordsOf } from '../findings/sentences/finding.ts';
import { newsWords } from '../findings/sentences/news.ts';
import { reporterName } from '../findings/sentences/reporter-name.ts';
import { whoseWords } from '../findings/sentences/source.ts';
import { counted, list, number, percent, sentenceCase } from '../shared/format.ts';
import type { FindingEvent } from '../store/alerts/outbox.ts';
import type { Step } from '../store/findings/findings.ts';
import { clean } from './plain-text.ts';

/** What a mail says, in the order it says it, every value clean: both templates show just this. */
export interface Content {
  domain: string;
  /** One sentence that names the domain once; of what is resolved, a phrase for it. */
  headline: string;
  /** "New since the last mail: its severity has risen from low to high." Null for a first mail. */
  lead: string | null;
  /** Why it is over, empty where nobody said; null when it is not. */
  over: string | null;
  key: number;
  /**
   * One sentence or two; empty where nothing but figures has changed since the last mail, which the lead
   * says.
   */
  what: string;
  /** "High severity: authentication regression (DKIM), finding 19." */
  label: string;
  severity: string;
  /**
   * `whose`: the names, the service, the owner and the country that are known of it; empty where none are.
   */
  who: { source: string; whose: string; amount: string }[];
  /** "and 3 more, 1,200 messages" */
  others: string | null;
  many: string | null;
  since: string | null;
  /**
   * What it was, once it is over: the same in the past, the fullest sentence first; empty where nothing is
   * known.
   */
  was: string[];
  sure: string;
  advice: string[];
  /** The pages named in the advice that are ours, and may be links. */
  links: string[];
  /** What can be done about it in ruawatch. */
  actions: Action[];
  /** Its page in the console; null without `console.url`. */
  page: string | null;
  /** The usual reporters that have not reported on its last day yet. */
  missing: string[];
  last_day: string;
  query: string;
}

/** The page of a finding in the console. @param console the setting `console.url` */
export function pageOf(console: string, key: number): string {
  return `${console}/findings/${key}`;
}

const MOST_SOURCES = 4;
/** Sources listed where something is known of them, which may take a line of its own. */
const MOST_DESCRIBED = 3;
const MOST_REPORTERS = 4;
const MOST_ADVICE = 4;
/** Our own sentences fit, with the longest names; what an older version stored may not. */
const LONGEST_WHAT = 800;
const LONGEST_ADVICE = 500;
const LONGEST_OVER = 300;
const LONGEST_NAME = 40;
const LONGEST_QUERY = 4_000;

const MECHANISMS = { dkim: 'DKIM', spf: 'SPF', both: 'SPF and DKIM' };

/** @param console the setting `console.url`; null when it is not set */
export function contentOf(event: FindingEvent, step: Step, console: string | null = null): Content {
  const { evidence } = event;
  const words = wordsOf(event);
  const domain = clean(event.domain, 80);
  const severity = clean(event.severity, 20);
  const mechanism = evidence.mechanism === undefined ? '' : ` (${MECHANISMS[evidence.mechanism]})`;
  const links = (words.links ?? []).filter((link) => PAGE.test(link));
  const headline = withDomain(clean(step === 'resolved' ? words.topic : words.title), domain);
  const brief = isBrief(step, evidence);
  // The sentences that are left out would name it.
  const of = brief && domain !== '*' ? ` of ${domain}` : '';
  return {
    domain,
    headline,
    lead: leadOf(step, evidence),
    over: step === 'resolved' ? clean(`${overOf(evidence, words.topic)}${unmended(evidence)}`, LONGEST_OVER) : null,
    key: event.finding_key,
    what: brief ? '' : clean(words.what, LONGEST_WHAT) || headline,
    label: `${sentenceCase(severity)} severity: ${clean(event.kind, 40).replaceAll('_', ' ')}${mechanism}, finding ${event.finding_key}${of}.`,
    severity,
    who: shownOf(evidence).map((one) => ({
      source: `${clean(one.source, 60) || '(no name)'}${one.unproven ? ' (unproven)' : ''}`,
      whose: clean(whoseWords(one)),
      // What a forged report claims is no mail.
      amount: isForged(event) ? (one.reports ? counted(one.reports, 'report') : '') : counted(one.messages, 'message'),
    })),
    others: othersOf(event),
    many: manyOf(event),
    since: sinceOf(event),
    was: wasOf(event),
    sure: sureOf(event),
    // The evidence of what is over still says what was to be done.
    advice:
      step === 'resolved'
        ? []
        : (brief ? [AS_BEFORE] : words.advice)
            .map((sentence) => withLinks(sentence, links))
            .filter(Boolean)
            .slice(0, MOST_ADVICE),
    links,
    actions: step === 'resolved' ? [showAction(event.finding_key)] : actionsOn(event, brief ? {} : words),
    page: console === null ? null : pageOf(console, event.finding_key),
    // Where there are no reports at all, it says nothing that some of its reporters are missing.
    missing: silences(event.kind) ? [] : labelsOf(evidence, evidence.missing ?? []),
    last_day: clean(evidence.last_day, 10),
    query: brief ? '' : queryOf(event),
  };
}

/**
 * News after which there is nothing else to do than before: the figures say it, and who reads it has read the
 * rest.
 */
const FIGURES = new Set(['severity', 'grown', 'fate', 'begun_again']);
const AS_BEFORE = 'What is to be done has not changed: the mail before said it, as does the last command below.';

function isBrief(step: Step, { news, facts }: Evidence): boolean {
  return step === 'changed' && facts !== null && news !== undefined && FIGURES.has(news.what);
}

/** Silence fixes nothing. */
function unmended({ ended }: Evidence): string {
  return ended && unseenDays(ended) !== null ? ' Reports do not show whether the cause is gone: it may come again.' : '';
}

/**
 * Why it is over, with whose mail it was where the topic does not say so: "203.0.113.0/24 and 3 more: no such
 * mail …".
 */
function overOf(evidence: Evidence, topic: string): string {
  const words = overWords(evidence);
  const whose = ofWhom(evidence, topic);
  return whose === '' || words === '' ? words : `${whose}${words.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase())}`;
}

function ofWhom(evidence: Evidence, topic: string): string {
  const [first] = evidence.who;
  const all = Math.max(evidence.who.length, evidence.senders);
  const name = first === undefined ? '' : clean(first.source, LONGEST_NAME);
  if (name === '' || topic.includes(first!.source)) return '';
  return `${name}${all > 1 ? ` and ${number(all - 1)} more` : ''}: `;
}

/** A page as the catalogue may name it. */
const PAGE = /^https:\/\/[a-z0-9.-]+(?:\/[\w./~%?#=&+,:@!-]*)?$/i;

/** The sentence, with the domain before it where it does not name it or a host of it. */
function withDomain(sentence: string, domain: string): string {
  // Not about one domain.
  if (domain === '*') return sentence;
  const words = sentence.toLowerCase().split(/[\s,;:()]+/);
  const named = words.some((word) => word === domain.toLowerCase() || word.endsWith(`.${domain.toLowerCase()}`));
  return named ? sentence : `${domain}: ${sentence}`;
}

/** A clean sentence in which only these links are links. */
function withLinks(sentence: string, links: readonly string[]): string {
  const room = links.reduce((n, link) => n + link.length, LONGEST_ADVICE);
  return links.reduce((text, link) => text.replaceAll(clean(link, room), link), clean(sentence, room));
}

/** Reporters by the names that people know. */
function labelsOf(evidence: Evidence, keys: readonly string[]): string[] {
  return keys.map((key) => clean(reporterName(key, evidence), LONGEST_NAME)).filter(Boolean);
}

function leadOf(step: Step, { news, decided }: Evidence): string | null {
  switch (step) {
    case 'opened':
    case 'resolved':
      return null;
    case 'changed':
      return news === undefined ? 'This has changed since the last mail about it.' : clean(newsWords(news));
    case 'reopened':
      return byDecision(decided)
        ? 'A decision about its source had ended this and no longer holds: somebody took it back, or its time is over.'
        : 'This was over, as far as reports showed, and has come back.';
    case 'reminded':
      return 'This was put off until now, and it is still open.';
  }
}

/** The sources that are listed. */
function shownOf({ who }: Evidence): Evidence['who'] {
  const all = who.slice(0, MOST_SOURCES);
  return all.some((one) => whoseWords(one) !== '') ? all.slice(0, MOST_DESCRIBED) : all;
}

/** The sources that are not listed: `senders` counts all, where `who` holds the largest only. */
function othersOf(event: FindingEvent): string | null {
  const { evidence } = event;
  const { who, senders: all, messages: total } = evidence;
  const sum = (some: Evidence['who']) => some.reduce((n, { messages }) => n + messages, 0);
  const shown = shownOf(evidence).length;
  const senders = Math.max(who.length, all);
  if (senders === shown || shown === 0) return null;
  const messages = Math.max(sum(who.slice(shown)), total - sum(who.slice(0, shown)));
  return `and ${number(senders - shown)} more${messages > 0 && !isForged(event) ? `, ${counted(messages, 'message')}` : ''}`;
}

/** Its evidence is what reports claim that are proven to be no reports. */
function isForged({ kind }: FindingEvent): boolean {
  return traitsOf(kind).counts === 'reports';
}

/** It is about reports that do not come: nobody reported it, and nothing was seen of late. */
function isSilent({ kind, evidence: { messages, of } }: FindingEvent): boolean {
  return silences(kind) || (messages === 0 && of > 0 && !isReady(kind));
}

/** Its evidence is what would have been reported. */
function silences(kind: string): boolean {
  return traitsOf(kind).counts === 'absent';
}

/** Its evidence is what the next policy would have touched, which may be nothing. */
function isReady(kind: string): boolean {
  return traitsOf(kind).counts === 'touched';
}

function manyOf(event: FindingEvent): string | null {
  const { messages, of, reports = 0, ...evidence } = event.evidence;
  if (isForged(event))
    return reports === 0 ? null : `${counted(reports, 'report')}, ${reports === 1 ? 'which is not' : 'none of which is'} counted`;
  // A finding about the policy counts no mail.
  if (messages === 0 && of === 0) return null;
  if (messages === 0 && isReady(event.kind)) return `none of ${counted(of, 'message')} would have been affected`;
  // Of a reporter that fell silent: what it would have reported. A record in DNS failed no mail yet.
  if (messages === 0) return !silences(event.kind) ? null : `0 of about ${counted(of, 'expected message')}`;
  const part = of === 0 ? counted(messages, 'message') : `${number(messages)} of ${counted(of, 'message')}`;
  const whole = wholeOf(event);
  const head =
    of === 0 || messages > of
      ? part
      : messages === of
        ? `${messages > 1 ? 'all ' : ''}${counted(messages, 'message')}${whole}`
        : `${part}${whole} (${percent(messages / of)})`;
  // Of readiness: what the next policy would have touched, and not what is wrong.
  if (evidence.by_class !== undefined) return `${part} (${percent(messages / of)} of all mail) would have been affected`;
  const fates = (['delivered', 'quarantined', 'rejected'] as const).flatMap((fate) =>
    evidence[fate] === 0 ? [] : [`${number(evidence[fate])} ${fate}`],
  );
  return fates.length === 0 ? head : `${head}: ${fates.join(', ')}`;
}

/** Whose messages are all of which these are a part; empty where the sentences say so, or nobody knows. */
function wholeOf({ kind, evidence: { facts, senders } }: FindingEvent): string {
  const { partOf } = traitsOf(facts?.rule ?? kind);
  if (partOf === 'domain') return ' of the domain';
  return partOf === undefined ? '' : senders > 1 ? ' from them' : ' from it';
}

function sinceOf(event: FindingEvent): string | null {
  const since = clean(event.evidence.since, 10);
  const last = isSilent(event) ? '' : clean(event.evidence.last_day, 10);
  if (since === '') return last === '' ? null : `last seen ${last}`;
  const begun = begunWords({ since, sent_since: clean(event.evidence.sent_since ?? '', 10) });
  return last === '' || last === since ? begun : `${begun}, last seen ${last}`;
}

/** What it was, in the past: how much, when, and what became of it. */
function wasOf(event: FindingEvent): string[] {
  const { evidence } = event;
  const { messages, reports = 0 } = evidence;
  const since = clean(evidence.since, 10);
  const last = clean(evidence.last_day, 10);
  if (since === '') return [];
  const when = last === '' ? `since ${since}` : last === since ? `on ${since}` : `from ${since} to ${last}`;
  if (isForged(event)) return reports === 0 ? [] : [`It was ${counted(reports, 'report')}, received ${when}.`];
  if (messages === 0 || isReady(event.kind))
    return [last === '' ? `It began on ${since}.` : last === since ? `It lasted one day, ${since}.` : `It lasted ${when}.`];
  const much = `It was ${counted(messages, 'message')} ${when}`;
  const fates = fatesWords(evidence);
  const most = (['delivered', 'quarantined', 'rejected'] as const).reduce((a, b) => (evidence[b] > evidence[a] ? b : a));
  return [
    ...(fates === '' ? [] : [`${much}: ${fates}.`]),
    ...(evidence[most] === 0 ? [] : [`${much}, ${number(evidence[most])} of them ${most}.`]),
    `${much}.`,
  ];
}

function sureOf(event: FindingEvent): string {
  const { confidence, evidence } = event;
  const word =
    confidence >= 0.9 ? 'very sure' : confidence >= 0.7 ? 'fairly sure' : confidence >= 0.5 ? 'more likely than not' : 'a guess';
  // That it does not report is what the finding is about, or that it was not the one who did.
  const heard = isSilent(event) || isForged(event) ? [] : labelsOf(evidence, evidence.reporters);
  const sure = `${word} (${percent(Math.min(1, Math.max(0, confidence)))})`;
  return heard.length === 0 ? sure : `${sure}; reported by ${list(heard, MOST_REPORTERS + 1)}`;
}

/**
 * Who has not reported on the last day of the evidence, in so many characters: at least one name, cut where
 * it must be, and the rest counted.
 */
export function awaited({ missing, last_day }: Content, room: number): string | null {
  if (missing.length === 0) return null;
  const names = missing.map((name) => clean(name, LONGEST_NAME));
  // Named, as the newest report may have come since, about an earlier day.
  const day = `no report for ${last_day || 'the last day'} from`;
  for (let shown = names.length; shown > 1; shown--) {
    const said = `${day} ${list(names, shown, names.length)}`;
    if ([...said].length <= room) return said;
  }
  const rest = names.length - 1;
  return `${day} ${names[0]}${rest > 0 ? ` and ${number(rest)} more` : ''}`;
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
