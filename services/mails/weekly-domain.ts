import { wordsOf } from '../findings/sentences/finding.ts';
import { daysBetween } from '../shared/days.ts';
import { counted, number, percent } from '../shared/format.ts';
import { parsePolicy } from '../shared/policy.ts';
import type { DayTotal, DomainWeek } from '../store/alerts/digests.ts';
import { columns, inWords, passBar, shareBar, sparkline } from './chart.ts';
import { clean, inlineHtml as e, wrap } from './plain-text.ts';
import { dnsNotes } from './weekly-dns.ts';

/** Report days: the first of the week before, the first and the last of the week. */
export interface WeekDays {
  before: string;
  from: string;
  to: string;
}

const WIDTH = 78;

/** Messages of one week and of the week before. */
export interface Total {
  messages: number;
  passed: number;
  before: { messages: number; passed: number };
}

export function totalOf(domains: readonly DomainWeek[], days: WeekDays): Total {
  const total: Total = { messages: 0, passed: 0, before: { messages: 0, passed: 0 } };
  for (const day of domains.flatMap((domain) => domain.days)) {
    const part = day.day < days.from ? total.before : total;
    part.messages += day.messages;
    part.passed += day.passed;
  }
  return total;
}

/** "99.2% pass DMARC (98.1% the week before)" */
export function rate({ messages, passed, before }: Total): string {
  if (messages === 0) return 'no mail was reported';
  const was = before.messages === 0 ? '' : ` (${percent(before.passed / before.messages)} the week before)`;
  return `${percent(passed / messages)} pass DMARC${was}`;
}

/** Every day of both weeks, those without mail too. */
function everyDay(days: readonly DayTotal[], { before, to }: WeekDays): DayTotal[] {
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
    ...(domain.silent_since === null ? [] : [`No reports since ${clean(domain.silent_since, 10)}.`]),
    ...(domain.to_do === 0
      ? []
      : [
          `To act on: ${counted(domain.to_do, 'finding')}, ${domain.to_do === 1 ? 'of severity' : 'the most severe'} ${clean(domain.gravest, 20)}.`,
        ]),
    ...(fresh.length > 0 ? [`New: ${fresh.join(', ')}${rest > 0 ? ` and ${number(rest)} more` : ''}.`] : []),
    ...(strangers.sources > 0
      ? [`New and unauthorized: ${counted(strangers.sources, 'source')}, ${counted(strangers.messages, 'message')}.`]
      : []),
    ...(unheard.reporters > 0
      ? [
          `Not counted: ${counted(unheard.messages, 'message')} from ${counted(unheard.reporters, 'reporter')} that ${unheard.reporters === 1 ? 'does' : 'do'} not decide yet (dmarc.reporters).`,
        ]
      : []),
    ...(p === null ? [] : [`Policy in the reports: p=${clean(p, 20)}${below}.`]),
    ...(domain.dns ? dnsNotes(domain.dns, domain.ready !== null) : []),
    ...(domain.ready === null ? [] : [`Next step: ${clean(wordsOf(domain.ready).summary, 200)}`]),
  ];
}

/** The lines about a domain in the text. */
export function domainText(domain: DomainWeek, week: WeekDays): string[] {
  const total = totalOf([domain], week);
  const bar = total.messages === 0 ? '' : `${shareBar(total.passed / total.messages, 20)}  `;
  const days = everyDay(domain.days, week);
  return [
    '',
    `  ${clean(domain.domain, 60)}: ${counted(total.messages, 'message')}`,
    `  ${bar}${rate(total)}`,
    ...(days.some((day) => day.messages > 0)
      ? [`  ${sparkline(days, week.from)}`, ...wrap(inWords(days, week.from), WIDTH - 2).map((line) => `  ${line}`)]
      : []),
    ...notesOf(domain).flatMap((note) => wrap(note, WIDTH - 2).map((line) => `  ${line}`)),
  ];
}

/** The row about a domain in the HTML. */
export function domainHtml(domain: DomainWeek, week: WeekDays): string {
  const total = totalOf([domain], week);
  const days = everyDay(domain.days, week);
  const chart = days.some((day) => day.messages > 0) ? columns(days, week.from) : '';
  const notes = [inWords(days, week.from), ...notesOf(domain)]
    .filter(Boolean)
    .map(
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
