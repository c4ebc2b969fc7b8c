import { z } from 'zod';
import type { Words } from '../../findings/kinds/kind.ts';
import { DAY_MS } from '../../shared/days.ts';
import { noteAct } from '../../store/console/audit.ts';
import { visibleFinding } from '../../store/console/findings.ts';
import * as actions from '../../store/findings/operator-actions.ts';
import { flag, type Html, html, path, withQuery } from '../html.ts';
import { hidden } from '../layout.ts';
import { type AnyRoute, type Asked, Refusal, route, see } from '../routes.ts';
import { words } from '../words/en.ts';
import type { ReadFinding } from './finding.ts';

const key = z.object({ key: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });
const why = z.string().trim().min(1, 'give a reason').max(500);
const days = z.coerce.number().int().min(1).max(365);
const SNOOZES = [1, 7, 14, 30, 90];

/** The forms on the page of a finding. */
export function actionForms(finding: ReadFinding, said: Words, form: string): Html {
  const w = words.finding;
  const open = finding.state === 'open';
  const at = finding.finding_key;
  return html`<section class="acts"><h2>${w.act}</h2>
${
  open &&
  (finding.acknowledged_at === null
    ? formOf({ to: path`/findings/${at}/acknowledge`, form, button: w.acknowledge, hint: w.acknowledge_hint, id: 'ack' })
    : formOf({ to: path`/findings/${at}/unacknowledge`, form, button: w.unacknowledge, hint: '', id: 'ack' }))
}
${
  open &&
  (finding.snoozed_until === null
    ? formOf({ to: path`/findings/${at}/snooze`, form, button: w.snooze, hint: w.snooze_hint, id: 'snooze', more: snoozes() })
    : formOf({ to: path`/findings/${at}/unsnooze`, form, button: w.unsnooze, hint: '', id: 'snooze' }))
}
${formOf({ to: path`/findings/${at}/resolve`, form, button: w.resolve, hint: open ? w.resolve_hint : '', id: 'resolve', more: verdicts(said) })}
</section>`;
}

interface FormParts {
  to: Parameters<typeof withQuery>[0];
  form: string;
  button: string;
  hint: string;
  id: string;
  more?: Html;
}

function formOf({ to, form, button, hint, id, more }: FormParts): Html {
  const w = words.finding;
  return html`<details class="act"><summary>${button}</summary><form method="post" action="${to}" class="stack">
${hidden(form)}
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

function verdicts(said: Words): Html {
  const w = words.finding;
  const offered = Object.entries(w.verdicts).filter(([name]) => name !== 'expected' || said.expected !== undefined);
  return html`<label for="verdict">${w.verdict}</label><select id="verdict" name="verdict">${offered.map(
    ([name, text]) => html`<option value="${name}">${text}</option>`,
  )}</select>`;
}

type Done = keyof typeof words.done;
/** Something that is done to a finding: who may see it may do it, from operator on; the finding's history keeps it. */
function act<B extends z.ZodObject>(
  name: string,
  body: B,
  work: (asked: Asked<typeof key, undefined, B>, note: actions.OperatorNote) => Promise<Done>,
): AnyRoute {
  return route({
    method: 'POST',
    path: `/findings/:key/${name}`,
    kind: 'page',
    least: 'operator',
    scope: 'object',
    params: key,
    body,
    async handle(asked) {
      const { reader, params, visitor, clock } = asked;
      const finding = await visibleFinding(reader, params.key);
      if (finding === null) throw new Refusal(404, 'no_finding', words.problems.no_finding);
      const reason = (asked.body as unknown as { why: string }).why;
      const done = await work(asked as never, { by: visitor!.name, why: reason });
      const { domain } = finding;
      await noteAct(
        asked.db,
        {
          by: visitor!.name,
          person: visitor!.person_key,
          act: `finding_${name}`,
          domain,
          object: String(params.key),
          detail: { why: reason },
        },
        clock.now(),
      );
      return see(withQuery(path`/findings/${params.key}`, { done }));
    },
  });
}

const onlyWhy = z.object({ why });

export const FINDING_ACT_ROUTES: AnyRoute[] = [
  act('acknowledge', onlyWhy, async ({ db, params, clock }, note) => {
    await actions.acknowledge(db, params.key, note, clock.now());
    return 'acknowledged';
  }),
  act('unacknowledge', onlyWhy, async ({ db, params, clock }, note) => {
    await actions.unacknowledge(db, params.key, note, clock.now());
    return 'unacknowledged';
  }),
  act('snooze', z.object({ why, days }), async ({ db, params, body, clock }, note) => {
    const now = clock.now();
    await actions.snooze(db, params.key, new Date(now.getTime() + body.days * DAY_MS), { ...note, now });
    return 'snoozed';
  }),
  act('unsnooze', onlyWhy, async ({ db, params, clock }, note) => {
    await actions.unsnooze(db, params.key, note, clock.now());
    return 'unsnoozed';
  }),
  act(
    'resolve',
    z.object({ why, verdict: z.enum(['none', 'right', 'false', 'expected']).default('none') }),
    async ({ db, params, body, clock, reader }, note) => {
      const verdict = body.verdict === 'none' ? undefined : { as: body.verdict };
      const state = (await visibleFinding(reader, params.key))?.state;
      if (state === 'resolved' && verdict !== undefined) {
        await actions.addVerdict(db, params.key, { ...note, verdict }, clock.now());
        return 'judged';
      }
      await actions.close(db, params.key, { ...note, ...(verdict && { verdict }) }, clock.now());
      return 'resolved';
    },
  ),
];
