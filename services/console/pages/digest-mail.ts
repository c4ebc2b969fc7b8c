import { z } from 'zod';
import { readingNotes } from '../../mails/week-notes.ts';
import { renderWeekly } from '../../mails/weekly.ts';
import { DAY_MS } from '../../shared/days.ts';
import { type Db, transaction } from '../../shared/runtime/db.ts';
import { loadWeek } from '../../store/alerts/week.ts';
import { ownDomainsOf } from '../../store/console/digest.ts';
import type { Reader } from '../../store/console/scope.ts';
import { html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route } from '../routes.ts';

const WEEK_MS = 7 * DAY_MS;
const w = words.digest;

/** The weekly mail about the domains that somebody sees, as it would be sent now. */
async function mailOf({ db, reader, now, console }: { db: Db; reader: Reader; now: Date; console: string | null }) {
  const domains = await ownDomainsOf(reader);
  const since = new Date(now.getTime() - WEEK_MS);
  const week = await transaction(db, (tx) =>
    loadWeek(tx, { domains, operator: reader.scope.all, moment: now, since, until: now }),
  );
  return renderWeekly({ ...week, notes: readingNotes(week.reading), console, next: new Date(now.getTime() + WEEK_MS) });
}

const preview = route({
  method: 'GET',
  path: '/digest/mail',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  async handle({ db, reader, clock, config }) {
    const mail = await mailOf({ db, reader, now: clock.now(), console: config.consoleUrl });
    const body = html`<div class="heading"><p class="quiet"><a href="${path`/digest`}">${w.title}</a></p><h1>${w.preview}</h1>
<p>${config.alerts.digest === 'off' ? w.not_mailed : w.mailed}</p></div>
<dl class="figures"><div><dt>${w.subject}</dt><dd>${mail.subject}</dd></div></dl>
<p><a class="button" href="${path`/digest/mail.html`}">${w.as_html}</a></p>
<section><h2>${w.as_text}</h2><pre tabindex="0">${mail.text}</pre></section>`;
    return page(w.preview, body, { section: 'digest' });
  },
});

/**
 * The mail's own HTML has its style within, as mails do: it is shown apart from the console, where nothing of
 * it may run.
 */
const asHtml = route({
  method: 'GET',
  path: '/digest/mail.html',
  kind: 'file',
  least: 'viewer',
  scope: 'filtered',
  query: z.object({}),
  async handle({ db, reader, clock, config }) {
    const mail = await mailOf({ db, reader, now: clock.now(), console: config.consoleUrl });
    return { is: 'file', type: 'text/html; charset=utf-8', content: mail.html, apart: true };
  },
});

export const DIGEST_MAIL_ROUTES: AnyRoute[] = [preview, asHtml];
