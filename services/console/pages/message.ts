import { z } from 'zod';
import { messageVerdicts } from '../../dns/message-verdicts.ts';
import { type MessageFacts, type MessageHop, type Reason, whyWords } from '../../findings/sentences/why-mail-failed.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { messagesOf } from '../../store/sending/why-mail-failed.ts';
import { filters, line } from '../form.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route } from '../routes.ts';
import { fileOf, type Table, tableOf, tableQuery } from '../tables.ts';
import { minute } from './format.ts';

const w = words.message;
/** What people paste may have angle brackets and blanks around it. */
const messageId = z.string().trim().max(998).default('');

const message = route({
  method: 'GET',
  path: '/messages',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  query: z.object({ ...tableQuery, id: messageId }),
  async handle({ reader, query: asked }) {
    const { id } = asked;
    const mails = id === '' ? [] : await messagesOf(reader, id);
    const tables = mails.map(({ hops }, at) => hopsTable(hops, at));
    const file = fileOf(asked, tables, 'ruawatch-message');
    if (file !== null) return file;
    const here = withQuery(path`/messages`, { id });
    const shown = await Promise.all(
      mails.map(async (mail, at) =>
        shownMail(mail, tables[at]!.html(here), whyWords(mail, await messageVerdicts(mail, organizationalDomain))),
      ),
    );
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.what_is}</p></div>
${whyForm(id)}
${id !== '' && mails.length === 0 && html`<div class="empty"><p>${w.none}</p></div>`}
${shown}`;
    return page(w.title, body, { section: 'reports' });
  },
});

/** The form that asks for one message. */
export function whyForm(id: string): Html {
  return filters(line({ label: w.id, name: 'id', value: id, required: true }), { to: path`/messages`, button: w.ask });
}

function shownMail({ hops, domain, around }: MessageFacts, table: Html, reasons: readonly Reason[]): Html {
  const [first] = hops as [MessageHop];
  return html`<section><h2>${w.of(first.message_id ?? first.queue_id, domain)}</h2>
<ul class="checks">${reasons.map(({ wrong, says }) => html`<li class="${wrong ? 'bad' : 'ok'}"><strong>${wrong ? w.wrong : w.fine}</strong><span>${says}</span></li>`)}</ul>
<h3>${w.hops}</h3>
${table}
${
  around.length > 0 &&
  html`<h3>${w.around}</h3><ol class="history">${around.map(
    (one) =>
      html`<li><time datetime="${one.at.toISOString()}">${minute(one.at)}</time><div><strong>${one.what}, ${one.event}</strong> <span class="name">${one.subject}</span> ${one.summary}</div></li>`,
  )}</ol>`
}</section>`;
}

/** @param at which of the mails of that name, for the address of its file */
function hopsTable(hops: readonly MessageHop[], at: number): Table {
  const signed = ({ signatures }: MessageHop) =>
    signatures.map(({ selector, domain }) => `${selector}._domainkey.${domain}`).join(', ');
  const deliveries = ({ recipients }: MessageHop) =>
    recipients.map((one) => `${one.domain}: ${one.status}${one.dsn === null ? '' : ` ${one.dsn}`}`).join(', ');
  return tableOf<MessageHop>(
    `hops-${at + 1}`,
    [
      { key: 'at', label: w.at, as: 'date', of: (hop) => hop.started_at, show: (hop) => minute(hop.started_at) },
      { key: 'host', label: w.host, as: 'head', of: (hop) => hop.host },
      { key: 'queue_id', label: w.queue_id, as: 'name', of: (hop) => hop.queue_id },
      {
        key: 'from',
        label: w.from,
        as: 'name',
        of: (hop) => hop.client_name ?? hop.client_ip,
        show: (hop) => hop.client_name ?? hop.client_ip ?? '–',
      },
      { key: 'signed', label: w.signed, as: 'name', of: signed, show: (hop) => signed(hop) || '–' },
      { key: 'deliveries', label: w.deliveries, as: 'words', of: deliveries, show: (hop) => deliveries(hop) || '–' },
    ],
    hops,
    'records',
  );
}

export const MESSAGE_ROUTES: AnyRoute[] = [message];
