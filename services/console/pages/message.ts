import { z } from 'zod';
import { messageVerdicts } from '../../dns/message-verdicts.ts';
import { type MessageFacts, type MessageHop, type Reason, whyWords } from '../../findings/why-mail-failed.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { messagesOf } from '../../store/console/messages.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route } from '../routes.ts';
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
  query: z.object({ id: messageId }),
  async handle({ reader, query: { id } }) {
    const mails = id === '' ? [] : await messagesOf(reader, id);
    const shown = await Promise.all(
      mails.map(async (mail) => shownMail(mail, whyWords(mail, await messageVerdicts(mail, organizationalDomain)))),
    );
    const body = html`<div class="heading"><h1>${w.title}</h1></div>
${whyForm(id)}
${id !== '' && mails.length === 0 && html`<div class="empty"><p>${w.none}</p></div>`}
${shown}`;
    return page(w.title, body, { section: 'reports' });
  },
});

/** The form that asks for one message. */
export function whyForm(id: string): Html {
  return html`<form class="filters" role="search" action="${path`/messages`}">
<label>${w.id}<input name="id" value="${id}" required></label>
<button>${w.ask}</button></form>`;
}

function shownMail({ hops, domain, around }: MessageFacts, reasons: readonly Reason[]): Html {
  const [first] = hops as [MessageHop];
  return html`<section><h2>${w.of(first.message_id ?? first.queue_id, domain)}</h2>
<ul class="checks">${reasons.map(({ wrong, says }) => html`<li class="${wrong ? 'bad' : 'ok'}"><strong>${wrong ? w.wrong : w.fine}</strong> ${says}</li>`)}</ul>
<h3>${w.hops}</h3>
<div class="table" tabindex="0"><table class="records"><thead><tr>${[w.at, w.host, w.queue_id, w.from, w.signed, w.deliveries].map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${hops.map(hopRow)}</tbody></table></div>
${
  around.length > 0 &&
  html`<h3>${w.around}</h3><ol class="history">${around.map(
    (one) =>
      html`<li><time datetime="${one.at.toISOString()}">${minute(one.at)}</time><div><strong>${one.what}, ${one.event}</strong> <span class="name">${one.subject}</span> ${one.summary}</div></li>`,
  )}</ol>`
}</section>`;
}

function hopRow(hop: MessageHop): Html {
  const signed = hop.signatures.map(({ selector, domain }) => `${selector}._domainkey.${domain}`).join(', ');
  const deliveries = hop.recipients
    .map((one) => `${one.domain}: ${one.status}${one.dsn === null ? '' : ` ${one.dsn}`}`)
    .join(', ');
  return html`<tr><td data-label="${w.at}" class="date">${minute(hop.started_at)}</td><th scope="row" data-label="${w.host}">${hop.host}</th>
<td data-label="${w.queue_id}" class="name">${hop.queue_id}</td><td data-label="${w.from}" class="name">${hop.client_name ?? hop.client_ip ?? '–'}</td>
<td data-label="${w.signed}" class="name">${signed || '–'}</td><td data-label="${w.deliveries}" class="words">${deliveries || '–'}</td></tr>`;
}

export const MESSAGE_ROUTES: AnyRoute[] = [message];
