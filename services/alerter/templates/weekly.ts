import { wordsOf } from '../../findings/sentences.ts';
import { dayOf, daysBetween } from '../../shared/days.ts';
import { counted, list, number, percent } from '../../shared/format.ts';
import { parsePolicy } from '../../shared/policy.ts';
import type { DayTotal, DomainWeek, WeekFinding, WeekFindings } from '../../store/alerts/digests.ts';
import { columns, passBar, shareBar, sparkline } from './chart.ts';
import { contentOf } from './content.ts';
import type { Rendered } from './finding.ts';
import { badge, page } from './html.ts';
import { atMost, clean, inlineHtml as e, sentenceCase, wrap } from './plain-text.ts';

export interface Weekly extends WeekFindings {
  /** Report days: the first of the week before, the first and the last of the week. */
  days: { before: string; from: string; to: string };
  /** Findings are listed since then. */
  since: Date;
  next: Date;
  /** Domains that are not yours and were reported on since then. */
  foreign?: number;
  /** Sentences about the reading of reports itself. */
  notes?: readonly string[];
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
  const sum = totalOf(week);
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
function isQuiet({ opened, resolved, open, domains }: Weekly): boolean {
  const fresh = domains.some((d) => d.silent_since !== null || d.fresh_count + d.strangers.sources > 0);
  return opened.to_do + open.to_do + resolved.count === 0 && !fresh;
}

/** It counts what a person must do, and nothing else. */
function subjectOf({ opened, open, days, domains }: Weekly, sum: Total): string {
  const act = opened.to_do + open.to_do;
  const fresh = opened.to_do > 0 && open.to_do > 0 ? ` (${number(opened.to_do)} new)` : '';
  const silent = domains.filter(({ silent_since }) => silent_since !== null).length;
  const told = [
    ...(act > 0 ? [`${number(act)} to act on${fresh}`] : []),
    ...(sum.messages === 0 ? ['no report'] : silent > 0 ? [`no reports on ${counted(silent, 'domain')}`] : []),
  ];
  return `[ruawatch] Week to ${days.to}: ${told.join(', ') || 'nothing to act on'}`;
}

const NONE = { sources: 0, messages: 0 };

/** The sentences at the top. */
function openingOf({ domains, days, foreign, opened, open, notes }: Weekly, sum: Total, quiet: boolean): string[] {
  const silent = domains.filter(({ silent_since }) => silent_since !== null).map((one) => clean(one.domain, 60));
  const stray = domains.reduce(
    (n, one) => ({ sources: n.sources + one.stray.sources, messages: n.messages + one.stray.messages }),
    NONE,
  );
  const put_off = opened.count + open.count;
  const nothing =
    put_off === 0 ? 'nothing new, nothing open' : `${counted(put_off, 'finding')} acknowledged, snoozed or of one cause`;
  return [
    ...(quiet && sum.messages > 0 ? [`Nothing to act on: ${nothing}.`] : []),
    ...(silent.length > 0 ? [`No reports any more on ${counted(silent.length, 'domain')}: ${list(silent, MOST_SILENT)}.`] : []),
    sum.messages === 0
      ? `No report covers mail from ${days.from} to ${days.to}: check that the mailbox still receives reports (ruawatch doctor).`
      : `${counted(domains.length, 'domain')}, ${counted(sum.messages, 'message')} from ${days.from} to ${days.to}: ${rate(sum)}.`,
    ...(stray.sources > 0
      ? [`${counted(stray.sources, 'new source')} too small to classify, ${counted(stray.messages, 'message')} in all.`]
      : []),
    ...(foreign
      ? [
          `${counted(foreign, 'domain')} that ${foreign === 1 ? 'is' : 'are'} not yours ${foreign === 1 ? 'was' : 'were'} reported on: ruawatch domains list --state observed.`,
        ]
      : []),
    ...(notes ?? []),
  ];
}

/** What follows the opening, in the text as in the HTML. */
interface Body {
  /** Findings by what became of them; `beyond` counts those that are not listed. */
  sections: { title: string; findings: readonly WeekFinding[]; beyond: number }[];
  domains: readonly DomainWeek[];
  /** Counts the domains that are not shown; null when all are. */
  more: string | null;
}

function bodyOf({ opened, resolved, open, domains }: Weekly): Body {
  const sections = [
    { title: 'New', of: opened },
    { title: 'Resolved', of: resolved },
    { title: 'Still open', of: open },
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
    needy === 0 ? 'none of which needs anything' : `${number(needy)} of which ${needy === 1 ? 'needs' : 'need'} somebody`;
  const more = beyond === 0 ? null : `and ${counted(beyond, 'more domain')}, ${need}: dmarc.source_days has them all.`;
  return { sections, domains: domains.slice(0, MOST_DOMAINS), more };
}

function textOf(week: Weekly, lines: readonly string[], { sections, domains, more }: Body, next: string): string {
  const text = [
    ...lines.flatMap((line) => wrap(line, WIDTH)),
    ...sections.flatMap(({ title, findings, beyond }) => [
      '',
      title,
      ...findings.flatMap(findingText),
      ...(beyond > 0 ? [`  and ${number(beyond)} more: ruawatch findings`] : []),
    ]),
    '',
    'Domains, by day (the week before, then this week)',
    ...domains.flatMap((domain) => domainText(domain, week)),
    ...(more === null ? [] : wrap(more, WIDTH)),
    '',
    next,
  ];
  return `${text.join('\n')}\n`;
}

function htmlOf(week: Weekly, lines: readonly string[], { sections, domains, more }: Body, next: string): string {
  const legend = 'Columns are messages a day, the week before paler; green passes DMARC, orange fails.';
  return `<h1 class="ink" style="margin:0 0 4px;font-size:19px;line-height:26px;font-weight:600;color:#16202a;">The week to ${week.days.to}</h1>
${lines.map((line) => `<p class="soft" style="margin:0 0 4px;font-size:14px;line-height:20px;color:#5b6875;">${e(line)}</p>`).join('\n')}
${sections.map(sectionHtml).join('\n')}
${heading('Domains')}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${domains.map((domain) => domainHtml(domain, week)).join('\n')}
</table>
<p class="soft" style="margin:14px 0 0;font-size:13px;line-height:19px;color:#5b6875;">${e([...(more === null ? [] : [more]), legend, next].join(' '))}</p>`;
}

function sectionHtml({ title, findings, beyond }: Body['sections'][number]): string {
  const more =
    beyond > 0
      ? `\n<p class="soft" style="margin:6px 0 0;font-size:13px;color:#5b6875;">and ${number(beyond)} more: ruawatch findings</p>`
      : '';
  return `${heading(title)}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${findings.map(findingHtml).join('\n')}
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

interface Total {
  messages: number;
  passed: number;
  before: { messages: number; passed: number };
}

function totalOf({ domains, days }: Weekly): Total {
  const total: Total = { messages: 0, passed: 0, before: { messages: 0, passed: 0 } };
  for (const day of domains.flatMap((domain) => domain.days)) {
    const part = day.day < days.from ? total.before : total;
    part.messages += day.messages;
    part.passed += day.passed;
  }
  return total;
}

/** "99.2% pass DMARC (98.1% the week before)" */
function rate({ messages, passed, before }: Total): string {
  if (messages === 0) return 'no mail was reported';
  const was = before.messages === 0 ? '' : ` (${percent(before.passed / before.messages)} the week before)`;
  return `${percent(passed / messages)} pass DMARC${was}`;
}

function stateOf({ event, at, acknowledged_by, snoozed_until }: WeekFinding): string {
  const day = dayOf(at);
  const states = [
    event === 'opened'
      ? `found ${day}`
      : event === 'reopened'
        ? `again since ${day}`
        : event === 'resolved'
          ? `over ${day}`
          : null,
    acknowledged_by === null ? null : `acknowledged by ${clean(acknowledged_by, 40)}`,
    snoozed_until === null ? null : `snoozed until ${dayOf(snoozed_until)}`,
  ];
  return states.filter((state) => state !== null).join(', ');
}

/** The title, and below it the key, the state and the figures. */
function words(finding: WeekFinding): { severity: string; headline: string; detail: string } {
  const resolved = finding.event === 'resolved';
  const content = contentOf(finding, resolved ? 'resolved' : 'opened');
  const why = resolved ? content.over?.replace(/\.$/, '') : content.since && `since ${content.since}`;
  const detail = [`finding ${finding.finding_key}`, stateOf(finding), resolved ? null : content.many, why];
  return {
    severity: content.severity,
    headline: content.headline,
    detail: detail.filter(Boolean).join('; '),
  };
}

function findingText(finding: WeekFinding): string[] {
  const { severity, headline, detail } = words(finding);
  return [
    ...atMost(wrap(`${sentenceCase(severity)}: ${headline}`, WIDTH - 2), 2, WIDTH - 2).map((line) => `  ${line}`),
    ...atMost(wrap(detail, WIDTH - 6), 2, WIDTH - 6).map((line) => `      ${line}`),
  ];
}

function findingHtml(finding: WeekFinding): string {
  const { severity, headline, detail } = words(finding);
  return `<tr><td class="line" style="padding:9px 0;border-top:1px solid #e7ecf0;">${badge(severity)} <span class="ink" style="font-size:14px;line-height:20px;color:#16202a;overflow-wrap:anywhere;">${e(headline)}</span><br><span class="soft" style="font-size:13px;line-height:19px;color:#5b6875;">${e(detail)}</span></td></tr>`;
}

function heading(title: string): string {
  return `<h2 class="ink" style="margin:20px 0 8px;font-size:15px;line-height:20px;font-weight:600;color:#16202a;">${e(title)}</h2>`;
}

const NO_MAIL = 0;

/** Every day of both weeks, those without mail too. */
function everyDay(days: readonly DayTotal[], { before, to }: Weekly['days']): DayTotal[] {
  const known = new Map(days.map((day) => [day.day, day]));
  return daysBetween(before, to).map((day) => known.get(day) ?? { day, messages: NO_MAIL, passed: NO_MAIL });
}

/** What is worth a line of its own about a domain. */
function notesOf(domain: DomainWeek): string[] {
  const fresh = domain.fresh.map(
    ({ source, class: what, messages }) => `${clean(source, 60)} (${clean(what, 20)}, ${counted(messages, 'message')})`,
  );
  const rest = domain.fresh_count - fresh.length;
  const { strangers, unheard } = domain;
  const { p, sp } = domain.policy === null ? { p: null, sp: null } : parsePolicy(domain.policy);
  const below = sp === null || sp === p ? '' : `; sp=${clean(sp, 20)}`;
  return [
    ...(domain.silent_since === null ? [] : [`No reports since ${clean(domain.silent_since, 10)}.`]),
    ...(domain.to_do === 0 ? [] : [`To act on: ${counted(domain.to_do, 'finding')}, the gravest ${clean(domain.gravest, 20)}.`]),
    ...(fresh.length > 0 ? [`New: ${fresh.join(', ')}${rest > 0 ? ` and ${number(rest)} more` : ''}.`] : []),
    ...(strangers.sources > 0
      ? [`New and unauthorized: ${counted(strangers.sources, 'source')}, ${counted(strangers.messages, 'message')}.`]
      : []),
    ...(unheard.reporters > 0
      ? [
          `Not counted: ${counted(unheard.messages, 'message')} from ${counted(unheard.reporters, 'reporter')} that ${unheard.reporters === 1 ? 'does' : 'do'} not decide yet (dmarc.reporters).`,
        ]
      : []),
    ...(p === null ? [] : [`Published policy: p=${clean(p, 20)}${below}.`]),
    ...(domain.ready === null ? [] : [`Next step: ${clean(wordsOf(domain.ready).summary, 200)}`]),
  ];
}

function domainText(domain: DomainWeek, week: Weekly): string[] {
  const total = totalOf({ ...week, domains: [domain] });
  const bar = total.messages === 0 ? '' : `${shareBar(total.passed / total.messages, 20)}  `;
  const days = everyDay(domain.days, week.days);
  return [
    '',
    `  ${clean(domain.domain, 60)}: ${counted(total.messages, 'message')}`,
    `  ${bar}${rate(total)}`,
    ...(days.some((day) => day.messages > 0) ? [`  ${sparkline(days, week.days.from)}`] : []),
    ...notesOf(domain).flatMap((note) => wrap(note, WIDTH - 2).map((line) => `  ${line}`)),
  ];
}

function domainHtml(domain: DomainWeek, week: Weekly): string {
  const total = totalOf({ ...week, domains: [domain] });
  const days = everyDay(domain.days, week.days);
  const chart = days.some((day) => day.messages > 0) ? columns(days, week.days.from) : '';
  const notes = notesOf(domain).map(
    (note) =>
      `<p class="soft" style="margin:4px 0 0;font-size:13px;line-height:19px;color:#5b6875;overflow-wrap:anywhere;">${e(note)}</p>`,
  );
  return `<tr><td class="line" style="padding:12px 0;border-top:1px solid #e7ecf0;">
<p class="ink" style="margin:0;font-size:14px;line-height:20px;font-weight:600;color:#16202a;overflow-wrap:anywhere;">${e(clean(domain.domain, 80))}</p>
<p class="soft" style="margin:0 0 6px;font-size:13px;line-height:19px;color:#5b6875;">${e(`${counted(total.messages, 'message')}, ${rate(total)}`)}</p>
${passBar(total.passed, total.messages)}
${chart === '' ? '' : `<div style="height:8px;line-height:8px;font-size:1px;">&nbsp;</div>\n${chart}`}
${notes.join('\n')}
</td></tr>`;
}
