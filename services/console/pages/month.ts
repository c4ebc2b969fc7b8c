import { z } from 'zod';
import { addDays, dayOf, earlier } from '../../shared/days.ts';
import { list, percent } from '../../shared/format.ts';
import { newSenders, toldFindings } from '../../store/console/digest.ts';
import * as store from '../../store/console/domain.ts';
import { visibleFindings } from '../../store/console/findings.ts';
import type { Reader } from '../../store/console/scope.ts';
import { classDaysSince } from '../../store/rollups/class-days.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, Refusal, route } from '../routes.ts';
import { addingUp } from './adding-up.ts';
import { listOf } from './digest.ts';
import { domainParams } from './domain.ts';
import { charts, sumsOf } from './domain-mail.ts';
import { dated } from './format.ts';
import { stepOfDomain } from './next-step.ts';
import { weakerBelow } from './policy-below.ts';

const MOST = { findings: 10, senders: 5, timeline: 12 };
/** A month counts as whole when it has mail on one of so many first days. */
const WHOLE_FROM = 3;
const w = words.month;

/** The first and the last day of a month (YYYY-MM), and the month before and after. */
export function monthOf(month: string): { from: string; to: string; before: string; after: string } {
  const from = `${month}-01`;
  const next = addDays(from, 32).slice(0, 7);
  return { from, to: addDays(`${next}-01`, -1), before: addDays(from, -1).slice(0, 7), after: next };
}

/** What the month's mail came to, in sentences. */
export function storyOf(
  domain: string,
  month: string,
  {
    now,
    before,
    policy,
    comparable = true,
  }: { now: readonly store.ClassDay[]; before: readonly store.ClassDay[]; policy: string; comparable?: boolean },
): string[] {
  const [sums, earlierSums] = [sumsOf(now), sumsOf(before)];
  if (sums.messages === 0) return [w.nothing(domain, month)];
  const of = (key: string, what: (one: store.ClassDay) => number) =>
    now.filter((one) => one.class === key).reduce((sum, one) => sum + what(one), 0);
  // All of the class, as the charts below: also mail that passes although a person denied its sender.
  const unauthorized = of('unauthorized', (one) => one.messages);
  const delivered = of('unauthorized', (one) => one.delivered);
  const unaligned = of('misaligned', (one) => one.messages - one.passed);
  const lost = of('authorized', (one) => Math.max(0, one.messages - one.passed - one.forwarded));
  const change = !comparable || earlierSums.messages === 0 ? null : sums.messages / earlierSums.messages - 1;
  return [
    w.mail(sums.messages, domain, month, change),
    w.passing(
      percent(sums.passed / sums.messages),
      earlierSums.messages === 0 ? null : percent(earlierSums.passed / earlierSums.messages),
    ),
    unauthorized === 0 ? w.no_unauthorized : w.unauthorized(unauthorized, delivered, policy),
    ...(unaligned > 0 ? [w.unaligned(unaligned)] : []),
    ...(lost > 0 ? [w.lost(lost)] : []),
  ];
}

const monthly = route({
  method: 'GET',
  path: '/domains/:domain/months/:month',
  kind: 'page',
  least: 'viewer',
  scope: 'domain',
  params: domainParams.extend({ month: z.string().regex(/^20\d\d-(?:0[1-9]|1[0-2])$/) }),
  async handle({ db, reader, params: { domain, month }, clock }) {
    const line = await store.domainLine(reader, domain);
    if (line === null) throw new Refusal(404, 'no_page', words.problems.no_page);
    const { from, to, before, after } = monthOf(month);
    const today = dayOf(clock.now());
    if (from > today) throw new Refusal(404, 'no_page', words.problems.no_page);
    const range = { domain, from, to: earlier(to, addDays(today, -1)) };
    const now = await store.classDays(reader, range);
    const past = await store.classDays(reader, { domain, ...monthOf(before) });
    // A month that is not over, or that began before the reports, says nothing of more or less mail.
    const comparable = to < today && (past[0]?.day ?? to) <= `${before}-0${WHOLE_FROM}`;
    const below = weakerBelow({ p: line.policy, sp: line.policy_sp, np: line.policy_np });
    const policy = `p=${line.policy ?? 'none'}${below && w.policy_below(below)}`;
    const told = { now, before: past, policy, comparable };
    const findings = await toldFindings(
      reader,
      { domain, since: new Date(`${from}T00:00:00Z`), until: new Date(`${after}-01T00:00:00Z`), lastDay: to },
      MOST.findings,
    );
    const fresh = await newSenders(reader, { domain, from, to }, MOST.senders);
    const title = w.title(domain, w.name(month));
    const body = html`<article class="report"><div class="heading"><p class="quiet screen"><a href="${path`/domains/${domain}`}">${domain}</a></p><h1>${title}</h1>
${to > today && html`<p class="quiet">${w.unfinished}</p>`}${addingUp(await classDaysSince(db), from)}</div>
<nav class="pages screen" aria-label="${w.months}"><a class="button" href="${path`/domains/${domain}/months/${before}`}">${w.name(before)}</a>
${`${after}-01` <= today && html`<a class="button" href="${path`/domains/${domain}/months/${after}`}">${w.name(after)}</a>`}</nav>
<section><h2>${w.story}</h2>${storyOf(domain, w.name(month), told).map((sentence) => html`<p>${sentence}</p>`)}
${fresh.length > 0 && html`<p>${w.new_senders(list(fresh.map((one) => w.sender(one.name, words.domain.classes[one.class] ?? one.class, one.messages))))}</p>`}
<p>${w.findings(findings.counts)}</p></section>
${now.length > 0 && html`<section><h2>${words.domain.mail}</h2>${charts(now, range)}</section>`}
${listOf(words.digest.opened, findings.opened)}
${listOf(words.digest.resolved, findings.resolved)}
${listOf(words.digest.still_open, findings.open)}
${to >= today && (await nextOf(reader, { domain, line, today }))}
<p class="quiet">${w.basis}</p></article>`;
    return page(title, body, { section: 'overview' });
  },
});

/** Of the month that goes on: what comes next is said of today. */
async function nextOf(
  reader: Reader,
  { domain, line, today }: { domain: string; line: store.DomainState; today: string },
): Promise<Html> {
  const posture = await store.postureLine(reader, domain);
  const open = await visibleFindings(reader, { state: 'standing', domain, search: '', limit: MOST.findings, offset: 0 });
  const { sentence, advised } = stepOfDomain(line, posture, open.findings, today);
  const { advice, blocked_by } = posture ?? { advice: '', blocked_by: [] };
  return html`<section><h2>${w.next}</h2><p>${dated(sentence)}</p>${!advised && advice !== '' && html`<p>${words.next.after} ${advice}</p>`}${blocked_by.length > 0 && html`<ul>${blocked_by.map((why) => html`<li>${dated(why)}</li>`)}</ul>`}</section>`;
}

export const MONTH_ROUTES: AnyRoute[] = [monthly];
