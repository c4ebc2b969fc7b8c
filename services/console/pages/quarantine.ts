import { z } from 'zod';
import { noteAct } from '../../store/console/audit.ts';
import * as store from '../../store/console/reports.ts';
import { replayMessages } from '../../store/messages/messages.ts';
import { leaveToSweep } from '../../store/messages/raw-mail.ts';
import { buttonForm } from '../form.ts';
import { byKey } from '../given.ts';
import { html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, may, page, Refusal, route, see } from '../routes.ts';
import { fileOf, pageNumber, rowsOfPage, tableOf, tableQuery } from '../tables.ts';
import { minute, pageLinks } from './format.ts';
import { tabs } from './other-reports.ts';

const A_PAGE = 100;

const quarantine = route({
  method: 'GET',
  path: '/quarantine',
  kind: 'page',
  least: 'viewer',
  scope: 'installation',
  query: z.object({ ...tableQuery, page: pageNumber }),
  async handle({ reader, query: asked, visitor }) {
    const w = words.quarantine;
    const mails = await store.unreadMails(reader, rowsOfPage(asked.page, A_PAGE));
    const acts = may(visitor, 'operator');
    const table = tableOf<store.UnreadMail>(
      'quarantine',
      [
        {
          key: 'mail',
          label: w.mail,
          as: 'head',
          of: (one) => one.message_key,
          show: (one) =>
            acts ? html`<a href="${path`/messages/${one.message_key}/mail`}">${one.message_key}</a>` : String(one.message_key),
        },
        { key: 'mailbox', label: w.mailbox, of: (one) => one.mailbox },
        {
          key: 'received_at',
          label: w.received,
          as: 'date',
          of: (one) => one.received_at,
          show: (one) => minute(one.received_at),
        },
        { key: 'sender', label: w.sender, as: 'name', of: (one) => one.sender },
        { key: 'subject', label: w.subject, as: 'name', of: (one) => one.subject },
        {
          key: 'reason',
          label: w.reason,
          of: (one) => [one.code, one.reason].filter(Boolean).join(': '),
          show: (one) =>
            html`<code>${one.code}</code> ${one.reason}${
              acts &&
              buttonForm(path`/quarantine/${one.message_key}/replay`, w.replay, {
                heard: w.replay_of(one.message_key),
                as: 'plain',
              })
            }`,
        },
      ],
      mails.slice(0, A_PAGE),
    );
    const file = fileOf(asked, [table], 'ruawatch');
    if (file !== null) return file;
    const to = (n: number) => withQuery(path`/quarantine`, { page: n });
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
${tabs('quarantine', true)}
${table.rows === 0 ? html`<div class="empty"><p>${w.nothing}</p></div>` : table.html(to(asked.page))}
${pageLinks(to, asked.page, mails.length > A_PAGE)}`;
    return page(w.title, body, { section: 'reports' });
  },
});

const replay = route({
  method: 'POST',
  path: '/quarantine/:key/replay',
  kind: 'page',
  least: 'operator',
  scope: 'installation',
  params: byKey,
  async handle({ db, params: { key }, visitor, clock }) {
    const replayed = await replayMessages(db, { keys: [key] });
    if (replayed.length === 0) throw new Refusal(409, 'not_replayed', words.quarantine.not_replayed);
    await leaveToSweep(db, replayed);
    const act = { by: visitor!.name, person: visitor!.person_key, act: 'mail_replayed', object: `mail ${key}` };
    await noteAct(db, act, clock.now());
    return see(path`/quarantine`, { told: { done: 'replayed' } });
  },
});

export const QUARANTINE_ROUTES: AnyRoute[] = [quarantine, replay];
