import { type Action, actionsOn } from '../findings/sentences/commands.ts';
import { dayOf } from '../shared/days.ts';
import { counted, list, number, sentenceCase } from '../shared/format.ts';
import type { DomainWeek, WeekFinding, WeekFindings } from '../store/alerts/digests.ts';
import type { RequestWeek } from '../store/alerts/request-week.ts';
import { actionLines, actionsHtml } from './actions.ts';
import { legend } from './chart.ts';
import { badge, linkedTo, page } from './finding-html.ts';
import { contentOf } from './finding-words.ts';
import { atMost, clean, inlineHtml as e, wrap } from './plain-text.ts';
import type { Rendered } from './render-finding.ts';
import { TAG } from './subject.ts';
import { domainHtml, domainText, rate, type Total, totalOf, type WeekDays } from './weekly-domain.ts';
import { requestLines, requestsAct } from './weekly-requests.ts';

export interface Weekly extends WeekFindings {
  days: WeekDays;
  /** Findings are listed since then. */
  since: Date;
  /** When it is made: findings are listed until then. */
  until?: Date;
  next: Date;
  /** The setting `console.url`, when it is set. */
  console?: string | null | undefined;
  /** What the subject begins with, where that is not `TAG`. */
  tag?: string;
  /** Domains that are not yours and were reported on since then. */
  foreign?: number;
  /** Sentences about the reading of reports itself. */
  notes?: readonly string[];
  /** Of requests; null or absent while nothing was ever requested. */
  requests?: RequestWeek | null;
  /** In order of need, as they are loaded. */
  domains: DomainWeek[];
}

const WIDTH = 78;
/** More is not read, and Gmail cuts a mail off behind 102 kB; what is beyond is counted. */
const MOST_DOMAINS = 15;
/** Silent domains named in the opening. */
const MOST_SILENT = 10;

/** Renders the digest of a week: what changed, what is open, and how each domain's mail did. Pure. */
export function renderWeekly(week: Weekly): Rendered {
  const sum = totalOf(week.domains, week.days);
  const quiet = isQuiet(week);
  const subject = subjectOf(week, sum);
  const lines = openingOf(week, sum, quiet);
  const next = `The next digest comes on ${dayOf(week.next)}.`;
  if (quiet)
    return {
      subject,
      text: `${[...lines, next].flatMap((line) => wrap(line, WIDTH)).join('\n')}\n`,
      html: short(subject, [...lines, next]),
    };
  const body = bodyOf(week);
  return { subject, text: textOf(week, lines, body, next), html: page(subject, htmlOf(week, lines, body, next)) };
}

/** Whether nothing changed that a person should know, and nothing is to be done. */
function isQuiet({ opened, resolved, goes_on, open, domains, requests }: Weekly): boolean {
  const fresh = domains.some((d) => d.silent_since !== null || d.fresh_count + d.strangers.sources > 0);
  return opened.to_do + open.to_do + resolved.count + (goes_on?.count ?? 0) === 0 && !fresh && !requestsAct(requests);
}

/** It counts what a person must do, and nothing else. */
function subjectOf({ opened, open, days, domains, tag = TAG }: Weekly, sum: Total): string {
  const act = opened.to_do + open.to_do;
  const fresh = opened.to_do > 0 && open.to_do > 0 ? ` (${number(opened.to_do)} new)` : '';
  const silent = domains.filter(({ silent_since }) => silent_since !== null).length;
  const told = [
    ...(act > 0 ? [`${number(act)} to act on${fresh}`] : []),
    ...(sum.messages === 0 ? ['no report'] : silent > 0 ? [`no reports on ${counted(silent, 'domain')}`] : []),
  ];
  return `${tag}Week to ${days.to}: ${told.join(', ') || 'nothing to act on'}`;
}

const NONE = { sources: 0, messages: 0 };

/** The sentences at the top. */
function openingOf(week: Weekly, sum: Total, quiet: boolean): string[] {
  const { domains, days, foreign, opened, open, info, notes, requests } = week;
  const silent = domains.filter(({ silent_since }) => silent_since !== null).map((one) => clean(one.domain, 60));
  const stray = domains.reduce(
    (n, one) => ({ sources: n.sources + one.stray.sources, messages: n.messages + one.stray.messages }),
    NONE,
  );
  const put_off = opened.count + open.count;
  const nothing =
    put_off === 0
      ? 'nothing new, nothing open'
      : `${counted(put_off, 'open finding')} ${put_off === 1 ? 'is' : 'are'} acknowledged, snoozed or part of another`;
  return [
    ...(quiet && sum.messages > 0 ? [`Nothing to act on: ${nothing}.`] : []),
    ...(silent.length > 0 ? [`No reports any more on ${counted(silent.length, 'domain')}: ${list(silent, MOST_SILENT)}.`] : []),
    sum.messages === 0
      ? `No report covers mail from ${days.from} to ${days.to}: check that the mailbox still receives reports ("ruawatch doctor").`
      : `${counted(domains.length, 'domain')}, ${counted(sum.messages, 'message')} from ${days.from} to ${days.to}: ${rate(sum)}.`,
    ...(quiet ? [] : [timesOf(week), ...sumsOf(week)]),
    ...(info && info.open > 0
      ? [
          `${counted(info.open, 'finding')} for information ${info.open === 1 ? 'is' : 'are'} open, ${info.count === 0 ? 'none' : number(info.count)} of them new${quiet ? ': "ruawatch findings"' : ''}.`,
        ]
      : []),
    ...(stray.sources > 0
      ? [`${counted(stray.sources, 'new source')} too small to classify, ${counted(stray.messages, 'message')} in all.`]
      : []),
    ...(foreign
      ? [
          `${counted(foreign, 'domain')} that ${foreign === 1 ? 'is' : 'are'} not yours ${foreign === 1 ? 'was' : 'were'} reported on: "ruawatch domains list --state observed".`,
        ]
      : []),
    ...(notes ?? []),
    ...requestLines(requests),
  ];
}

/** Which time the findings are of, where the mail is that of a week that ended before. */
function timesOf({ days, since, until }: Weekly): string {
  const end = until === undefined ? '' : ` to ${moment(until)}`;
  return `Findings are those from ${moment(since)}${end} UTC; mail after ${days.to} is in the next digest, when most reports on it are in.`;
}

/** "2026-10-05 07:00" */
const moment = (at: Date) => at.toISOString().slice(0, 16).replace('T', ' ');

/** Why what is to be acted on is less than the domains' findings together. */
function sumsOf({ domains, opened, open }: Weekly): string[] {
  const act = opened.to_do + open.to_do;
  const all = domains.reduce((n, { to_do }) => n + to_do, 0);
  return all <= act
    ? []
    : [
        `The domains below have ${counted(all, 'finding')}, of which ${number(act)} ${act === 1 ? 'is' : 'are'} to be acted on: one cause on several domains counts once.`,
      ];
}

/** What follows the opening, in the text as in the HTML. */
interface Body {
  /** Findings by what became of them; `beyond` counts those that are not listed. */
  sections: { title: string; findings: readonly WeekFinding[]; beyond: number }[];
  domains: readonly DomainWeek[];
  /** What can be done about the gravest finding that is listed; null when none is open. */
  actions: { about: string; actions: readonly Action[] } | null;
  /** Counts the domains that are not shown; null when all are. */
  more: string | null;
}

function bodyOf({ opened, resolved, goes_on, open, info, domains }: Weekly): Body {
  const sections = [
    { title: 'New', of: opened },
    ...(goes_on ? [{ title: 'Resolved by hand, still going on', of: goes_on }] : []),
    { title: 'Resolved', of: resolved },
    { title: 'Still open', of: open },
    ...(info ? [{ title: 'New, for information', of: info }] : []),
  ]
    .filter(({ of }) => of.count > 0)
    .map(({ title, of: { findings, count } }) => ({
      title: `${title} (${number(count)})`,
      findings,
      beyond: count - findings.length,
    }));
  const beyond = Math.max(0, domains.length - MOST_DOMAINS);
  const rest = domains.slice(MOST_DOMAINS);
  const needy = rest.filter(({ to_do, silent_since }) => to_do > 0 || silent_since !== null).length;
  const need =
    needy === 0
      ? `${beyond === 1 ? 'which needs' : 'none of which needs'} ${beyond === 1 ? 'nothing' : 'anything'}`
      : needy === beyond
        ? `${beyond === 1 ? 'which needs' : 'all of which need'} attention`
        : `${number(needy)} of which ${needy === 1 ? 'needs' : 'need'} attention`;
  const more = beyond === 0 ? null : `and ${counted(beyond, 'more domain')}, ${need}: dmarc.source_days has them all.`;
  const first = opened.findings[0] ?? open.findings[0];
  const actions = first ? { about: `, such as about finding ${first.finding_key}`, actions: actionsOn(first, {}) } : null;
  return { sections, domains: domains.slice(0, MOST_DOMAINS), actions, more };
}

function textOf(week: Weekly, lines: readonly string[], { sections, domains, actions, more }: Body, next: string): string {
  const text = [
    ...lines.flatMap((line) => wrap(line, WIDTH)),
    ...sections.flatMap(({ title, findings, beyond }) => [
      '',
      title,
      ...findings.flatMap((finding) => findingText(finding, week.console ?? null)),
      ...(beyond > 0 ? [`  and ${number(beyond)} more: "ruawatch findings"`] : []),
    ]),
    '',
    'Domains, by day: messages in the week before | in this week',
    ...domains.flatMap((domain) => domainText(domain, week.days)),
    ...(more === null ? [] : wrap(more, WIDTH)),
    '',
    ...(actions === null ? [] : [...actionLines(actions.actions, null, actions.about), '']),
    next,
  ];
  return `${text.join('\n')}\n`;
}

function htmlOf(week: Weekly, lines: readonly string[], { sections, domains, actions, more }: Body, next: string): string {
  return `<h1 class="ink" style="margin:0 0 4px;font-size:19px;line-height:26px;font-weight:600;color:#16202a;">The week to ${week.days.to}</h1>
${lines.map((line) => `<p class="soft" style="margin:0 0 4px;font-size:14px;line-height:20px;color:#5b6875;">${e(line)}</p>`).join('\n')}
${sections.map((section) => sectionHtml(section, week.console ?? null)).join('\n')}
${actions === null ? '' : `${heading(`In ruawatch${actions.about}`)}\n${actionsHtml(actions.actions, null)}`}
${heading('Domains, messages by day')}
${legend()}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${domains.map((domain) => domainHtml(domain, week.days)).join('\n')}
</table>
<p class="soft" style="margin:14px 0 0;font-size:13px;line-height:19px;color:#5b6875;">${e([...(more === null ? [] : [more]), next].join(' '))}</p>`;
}

function sectionHtml({ title, findings, beyond }: Body['sections'][number], console: string | null): string {
  const more =
    beyond > 0
      ? `\n<p class="soft" style="margin:6px 0 0;font-size:13px;color:#5b6875;">and ${number(beyond)} more: "ruawatch findings"</p>`
      : '';
  return `${heading(title)}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${findings.map((finding) => findingHtml(finding, console)).join('\n')}
</table>${more}`;
}

/** The three lines of a week with nothing in it. */
function short(subject: string, lines: readonly string[]): string {
  return page(
    subject,
    lines
      .map((line) => `<p class="ink" style="margin:0 0 6px;font-size:14px;line-height:20px;color:#16202a;">${e(line)}</p>`)
      .join('\n'),
  );
}

function stateOf({ event, at, acknowledged_by, snoozed_until, evidence: { ended } }: WeekFinding): string {
  const day = dayOf(at);
  if (event !== 'resolved' && ended?.reason === 'closed') return `resolved by ${clean(ended.by, 40)} ${day}, and goes on`;
  const states = [
    event === 'opened'
      ? `found ${day}`
      : event === 'reopened'
        ? `back since ${day}`
        : event === 'resolved'
          ? `over ${day}`
          : null,
    acknowledged_by === null ? null : `acknowledged by ${clean(acknowledged_by, 40)}`,
    snoozed_until === null ? null : `snoozed until ${dayOf(snoozed_until)}`,
  ];
  return states.filter((state) => state !== null).join(', ');
}

/** The title, and below it the key, the state and the figures. */
export function weekFindingWords(finding: WeekFinding, console: string | null) {
  const resolved = finding.event === 'resolved';
  const content = contentOf(finding, resolved ? 'resolved' : 'opened', console);
  const why = resolved ? null : content.since && `since ${content.since}`;
  const over = content.over ? `: ${content.over.replace(/\.$/, '')}` : '';
  const detail = [`finding ${finding.finding_key}`, `${stateOf(finding)}${over}`, resolved ? null : content.many, why];
  return {
    severity: content.severity,
    headline: content.headline,
    page: content.page,
    detail: detail.filter(Boolean).join('; '),
  };
}

function findingText(finding: WeekFinding, console: string | null): string[] {
  const { severity, headline, page, detail } = weekFindingWords(finding, console);
  return [
    ...atMost(wrap(`${sentenceCase(severity)}: ${headline}`, WIDTH - 2), 2, WIDTH - 2).map((line) => `  ${line}`),
    ...wrap(detail, WIDTH - 6).map((line) => `      ${line}`),
    ...(page === null ? [] : [`      ${page}`]),
  ];
}

function findingHtml(finding: WeekFinding, console: string | null): string {
  const { severity, headline, page, detail } = weekFindingWords(finding, console);
  return `<tr><td class="line" style="padding:9px 0;border-top:1px solid #e7ecf0;">${badge(severity)} <span class="ink" style="font-size:14px;line-height:20px;color:#16202a;overflow-wrap:anywhere;">${linkedTo(page, e(headline))}</span><br><span class="soft" style="font-size:13px;line-height:19px;color:#5b6875;">${e(detail)}</span></td></tr>`;
}

function heading(title: string): string {
  return `<h2 class="ink" style="margin:20px 0 8px;font-size:15px;line-height:20px;font-weight:600;color:#16202a;">${e(title)}</h2>`;
}
