import { z } from 'zod';
import { STATE_WORDS } from '../../requests/words.ts';
import { short } from '../../shared/format.ts';
import { loadStory } from '../../store/alerts/request-mails.ts';
import { heldEvidence } from '../../store/console/held.ts';
import { approverOf } from '../../store/console/people.ts';
import { asksFor } from '../../store/held/asks.ts';
import type { HeldRow } from '../../store/held/held.ts';
import { resolveDoubt } from '../../store/held/steps.ts';
import { loadMembers } from '../../store/requests/groups.ts';
import { loadRequest, type Request } from '../../store/requests/requests.ts';
import { why } from '../actions/findings.ts';
import { decideHeld, heldDecision } from '../actions/held.ts';
import { actForm, choice, postForm, reasonLine } from '../form.ts';
import { byKey } from '../given.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, type Asked, page, Refusal, route, see } from '../routes.ts';
import { fileOf, type Table, tableQuery } from '../tables.ts';
import { asksSection, attachmentsTable, factsSection, reportsSection, similarTable } from './held-parts.ts';
import { shownHeld } from './held-shown.ts';
import { textSection } from './held-text.ts';
import { historyOf } from './request-evidence.ts';

const w = words.held;

const one = route({
  method: 'GET',
  path: '/held/:key',
  kind: 'page',
  least: 'operator',
  scope: 'object',
  params: byKey,
  query: z.object(tableQuery),
  async handle(asked) {
    const { db, reader, clock, visitor } = asked;
    const held = await shownHeld(asked);
    const request = await loadRequest(db, held.request_key);
    const story = await loadStory(db, held.request_key, clock.now());
    const evidence = await heldEvidence(reader, held.held_key);
    const person = await approverOf(db, visitor!.person_key);
    const [similar, attachments] = [similarTable(evidence), attachmentsTable(held)];
    const file = fileOf(asked.query, [similar, attachments], `held-${held.held_key}`);
    if (file !== null) return file;
    const tableOr = (title: string, table: Table, none: string) =>
      html`<section><h2>${title}</h2>${table.rows === 0 ? html`<p class="quiet">${none}</p>` : table.html(path`/held/${held.held_key}`)}</section>`;
    return page(
      w.of(held.held_key),
      html`<div class="heading"><h1>${short(held.subject ?? '', 300) || w.no_subject}</h1>
<p class="quiet">${w.of(held.held_key)} · ${held.domain} · ${w.states[held.state]} · <a href="${path`/requests/${held.request_key}`}">${w.request(held.request_key)}</a>: ${STATE_WORDS[request.state]}</p></div>
${held.answer !== null && html`<p><strong>${held.answer}</strong></p>`}
${factsSection(held)}
${reportsSection(held, evidence)}
${tableOr(w.similar, similar, w.no_similar)}
${tableOr(w.attachments, attachments, w.no_attachments)}
${await textSection(asked, held, person)}
${asksSection(await asksFor(db, held.held_key))}
${request.state === 'pending' && decideForm(held, request)}
${held.doubt && doubtForm(held)}
${historyOf(story)}`,
      { section: 'held' },
    );
  },
});

function decideForm(held: HeldRow, { digest }: Request): Html {
  const verbs = ['release', 'reject', 'delete'] as const;
  const forms = verbs.map((verb) =>
    actForm({ word: w.verbs[verb], to: path`/held/${held.held_key}/decide`, values: { digest, verb } }, [
      html`<p class="hint">${w.hints[verb]}</p>`,
      reasonLine(),
      held.source !== null && fromNowOn(held.source, held.domain, verb),
    ]),
  );
  return html`<section class="acts"><h2>${w.decide}</h2>${forms}</section>`;
}

function fromNowOn(source: string, domain: string, verb: 'release' | 'reject' | 'delete'): Html {
  const other = verb === 'release' ? ['approve', w.approve_source] : ['deny', w.deny_source];
  const hint = `${w.from_now_on_of(source, domain)}. ${w.from_now_on_hint}`;
  return choice({ label: w.from_now_on, name: 'from_now_on', id: `${verb}-on`, hint }, [
    ['no', w.only_this],
    [other[0]!, other[1]!],
  ]);
}

const doubtForm = ({ held_key }: HeldRow): Html =>
  html`<section class="acts"><h2>${w.resolve}</h2>${postForm(path`/held/${held_key}/resolve`, [
    reasonLine(),
    html`<button name="arrived" value="yes">${w.arrived}</button> <button name="arrived" value="no">${w.again}</button>`,
  ])}</section>`;

const decideRoute = route({
  method: 'POST',
  path: '/held/:key/decide',
  kind: 'page',
  least: 'operator',
  scope: 'object',
  params: byKey,
  body: heldDecision,
  async handle(asked) {
    const held = await shownHeld(asked);
    const person = await approverOf(asked.db, asked.visitor!.person_key);
    await decideHeld(asked, held, { ...asked.body, person, via: 'console' });
    return see(path`/held/${held.held_key}`, { told: { done: `held_${asked.body.verb}` } });
  },
});

const resolve = route({
  method: 'POST',
  path: '/held/:key/resolve',
  kind: 'page',
  least: 'operator',
  scope: 'object',
  params: byKey,
  body: z.object({ why, arrived: z.enum(['yes', 'no']) }),
  async handle(asked) {
    const held = await shownHeld(asked);
    const person = await approverOf(asked.db, asked.visitor!.person_key);
    if (!(await decidersOf(asked, held)).includes(person)) throw new Refusal(403, 'not_allowed', words.problems.not_allowed);
    await resolveDoubt(asked.db, held.held_key, { arrived: asked.body.arrived === 'yes', person, why: asked.body.why });
    return see(path`/held/${held.held_key}`, { told: { done: 'held_resolve' } });
  },
});

/** Who decides about a held mail: the people of the groups of its request. */
async function decidersOf({ db, clock }: Pick<Asked, 'db' | 'clock'>, held: HeldRow): Promise<string[]> {
  const { rule } = await loadRequest(db, held.request_key);
  const membersOf = await loadMembers(db, clock.now());
  return rule.stages.flatMap(({ group, escalate }) => [
    ...membersOf(group),
    ...(escalate === null ? [] : membersOf(escalate.to)),
  ]);
}

export const HELD_ONE_ROUTES: AnyRoute[] = [one, decideRoute, resolve];
