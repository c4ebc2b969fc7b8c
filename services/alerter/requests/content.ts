import { clean } from '../../mails/plain-text.ts';
import { type Plan, readPlan } from '../../requests/plan.ts';
import { changeLines } from '../../requests/plans/text.ts';
import { reasonsOf, STATE_WORDS } from '../../requests/words.ts';
import { escaped } from '../../shared/escape.ts';
import { counted, sentenceCase } from '../../shared/format.ts';
import type { RequestStory } from '../../store/alerts/request-mails.ts';
import { isAsk } from './steps.ts';
import { titleOf } from './subject.ts';

/** What a mail about a request says, every value clean: both templates show just this. */
export interface RequestContent {
  key: number;
  /** Of the mail: its subject without the tag. */
  title: string;
  /** The first line: of what asks, what the DNS check says of the state after it; else what happened. */
  first: string;
  /** Whether the first line is bad news. */
  bad: boolean;
  /** The plan in one sentence. */
  headline: string;
  /** "Medium risk: dns.change of example.com, request 7." */
  label: string;
  risk: Plan['risk'];
  /** What is wanted of the reader; null when nothing is. */
  wanted: string | null;
  /**
   * Exactly what changes, one line for each member: "-" goes, "+" comes, " " stays. Lines are never broken.
   */
  changes: string[];
  /** Sentences below a label, in the order in which they are shown; a label without any is not shown. */
  rows: { label: string; sentences: string[] }[];
  /** The page of the console; null without `console.url`. */
  page: string | null;
  /** Where it is read on the command line. */
  command: string;
  digest: string;
  head: string;
}

/** Octets of changed lines that a mail holds; Gmail cuts a mail off behind 102 kB. */
const MOST_CHANGED = 30_000;
const LONGEST = 500;

/** "2026-10-05 07:00 UTC" */
const moment = (at: Date) => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** The page of a request in the console. @param console the setting `console.url` */
export function requestPage(console: string, key: number): string {
  return `${console}/requests/${key}`;
}

/**
 * What a person is mailed about an event of a request.
 * @param event the key of the event in the story's history
 * @param console the setting `console.url`; null when it is not set
 */
export function requestContent(
  story: RequestStory,
  { event, recipient, console }: { event: number; recipient: string; console: string | null },
): RequestContent {
  const { request, history } = story;
  const what = history.find(({ event_key }) => event_key === event)!;
  const plan = readPlan({ text: request.plan, digest: request.digest });
  const asks = isAsk(what.event, story, recipient);
  const says = clean(what.says, LONGEST);
  const key = request.request_key;
  return {
    key,
    title: titleOf({ event: what.event, asks, key, plan }),
    first: asks ? checkOf(plan) : says,
    bad: asks ? plan.warnings.length > 0 : BAD.has(what.event),
    headline: clean(plan.summary, LONGEST),
    label: `${request.kind} of ${plan.domain === '*' ? 'every domain' : clean(plan.domain, 80)}, request ${key}: ${STATE_WORDS[request.state]}.`,
    risk: plan.risk,
    wanted: asks ? wantedOf(story, what.event) : null,
    changes: changesOf(plan),
    rows: rowsOf(story, plan, asks),
    page: console === null ? null : requestPage(console, key),
    command: `ruawatch requests show ${key}`,
    digest: request.digest,
    head: what.head,
  };
}

const BAD = new Set(['override', 'return', 'fail', 'outdate', 'unreachable']);

/** What was found of the state after the change, before anyone was asked. */
function checkOf({ warnings, changes, kind }: Plan): string {
  const dns = changes.some(({ target }) => target === 'dns');
  const [first] = warnings;
  if (first !== undefined) {
    const check = dns ? 'The DNS check of the state after it warns' : 'Warning';
    const more = warnings.length > 1 ? ` (1 of ${warnings.length} warnings)` : '';
    return `${check}${more}: ${clean(first, LONGEST)}`;
  }
  if (dns) return 'The DNS check of the state after it finds nothing that gets worse.';
  return kind === 'review' ? 'Nothing is changed: it is to look back at a decision.' : 'DNS is not changed by it.';
}

function wantedOf({ request }: RequestStory, event: string): string {
  const until = request.expires_at === null ? '' : ` by ${moment(request.expires_at)}`;
  const still =
    event === 'remind' ? 'It still waits for your decision' : event === 'escalate' ? 'It was escalated: decide' : 'Please decide';
  return `${still}${until}. Without a decision it expires, and is not approved.`;
}

function changesOf(plan: Plan): string[] {
  const lines = changeLines(plan).map((line) => escaped(line));
  let room = MOST_CHANGED;
  const fit = lines.filter((line) => {
    room -= line.length;
    return room >= 0;
  });
  const left = lines.length - fit.length;
  return left === 0
    ? lines
    : [...fit, `… and ${counted(left, 'more line')} that no mail has room for: read them where you decide.`];
}

function rowsOf(story: RequestStory, plan: Plan, asks: boolean): RequestContent['rows'] {
  const { request, decisions, history } = story;
  const { requester_kind, requester, created_at, expires_at, state } = request;
  const by = requester_kind === 'person' ? requester : `the ${requester_kind} ${requester}`;
  const tidy = (sentences: readonly string[]) => sentences.map((one) => clean(one, LONGEST)).filter((one) => one !== '');
  const rest = asks ? plan.warnings.slice(1) : plan.warnings;
  const waits = (state === 'pending' || state === 'approved') && expires_at !== null;
  return [
    { label: 'Warnings', sentences: tidy(rest) },
    { label: 'Why', sentences: tidy(reasonsOf(request.why, plan)) },
    { label: 'Risk', sentences: tidy([`${sentenceCase(plan.risk)}. ${plan.risk_because.join(' ')}`]) },
    { label: 'How it is undone', sentences: tidy([plan.back.text]) },
    { label: 'Requested by', sentences: tidy([`${by}, ${moment(created_at)}`]) },
    { label: 'Decided by', sentences: tidy([whoDecides(story)]) },
    {
      label: 'Decisions',
      sentences:
        decisions.length === 0 && request.rule.decide === 'people'
          ? ['Nobody has decided yet.']
          : tidy(decisions.map((one) => `${one.person} ${DECISIONS[one.decision]}, ${moment(one.at)}: ${one.why}`)),
    },
    { label: 'Deadline', sentences: waits ? [`${moment(expires_at)}${state === 'approved' ? ', for applying it' : ''}`] : [] },
    { label: 'So far', sentences: asks ? [] : tidy(history.slice(-MOST_STEPS).map(({ at, says }) => `${moment(at)}: ${says}`)) },
  ];
}

const MOST_STEPS = 12;
const DECISIONS = { approve: 'approved', deny: 'denied', override: 'approved alone by break-glass' };

function whoDecides({ request: { rule, stage, state } }: RequestStory): string {
  if (rule.decide === 'automatic') return `the rule "${rule.rule}", by itself`;
  const stages = rule.stages.map(
    ({ group, need }, at) =>
      `${need} of ${group}${at === stage && state === 'pending' && rule.stages.length > 1 ? ' (now)' : ''}`,
  );
  return `${stages.join(', then ')} (rule "${rule.rule}")`;
}
