import { z } from 'zod';
import { addDays, DAY_MS, dayOf } from '../../shared/days.ts';
import { number } from '../../shared/format.ts';
import { mayFor } from '../../store/console/lent-roles.ts';
import { type SenderDay, type SourceLine, sourceLines } from '../../store/console/sender.ts';
import { why } from '../actions/findings.ts';
import { ALL, askAboutSource, basisOf, byRequest, decideSource } from '../actions/senders.ts';
import { actForm, choice, each, fold, reasonLine } from '../form.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, Refusal, route, see } from '../routes.ts';
import { fileOf, tableQuery } from '../tables.ts';
import { decidedNotices } from './decisions.ts';
import { domainParams } from './domain.ts';
import { dated, share } from './format.ts';
import { evidenceOf, SENDER_DAYS } from './sender-evidence.ts';

const MOST = 100;
const name = z.string().min(1).max(500);
const HOLDS = [0, 90, 365];

/** Networks that nothing names are nobody's service with settings to look into. */
function alignSteps({ name, source, identified_by }: SourceLine, domain: string): string[] {
  // An unknown service has the name of its domain, as a network has its own.
  const named = name !== source || identified_by === 'dkim' || identified_by === 'spf';
  return named && identified_by !== 'unauthenticated'
    ? words.sender.align_steps(name, domain)
    : words.sender.align_networks(domain);
}

const sender = route({
  method: 'GET',
  path: '/domains/:domain/senders/:sender',
  kind: 'page',
  least: 'viewer',
  scope: 'domain',
  params: domainParams.extend({ sender: name }),
  query: z.object(tableQuery),
  async handle({ reader, params, query: asked, visitor, clock }) {
    const sources = await sourceLines(reader, { ...params, from: addDays(dayOf(clock.now()), -SENDER_DAYS) }, MOST);
    const [first] = sources;
    if (first === undefined) throw new Refusal(404, 'no_page', words.problems.no_page);
    const w = words.sender;
    const of = {
      domain: params.domain,
      sources: sources.map(({ source }) => source),
      from: addDays(dayOf(clock.now()), -SENDER_DAYS),
    };
    const shown = await evidenceOf(reader, { ...of, sender: params.sender, forged: first.class === 'unauthorized' });
    const file = fileOf(asked, shown.tables, params.domain);
    if (file !== null) return file;
    const may = mayFor(visitor, 'operator', params.domain);
    const body = html`<div class="heading"><p class="quiet"><a href="${path`/domains/${params.domain}`}">${params.domain}</a></p><h1>${first.name}</h1>
<p><span class="key ${first.class}"></span>${words.domain.classes[first.class] ?? first.class} <span class="quiet">${sources.some((one) => one.pending) ? w.pending : dated(meaning(sources, shown.days))}</span></p>
${sources.length === 1 && first.evidence && html`<p class="quiet">${w.named_by} ${first.evidence}</p>`}</div>
${sources.length > 1 && togetherOf(sources, params, may)}
${sources.map((one) => (sources.length > 1 ? folded(one, sourceOf(one, params, may)) : sourceOf(one, params, may)))}
${first.class === 'misaligned' && first.verdict !== 'denied' && html`<section><h2>${w.align}</h2><ol class="advice">${alignSteps(first, params.domain).map((step) => html`<li>${step}</li>`)}</ol></section>`}
${shown.html}`;
    return page(first.name, body, { section: 'overview' });
  },
});

/** Fewer messages say nothing of how a sender fares now. */
const LEAST_MESSAGES = 20;

/**
 * Why a sender has its class: a person's word is told from what reports show, and what it was for long from
 * what it does now.
 */
export function meaning(sources: readonly SourceLine[], days: readonly SenderDay[]): string {
  const [{ class: of, verdict }] = sources as [SourceLine];
  const [since] = sources.flatMap(({ failing_since }) => failing_since ?? []).sort();
  const newest = since === undefined ? [] : days.filter((one) => one.day >= since);
  const sum = (what: (one: SenderDay) => number) => newest.reduce((total, one) => total + what(one), 0);
  const [messages, passed] = [sum((one) => one.messages), sum((one) => one.passed)];
  if (of === 'authorized' && verdict === null && since !== undefined && messages >= LEAST_MESSAGES && 2 * passed < messages)
    return words.sender.means.authorized_failing(since, { messages: number(messages), passed: number(passed) });
  if (of === 'authorized' || of === 'unauthorized') return words.sender.means[verdict === null ? of : verdict];
  return words.domain.means[of] ?? '';
}

/** A source among several: its figures in a line, the rest when it is opened. */
function folded(one: SourceLine, inner: Html): Html {
  return fold(
    'source',
    html`<span class="key ${one.class}"></span><span class="name">${one.source}</span> <span class="quiet">${words.sender.one_of(number(one.messages), share(one.passed, one.messages), one.verdict)}</span>`,
    inner,
  );
}

interface Of {
  domain: string;
  sender: string;
}

/** All sources of a sender: one decision with one reason about each. */
function togetherOf(sources: readonly SourceLine[], of: Of, may: boolean): Html {
  const w = words.sender;
  const sum = (what: (one: SourceLine) => number) => sources.reduce((total, one) => total + what(one), 0);
  const [messages, passed] = [sum((one) => one.messages), sum((one) => one.passed)];
  const open = (verdict: SourceLine['verdict']) => sources.some((one) => one.verdict !== verdict);
  const held = sources.filter(({ verdict }) => verdict !== null);
  // What is about more than these sources is taken back by itself.
  const own = held.filter(({ wider }) => !wider);
  return html`<section class="card"><h2>${w.together(sources.length)}</h2>
${decidedNotices(
  held.map((one) => standing(one, of)),
  sources.length,
)}
<dl class="figures"><div><dt>${w.messages(SENDER_DAYS)}</dt><dd>${number(messages)}</dd></div><div><dt>${w.passing}</dt><dd>${share(passed, messages)}</dd></div></dl>
${may && html`<div class="row">${open('approved') && decisionForm('approve', sources, of)}${open('denied') && decisionForm('deny', sources, of)}${own.length > 1 && decisionForm('end', own, of)}</div>`}
</section>`;
}

/** What a person said of a source, as it is told. */
const standing = ({ source, verdict, by_name, decided_at, decided_why, decided_until }: SourceLine, { sender }: Of) => ({
  named: source,
  sender,
  wider: false,
  verdict: verdict!,
  by_name: by_name!,
  why: decided_why!,
  since: decided_at!,
  until: decided_until,
});

/** What a decision is that takes the place of one that says the same. */
const EXTENDS = { approved: 'approve', denied: 'deny' } as const;

/** What was decided about each source when a form was shown: it is sent with the form. */
const seen = z
  .string()
  .max(100_000)
  .transform((text, given): Record<string, string> => {
    try {
      return z.record(z.string(), z.string()).parse(JSON.parse(text));
    } catch {
      given.addIssue({ code: 'custom', message: words.problems.bad_request });
      return z.NEVER;
    }
  });

/** @param verb `extend`: approves what is approved for another time */
function decisionForm(verb: 'approve' | 'deny' | 'extend' | 'end', sources: readonly SourceLine[], { domain, sender }: Of): Html {
  const source = sources.length === 1 ? sources[0]!.source : ALL;
  const basis = basisOf(sources);
  const w = words.sender;
  const holds = each(HOLDS, (n) => (n === 0 ? w.for_good : words.finding.for_days(n)));
  const word = source === ALL && verb !== 'extend' ? w.all[verb] : w[verb];
  const decision = verb === 'extend' ? EXTENDS[sources[0]!.verdict!] : verb;
  const [{ entry_key, wider }] = sources as [SourceLine];
  const entry = verb === 'end' && wider && entry_key !== null ? { entry: entry_key } : {};
  return actForm({ word, to: path`/domains/${domain}/decide`, values: { sender, source, decision, ...entry }, basis }, [
    html`<p class="hint">${w.hints[verb]}${verb === 'end' && wider && ` ${w.wider}`}</p>`,
    reasonLine(),
    verb !== 'end' && choice({ label: w.holds, name: 'days' }, holds, 0),
  ]);
}

function sourceOf(one: SourceLine, of: Of, may: boolean): Html {
  const w = words.sender;
  const network = [one.asn === null ? null : `AS${one.asn}`, one.owner, one.country].filter(Boolean).join(' ');
  const rows: [string, string][] = [
    [
      w.messages(SENDER_DAYS),
      one.uncounted === 0 ? number(one.messages) : `${number(one.messages)} ${words.domain.uncounted(one.uncounted)}`,
    ],
    [w.passing, share(one.passed, one.messages)],
    [w.first, one.first_seen],
    [w.last, one.last_seen],
    ...(network ? [[w.network, network] as [string, string]] : []),
  ];
  return html`<section class="card"><h2 class="name">${one.source}</h2>
<p><span class="key ${one.class}"></span>${words.domain.classes[one.class] ?? one.class}. ${one.pending ? w.pending : dated(one.why)}</p>
<dl class="figures">${rows.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
${one.verdict ? decidedNotices([standing(one, of)], 1) : html`<p class="quiet">${one.basis === '0' ? w.nobody_decided : w.none_holds}</p>`}
${may && html`<div class="row">${one.verdict !== 'approved' && decisionForm('approve', [one], of)}${one.verdict !== 'denied' && decisionForm('deny', [one], of)}${one.verdict !== null && [!one.wider && decisionForm('extend', [one], of), decisionForm('end', [one], of)]}</div>`}
</section>`;
}

const decide = route({
  method: 'POST',
  path: '/domains/:domain/decide',
  kind: 'page',
  least: 'operator',
  scope: 'domain',
  params: domainParams,
  body: z.object({
    sender: name,
    source: name,
    decision: z.enum(['approve', 'deny', 'end']),
    why,
    days: z.coerce.number().int().min(0).max(3650).default(0),
    basis: seen.optional(),
    /** The decision that is taken back, where it is about more than the source of the domain. */
    entry: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
    /** The finding on whose page it was decided. */
    finding: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  }),
  async handle({ db, reader, params: { domain }, body, visitor, clock, config }) {
    const now = clock.now();
    const { rules } = config.approvals;
    const { source, decision, why } = body;
    const until = body.days === 0 ? null : new Date(now.getTime() + body.days * DAY_MS);
    const from = dayOf(now);
    // What the form did not show is not decided with it.
    const shown = ({ source: one }: SourceLine) => body.basis === undefined || one in body.basis;
    const named =
      source === ALL
        ? (await sourceLines(reader, { domain, sender: body.sender, from }, MOST)).filter(shown)
        : [{ source, verdict: null, basis: undefined }];
    if (named.length === 0) throw new Refusal(404, 'no_source', words.problems.nothing_there);
    const done = { approve: 'approved', deny: 'denied', end: null } as const;
    // What is decided so already keeps who said it and why.
    const open = source === ALL ? named.filter(({ verdict }) => verdict !== done[decision]) : named;
    const given = (one: (typeof open)[number]) => body.basis && (body.basis[one.source] ?? '0');
    const acting = { db, reader, visitor: visitor!, now, rules };
    if (byRequest(rules) && decision !== 'end') {
      const keys: number[] = [];
      for (const one of open)
        keys.push(await askAboutSource(acting, { domain, source: one.source, decision, why, until, basis: given(one) }));
      const [key] = keys;
      return see(keys.length === 1 ? path`/requests/${key!}` : path`/requests`, { told: { done: 'request_opened' } });
    }
    // What somebody else has decided since is refused before anything is done.
    const first = open.filter((one) => one.basis !== given(one));
    for (const one of new Set([...first, ...open]))
      await decideSource(acting, { domain, source: one.source, decision, why, until, basis: given(one), entry: body.entry });
    const back = body.finding === undefined ? path`/domains/${domain}/senders/${body.sender}` : path`/findings/${body.finding}`;
    return see(back, { told: { done: decision === 'end' ? 'decision_ended' : 'decided' } });
  },
});

export const SENDER_ROUTES: AnyRoute[] = [sender, decide];
