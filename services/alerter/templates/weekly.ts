import { wordsOf } from '../../findings/words.ts';
import { dayOf, daysBetween } from '../../shared/days.ts';
import { counted, number, percent } from '../../shared/format.ts';
import { parsePolicy } from '../../shared/policy.ts';
import type { DayTotal, DomainWeek, WeekFinding, WeekFindings } from '../../store/alerts/digests.ts';
import { columns, passBar, shareBar, sparkline } from './chart.ts';
import { contentOf } from './content.ts';
import type { Rendered } from './finding.ts';
import { badge, page } from './html.ts';
import { atMost, clean, inlineHtml as e, sentenceCase, wrap } from './words.ts';

export interface Weekly extends WeekFindings {
  /** Report days: the first of the week before, the first and the last of the week. */
  days: { before: string; from: string; to: string };
  /** Findings are listed since then. */
  since: Date;
  next: Date;
  /** Domains that are not yours and were reported on since then. */
  foreign?: number;
  /** Those with the most mail first. */
  domains: DomainWeek[];
}

const WIDTH = 78;
/** More is not read, and Gmail cuts a mail off behind 102 kB; what is beyond is counted. */
const MOST_DOMAINS = 15;

/** Renders the digest of a week: what changed, what is open, and how each domain's mail did. Pure. */
export function renderWeekly(week: Weekly): Omit<Rendered, 'thread'> {
  const sum = totalOf(week);
  const quiet =
    week.opened.count + week.resolved.count + week.open.count === 0 &&
    week.domains.every((d) => d.fresh_count + d.strangers.sources === 0);
  const told = [
    ...(week.opened.count > 0 ? [`${number(week.opened.count)} new`] : []),
    ...(week.resolved.count > 0 ? [`${number(week.resolved.count)} over`] : []),
    ...(week.open.count > 0 ? [`${number(week.open.count)} still open`] : []),
  ];
  const silence = sum.messages === 0 ? ['no report'] : quiet ? ['nothing to act on'] : [];
  const what = [...told, ...silence].join(', ') || 'new sources, no findings';
  const subject = `[ruawatch] Week to ${week.days.to}: ${what}`;
  const lines = [
    ...(quiet && sum.messages > 0 ? ['Nothing to act on: nothing new, nothing open.'] : []),
    sum.messages === 0
      ? `No report covers mail from ${week.days.from} to ${week.days.to}: check that the mailbox still receives reports (ruawatch doctor).`
      : `${counted(week.domains.length, 'domain')}, ${counted(sum.messages, 'message')} from ${week.days.from} to ${week.days.to}: ${rate(sum)}.`,
    ...(week.foreign
      ? [
          `${counted(week.foreign, 'domain')} that ${week.foreign === 1 ? 'is' : 'are'} not yours ${week.foreign === 1 ? 'was' : 'were'} reported on: ruawatch domains list --state observed.`,
        ]
      : []),
  ];
  const next = `The next digest comes on ${dayOf(week.next)}.`;
  if (quiet)
    return {
      subject,
      text: `${[...lines, next].flatMap((line) => wrap(line, WIDTH)).join('\n')}\n`,
      html: short(subject, [...lines, next]),
    };

  const sections = [
    { title: 'New', of: week.opened },
    { title: 'Over', of: week.resolved },
    { title: 'Still open', of: week.open },
  ]
    .filter(({ of }) => of.count > 0)
    .map(({ title, of }) => ({ title, findings: of.findings, beyond: of.count - of.findings.length }));
  const shown = week.domains.slice(0, MOST_DOMAINS);
  const beyond = week.domains.length - shown.length;
  const more = beyond === 0 ? null : `and ${counted(beyond, 'more domain')}: dmarc.source_days has them all.`;

  const text = [
    ...lines.flatMap((line) => wrap(line, WIDTH)),
    ...sections.flatMap(({ title, findings, beyond: rest }) => [
      '',
      `${title} (${number(findings.length + rest)})`,
      ...findings.flatMap(findingText),
      ...(rest > 0 ? [`  and ${number(rest)} more: ruawatch findings`] : []),
    ]),
    '',
    'Domains, by day (the week before, then this week)',
    ...shown.flatMap((domain) => domainText(domain, week)),
    ...(more === null ? [] : [more]),
    '',
    next,
  ];
  const html = page(
    subject,
    `<h1 class="ink" style="margin:0 0 4px;font-size:19px;line-height:26px;font-weight:600;color:#16202a;">The week to ${week.days.to}</h1>
${lines.map((line) => `<p class="soft" style="margin:0 0 4px;font-size:14px;line-height:20px;color:#5b6875;">${e(line)}</p>`).join('\n')}
${sections
  .map(
    ({ title, findings, beyond: rest }) => `${heading(`${title} (${number(findings.length + rest)})`)}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${findings.map(findingHtml).join('\n')}
</table>${rest > 0 ? `\n<p class="soft" style="margin:6px 0 0;font-size:13px;color:#5b6875;">and ${number(rest)} more: ruawatch findings</p>` : ''}`,
  )
  .join('\n')}
${heading('Domains')}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${shown.map((domain) => domainHtml(domain, week)).join('\n')}
</table>
<p class="soft" style="margin:14px 0 0;font-size:13px;line-height:19px;color:#5b6875;">${e([...(more === null ? [] : [more]), 'Columns are messages a day, the week before paler; green passes DMARC, orange fails.', next].join(' '))}</p>`,
  );
  return { subject, text: `${text.join('\n')}\n`, html };
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
    headline: `${content.domain}: ${content.title}`,
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

/** Every day of both weeks, those without mail too. */
function everyDay(days: readonly DayTotal[], { before, to }: Weekly['days']): DayTotal[] {
  const known = new Map(days.map((day) => [day.day, day]));
  return daysBetween(before, to).map((day) => known.get(day) ?? { day, messages: 0, passed: 0 });
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
    ...(fresh.length > 0 ? [`New: ${fresh.join(', ')}${rest > 0 ? ` and ${number(rest)} more` : ''}.`] : []),
    ...(strangers.sources > 0
      ? [`New and unauthorized: ${counted(strangers.sources, 'source')}, ${counted(strangers.messages, 'message')}.`]
      : []),
    ...(unheard.reporters > 0
      ? [
          `Not counted: ${counted(unheard.messages, 'message')} that ${counted(unheard.reporters, 'reporter')} without a say ${unheard.reporters === 1 ? 'reports' : 'report'} (dmarc.reporters).`,
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
