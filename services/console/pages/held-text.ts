import { z } from 'zod';
import { DEFAULT_LIMITS, Refusal as TooMuch } from '../../report/limits.ts';
import { visibleText } from '../../report/mail/visible-text.ts';
import { HELD } from '../../requests/grants/message.ts';
import { openBody } from '../../requests/held/seal.ts';
import { planGrant } from '../../requests/plans/grant.ts';
import { transaction } from '../../shared/runtime/db.ts';
import { readHoldKey } from '../../shared/settings/held-mail.ts';
import { approverOf } from '../../store/console/people.ts';
import { type HeldRow, sealedBody } from '../../store/held/held.ts';
import { noteReading, readingAsked, readingRight } from '../../store/held/reading.ts';
import { openRequest } from '../../store/requests/open.ts';
import { loadRequest } from '../../store/requests/requests.ts';
import { why } from '../actions/findings.ts';
import { actForm, buttonForm, reasonLine } from '../form.ts';
import { byKey } from '../given.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, type Asked, page, Refusal, route, see } from '../routes.ts';
import { minute } from './format.ts';
import { shownHeld } from './held-shown.ts';

const w = words.held;
/** How long the right to read a mail is lent, in seconds, and how often it may be opened. */
const LENT_S = 3600;
const OPENINGS = 20;

/** The part of a held mail's page about its text: whoever has the right opens it, others ask for it. */
export async function textSection({ db }: Pick<Asked, 'db'>, held: HeldRow, person: string): Promise<Html> {
  const there = held.body_gone_at === null && (await sealedBody(db, held.held_key)) !== null;
  return html`<section><h2>${w.text}</h2>${there ? await openOrAsk({ db }, held, person) : html`<p class="quiet">${w.text_gone}</p>`}</section>`;
}

async function openOrAsk({ db }: Pick<Asked, 'db'>, held: HeldRow, person: string): Promise<Html> {
  const right = await readingRight(db, person, held);
  if (right !== null)
    return html`<p>${w.text_right(minute(right.ends_at))}</p>${buttonForm(path`/held/${held.held_key}/text`, w.text_open)}`;
  const waits = await readingAsked(db, person, held.held_key);
  if (waits !== null) return html`<p><a href="${path`/requests/${waits}`}">${w.text_asked(waits)}</a></p>`;
  const hint = html`<p class="hint">${w.text_ask_hint}</p>`;
  return actForm({ word: w.text_ask, to: path`/held/${held.held_key}/ask-text` }, [hint, reasonLine()]);
}

/** Opens a request to read a held mail. @returns its number */
async function askToRead(
  { db, config }: Pick<Asked, 'db' | 'config'>,
  held: HeldRow,
  { person, why }: { person: string; why: string },
): Promise<number> {
  const { rule } = await loadRequest(db, held.request_key);
  const groups = [...new Set(rule.stages.flatMap(({ group, escalate }) => [group, ...(escalate === null ? [] : [escalate.to])]))];
  const plan = planGrant({
    kind: 'access.message',
    domain: held.domain,
    holder: person,
    holder_kind: 'person',
    // Whoever leaves the groups that decide about the mail loses the right to read it.
    groups,
    server: HELD,
    scope: { held: held.held_key, sha256: held.sha256 },
    seconds: LENT_S,
    uses: OPENINGS,
    credential: null,
    risk: 'medium',
  });
  return (await openRequest(db, config.approvals.rules, {
    plan,
    requester: person,
    requester_kind: 'person',
    why,
    credential: null,
  }))!;
}

const ask = route({
  method: 'POST',
  path: '/held/:key/ask-text',
  kind: 'page',
  least: 'operator',
  scope: 'object',
  params: byKey,
  body: z.object({ why }),
  async handle(asked) {
    const held = await shownHeld(asked);
    const person = await approverOf(asked.db, asked.visitor!.person_key);
    if ((await readingAsked(asked.db, person, held.held_key)) === null)
      await askToRead(asked, held, { person, why: asked.body.why });
    return see(path`/held/${held.held_key}`, { told: { done: 'held_ask' } });
  },
});

/** Opening a mail is a use of a right, and is written down: so it is a POST, which nothing fetches ahead. */
const open = route({
  method: 'POST',
  path: '/held/:key/text',
  kind: 'page',
  least: 'operator',
  scope: 'object',
  params: byKey,
  async handle(asked) {
    const { db, config, clock } = asked;
    const held = await shownHeld(asked);
    const holder = await approverOf(db, asked.visitor!.person_key);
    const key = readHoldKey(config.milter.hold);
    if (key === null) throw new Refusal(503, 'no_hold_key', w.no_key);
    const right = await readingRight(db, holder, held);
    const counted =
      right !== null &&
      (await transaction(db, (tx) => noteReading(tx, { grant_key: right.grant_key, holder, held }, clock.now())));
    if (!counted) throw new Refusal(403, 'not_lent', words.problems.not_allowed);
    const sealed = await sealedBody(db, held.held_key);
    if (sealed === null) throw new Refusal(404, 'no_held_mail', w.text_gone);
    return page(w.text_of(held.held_key), textPage(held, openBody(sealed, held.sha256, key)), { section: 'held' });
  },
});

function textPage({ held_key }: HeldRow, raw: Buffer): Html {
  const back = html`<p><a href="${path`/held/${held_key}`}">${w.back}</a></p>`;
  let found: ReturnType<typeof visibleText>;
  try {
    found = visibleText(raw, DEFAULT_LIMITS);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return html`<h1>${w.text_of(held_key)}</h1><p class="notice bad">${w.text_unread} ${error.message}</p>${back}`;
  }
  if (found === null) return html`<h1>${w.text_of(held_key)}</h1><p>${w.text_none}</p>${back}`;
  return html`<h1>${w.text_of(held_key)}</h1><p class="quiet">${found.from === 'html' ? w.text_html : w.text_plain}</p>
<pre class="mail">${found.text}</pre>${found.cut && html`<p class="quiet">${w.text_cut}</p>`}${back}`;
}

export const HELD_TEXT_ROUTES: AnyRoute[] = [ask, open];
