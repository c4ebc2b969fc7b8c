import { z } from 'zod';
import type { Words } from '../../findings/kinds/kind.ts';
import { addDays, dayOf } from '../../shared/days.ts';
import { holdsUntil } from '../../store/findings/operator-actions.ts';
import { actOnFinding, FINDING_ACTION_NAMES, FINDING_ACTIONS } from '../actions/findings.ts';
import { flag, type Html, html, path, type withQuery } from '../html.ts';
import { hidden } from '../layout.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, route, see } from '../routes.ts';
import type { ReadFinding } from './finding.ts';
import { day } from './format.ts';

const key = z.object({ key: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });
const SNOOZES = [1, 7, 14, 30, 90];

/** The forms on the page of a finding. */
export function actionForms(
  finding: ReadFinding,
  said: Words,
  { form, people, now }: { form: string; people: readonly string[]; now: Date },
): Html {
  const w = words.finding;
  const open = finding.state === 'open';
  const at = finding.finding_key;
  return html`<section class="acts"><h2>${w.act}</h2>
${
  open &&
  (finding.acknowledged_at === null
    ? formOf({
        to: path`/findings/${at}/acknowledge`,
        form,
        button: w.acknowledge,
        hint: w.acknowledge_hint(day(holdsUntil(now))),
        id: 'ack',
      })
    : formOf({ to: path`/findings/${at}/unacknowledge`, form, button: w.unacknowledge, hint: '', id: 'ack' }))
}
${
  open &&
  (finding.snoozed_until === null
    ? formOf({ to: path`/findings/${at}/snooze`, form, button: w.snooze, hint: w.snooze_hint, id: 'snooze', more: snoozes() })
    : formOf({ to: path`/findings/${at}/unsnooze`, form, button: w.unsnooze, hint: '', id: 'snooze' }))
}
${open && formOf({ to: path`/findings/${at}/assign`, form, button: w.assign, hint: w.assign_hint, id: 'assign', more: assignees(people, finding.assigned_to) })}
${formOf({ to: path`/findings/${at}/resolve`, form, button: open ? w.resolve : w.give_verdict, hint: open ? w.resolve_hint : w.give_verdict_hint, warning: goesOn(finding, now), id: 'resolve', more: verdicts(said, { open, until: day(holdsUntil(now)) }) })}
${!open && finding.resolved_by && formOf({ to: path`/findings/${at}/reopen`, form, button: w.reopen, hint: w.reopen_hint, id: 'reopen' })}
</section>`;
}

interface FormParts {
  to: Parameters<typeof withQuery>[0];
  form: string;
  button: string;
  hint: string;
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

function formOf({ to, form, button, hint, id, warning, more }: FormParts): Html {
  const w = words.finding;
  return html`<details class="act"><summary>${button}</summary><form method="post" action="${to}" class="stack">
${hidden(form)}
${warning && html`<p class="warning">${warning}</p>`}
${hint && html`<p class="hint">${hint}</p>`}
${more}
<label for="${id}-why">${w.reason}</label><input id="${id}-why" name="why" required maxlength="500">
<p class="hint">${w.reason_hint}</p>
<button class="primary">${button}</button></form></details>`;
}

const snoozes = () =>
  html`<label for="snooze-days">${words.finding.days}</label><select id="snooze-days" name="days">${SNOOZES.map(
    (n) => html`<option value="${n}" ${flag('selected', n === 7)}>${words.finding.for_days(n)}</option>`,
  )}</select>`;

const assignees = (people: readonly string[], now: string | null) =>
  html`<label for="assign-to">${words.finding.assign_to}</label><select id="assign-to" name="to"><option value="">${words.finding.assign_nobody}</option>${people.map(
    (name) => html`<option value="${name}" ${flag('selected', name === now)}>${name}</option>`,
  )}</select>`;

/** Each choice with what it does. A finding that is resolved already takes nothing but a verdict. */
function verdicts(said: Words, { open, until }: { open: boolean; until: string }): Html {
  const w = words.finding;
  const offered = Object.entries(w.verdicts).filter(
    ([name]) => (name !== 'expected' || said.expected !== undefined) && (open || name !== 'none'),
  );
  const means = w.verdict_means(said.expected ?? '', until);
  return html`<fieldset class="choices"><legend>${w.verdict}</legend>${offered.map(
    ([name, text], i) =>
      html`<label class="check"><input type="radio" name="verdict" value="${name}" ${flag('checked', i === 0)}><span>${text}<span class="hint">${means[name as keyof typeof means]}</span></span></label>`,
  )}</fieldset>`;
}

/** A page's form for each act: who may see the finding may do it, from operator on. */
export const FINDING_ACT_ROUTES: AnyRoute[] = FINDING_ACTION_NAMES.map((name) =>
  route({
    method: 'POST',
    path: `/findings/:key/${name}`,
    kind: 'page',
    least: 'operator',
    scope: 'object',
    params: key,
    body: FINDING_ACTIONS[name].body as typeof FINDING_ACTIONS.acknowledge.body,
    async handle({ db, reader, params, body, visitor, clock }) {
      const done = await actOnFinding({ db, reader, visitor: visitor!, now: clock.now() }, params.key, name, body);
      return see(path`/findings/${params.key}`, { told: { done } });
    },
  }),
);
