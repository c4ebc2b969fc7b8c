import { z } from 'zod';
import { authorShown } from '../../requests/held/author.ts';
import { askerOf, readAskToken } from '../../requests/held/seal.ts';
import { PermanentError } from '../../shared/errors.ts';
import { short } from '../../shared/format.ts';
import { readHoldKey } from '../../shared/settings/held-mail.ts';
import { askFor } from '../../store/held/asks.ts';
import { type HeldRow, loadHeld } from '../../store/held/held.ts';
import { postForm, reasonLine } from '../form.ts';
import { reason } from '../given.ts';
import { html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Answer, type AnyRoute, type Asked, page, route } from '../routes.ts';
import { minute } from './format.ts';

const w = words.held;
const TRIES_A_MINUTE = 20;
const token = z.string().max(100);

const over = (): Answer =>
  page(w.ask_over_title, html`<div class="narrow"><h1>${w.ask_over_title}</h1><p>${w.ask_over}</p></div>`, { status: 404 });

/**
 * The mail and the recipient that a link is for; null for a link that is over, or none, whatever the reason.
 */
async function linked(
  { db, config, clock }: Pick<Asked, 'db' | 'config' | 'clock'>,
  link: string,
): Promise<{ held: HeldRow; recipient: string } | null> {
  const key = readHoldKey(config.milter.hold);
  const named = readAskToken(link);
  if (key === null || named === null) return null;
  try {
    const held = await loadHeld(db, named.held_key);
    const recipient = askerOf(link, held.recipients, key, clock.now());
    return recipient === null || held.state !== 'held' ? null : { held, recipient };
  } catch (error) {
    if (error instanceof PermanentError) return null;
    throw error;
  }
}

/**
 * Shows what is held, and a form. Whoever follows the link, a person or a scanner, has done nothing by it.
 */
const show = route({
  method: 'GET',
  path: '/held-for-me',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  perMinute: TRIES_A_MINUTE,
  query: z.object({ t: token.default('') }),
  async handle(asked) {
    const found = await linked(asked, asked.query.t);
    if (found === null) return over();
    const { subject, held_at } = found.held;
    const from = authorShown(found.held, (text) => short(text, 200)) ?? w.nobody;
    return page(
      w.ask_title,
      html`<div class="narrow"><h1>${w.ask_title}</h1><p>${w.ask_lead}</p>
<dl class="facts"><div><dt>${w.from}</dt><dd class="name">${from}</dd></div><div><dt>${w.subject}</dt><dd class="name">${short(subject ?? '', 200) || w.no_subject}</dd></div><div><dt>${w.held_at}</dt><dd>${minute(held_at)}</dd></div></dl>
${postForm(path`/held-for-me`, [reasonLine({ label: w.ask_why, maxlength: 300 }), html`<button class="primary">${w.ask}</button>`], { values: { t: asked.query.t } })}</div>`,
    );
  },
});

const ask = route({
  method: 'POST',
  path: '/held-for-me',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  perMinute: TRIES_A_MINUTE,
  body: z.object({ t: token, why: reason(300, 'say why you expect it') }),
  async handle(asked) {
    const found = await linked(asked, asked.body.t);
    if (found === null) return over();
    const { held, recipient } = found;
    const noted = await askFor(asked.db, { held_key: held.held_key, recipient, why: asked.body.why }, asked.clock.now());
    if (noted === null) return over();
    return page(w.ask_done_title, html`<div class="narrow"><h1>${w.ask_done_title}</h1><p>${w.ask_done}</p></div>`);
  },
});

export const HELD_ASK_ROUTES: AnyRoute[] = [show, ask];
