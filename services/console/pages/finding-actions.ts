import type { Words } from '../../findings/kinds/kind.ts';
import { addDays, dayOf } from '../../shared/days.ts';
import type { StandingDecision } from '../../store/console/sender.ts';
import { holdsUntil } from '../../store/findings/operator-actions.ts';
import { actOnFinding, FINDING_ACTION_NAMES, FINDING_ACTIONS } from '../actions/findings.ts';
import { ALL, basisOf } from '../actions/senders.ts';
import { actForm, choice, choices, each, reasonLine } from '../form.ts';
import { byKey } from '../given.ts';
import { type Address, type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, route, see } from '../routes.ts';
import { byPerson } from './decisions.ts';
import type { ReadFinding } from './finding.ts';
import { day } from './format.ts';

const SNOOZES = [1, 7, 14, 30, 90];

/** The forms on the page of a finding. */
export function actionForms(
  finding: ReadFinding,
  said: Words,
  { people, now, decisions }: { people: readonly string[]; now: Date; decisions: readonly StandingDecision[] },
): Html {
  const w = words.finding;
  const open = finding.state === 'open';
  const to = (name: string) => path`/findings/${finding.finding_key}/${name}`;
  const acknowledge =
    finding.acknowledged_at === null
      ? { to: to('acknowledge'), button: w.acknowledge, hint: w.acknowledge_hint(day(holdsUntil(now))) }
      : { to: to('unacknowledge'), button: w.unacknowledge };
  const snooze =
    finding.snoozed_until === null
      ? { to: to('snooze'), button: w.snooze, hint: w.snooze_hint, more: snoozes() }
      : { to: to('unsnooze'), button: w.unsnooze };
  const assign = { to: to('assign'), button: w.assign, hint: w.assign_hint, more: assignees(people, finding.assigned_to) };
  const more = verdicts(said, { open, until: day(holdsUntil(now)) });
  const resolve = open
    ? { to: to('resolve'), button: w.resolve, hint: w.resolve_hint, warning: goesOn(finding, now), more }
    : { to: to('resolve'), button: w.give_verdict, hint: w.give_verdict_hint, more };
  return html`<section class="acts" id="act"><h2>${w.act}</h2>
${open && [formOf({ ...acknowledge, id: 'ack' }), formOf({ ...snooze, id: 'snooze' }), formOf({ ...assign, id: 'assign' })]}
${formOf({ ...resolve, id: 'resolve' })}
${byPerson(decisions).map((some) => takeBack(some, finding))}
${!open && finding.resolved_by && formOf({ to: to('reopen'), button: w.reopen, hint: w.reopen_hint, id: 'reopen' })}
</section>`;
}

/** Takes back what was decided about the sources of a finding: at once, where it was decided at once. */
function takeBack(some: readonly StandingDecision[], { domain, finding_key: finding }: ReadFinding): Html {
  const [{ source, sender, named, wider, everywhere, entry_key: entry }] = some as [StandingDecision];
  const w = words.sender;
  const one = everywhere ? w.end_everywhere(named) : w.end_of(named);
  const of = some.length === 1 ? source : ALL;
  return actForm(
    {
      word: some.length === 1 ? one : w.all.end,
      to: path`/domains/${domain}/decide`,
      values: { sender, source: of, decision: 'end', finding, ...(wider && { entry }) },
      basis: basisOf(some),
    },
    [html`<p class="hint">${w.hints.end}${wider && ` ${w.wider}`}</p>`, reasonLine({ id: `end-${entry}-why` })],
  );
}

interface FormParts {
  to: Address;
  button: string;
  hint?: string;
  id: string;
  warning?: string | null;
  more?: Html;
}

/** Reports of a day come in until the second day after it, and are read on the third. */
export const LATE_DAYS = 3;

/**
 * That the newest reports still show what is about to be resolved; null where they do not, or it is not found
 * in reports.
 */
function goesOn({ state, evidence }: ReadFinding, now: Date): string | null {
  const { last_day, messages } = evidence;
  if (state !== 'open' || messages === 0 || !last_day || last_day < addDays(dayOf(now), -LATE_DAYS)) return null;
  return words.finding.goes_on(last_day);
}

const formOf = ({ to, button, hint, id, warning, more }: FormParts): Html =>
  actForm({ word: button, to }, [
    warning && html`<p class="warning">${warning}</p>`,
    hint && html`<p class="hint">${hint}</p>`,
    more,
    reasonLine({ id: `${id}-why`, hint: words.finding.reason_hint }),
  ]);

const snoozes = (): Html => choice({ label: words.finding.days, name: 'days' }, each(SNOOZES, words.finding.for_days), 7);

const assignees = (people: readonly string[], now: string | null): Html =>
  choice(
    { label: words.finding.assign_to, name: 'to' },
    each(['', ...people], (one) => one || words.finding.assign_nobody),
    now,
  );

/** Each choice with what it does. A finding that is resolved already takes nothing but a verdict. */
function verdicts(said: Words, { open, until }: { open: boolean; until: string }): Html {
  const w = words.finding;
  const means = w.verdict_means(said.expected ?? '', until);
  const offered = Object.entries(w.verdicts)
    .filter(([name]) => (name !== 'expected' || said.expected !== undefined) && (open || name !== 'none'))
    .map(([name, text]) => [name, text, means[name as keyof typeof means]] as const);
  return choices({ label: w.verdict, name: 'verdict' }, offered);
}

/** A page's form for each act: who may see the finding may do it, from operator on. */
export const FINDING_ACT_ROUTES: AnyRoute[] = FINDING_ACTION_NAMES.map((name) =>
  route({
    method: 'POST',
    path: `/findings/:key/${name}`,
    kind: 'page',
    least: 'operator',
    scope: 'object',
    params: byKey,
    body: FINDING_ACTIONS[name].body as typeof FINDING_ACTIONS.acknowledge.body,
    async handle({ db, reader, params, body, visitor, clock }) {
      const now = clock.now();
      const done = await actOnFinding({ db, reader, visitor: visitor!, now }, params.key, name, body);
      return see(path`/findings/${params.key}`, { told: { done, about: day(holdsUntil(now)) } });
    },
  }),
);
