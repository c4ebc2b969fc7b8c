import { z } from 'zod';
import { endPerson, listPeople, type Person } from '../../store/console/people.ts';
import { listServices, type ServicePrincipal } from '../../store/console/service-principals.ts';
import { listTokens } from '../../store/console/tokens.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { hidden } from '../layout.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route, see } from '../routes.ts';
import { day } from './format.ts';
import { tokensTable } from './tokens.ts';

const list = route({
  method: 'GET',
  path: '/people',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  async handle({ db, visitor, form, clock }) {
    const w = words.people;
    const people = await listPeople(db);
    const services = await listServices(db);
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
<div class="table" tabindex="0"><table><thead><tr><th scope="col">${w.name}</th><th scope="col">${w.role}</th><th scope="col">${w.domains}</th>
<th scope="col">${w.second}</th><th scope="col">${w.since}</th><th scope="col">${w.remove}</th></tr></thead>
<tbody>${people.map((person) => rowOf(person, person.person_key === visitor!.person_key, form))}</tbody></table></div>
${services.length > 0 && servicesTable(services, form)}
<section><h2>${words.own_tokens.title}</h2>${tokensTable(await listTokens(db, null, clock.now()), form, 'all')}</section>`;
    return page(w.title, body, { section: 'people' });
  },
});

function rowOf(person: Person, self: boolean, form: string): Html {
  const w = words.people;
  return html`<tr><th scope="row" data-label="${w.name}" class="name">${person.name}${!person.has_password && html` <span class="quiet">(${w.no_password})</span>`}</th>
<td data-label="${w.role}">${words.roles[person.role]}</td>
<td data-label="${w.domains}" class="name">${person.all_domains ? words.account.all_domains : person.domains.join(', ')}</td>
<td data-label="${w.second}">${person.totp_since === null ? w.no : w.yes}</td>
<td data-label="${w.since}" class="date">${day(person.created_at)}</td>
<td data-label="${w.remove}">${self ? html`<span class="quiet">${w.you}</span>` : removeForm(person.name, form)}</td></tr>`;
}

/** Programs with accounts of their own, who answers for each, and when it ends. */
function servicesTable(services: readonly ServicePrincipal[], form: string): Html {
  const w = words.people;
  return html`<section><h2>${w.services}</h2><p class="quiet">${w.services_lead}</p><div class="table" tabindex="0"><table><thead><tr><th scope="col">${w.name}</th><th scope="col">${w.role}</th>
<th scope="col">${w.domains}</th><th scope="col">${w.owner}</th><th scope="col">${w.until}</th><th scope="col">${w.remove}</th></tr></thead>
<tbody>${services.map(
    (one) => html`<tr><th scope="row" data-label="${w.name}" class="name">${one.name}</th>
<td data-label="${w.role}">${words.roles[one.role]}</td>
<td data-label="${w.domains}" class="name">${one.all_domains ? words.account.all_domains : one.domains.join(', ')}</td>
<td data-label="${w.owner}" class="name">${one.owner}</td>
<td data-label="${w.until}" class="date">${day(one.ends_at)}</td>
<td data-label="${w.remove}">${removeForm(one.name, form)}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function removeForm(name: string, form: string): Html {
  const { remove: word } = words.people;
  return html`<form method="post" action="${path`/people/remove`}">${hidden(form)}<input type="hidden" name="name" value="${name}"><button aria-label="${`${word} ${name}`}">${word}</button></form>`;
}

const remove = route({
  method: 'POST',
  path: '/people/remove',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  body: z.object({ name: z.string().max(200) }),
  async handle({ db, body, visitor, clock }) {
    await endPerson(db, body.name, visitor!.name, clock.now());
    return see(withQuery(path`/people`, { done: 'person_removed' }));
  },
});

export const PEOPLE_ROUTES: AnyRoute[] = [list, remove];
