import { z } from 'zod';
import { endPerson, listPeople, type Person } from '../../store/console/people.ts';
import { listServices, type ServicePrincipal } from '../../store/console/service-principals.ts';
import { listTokens } from '../../store/console/tokens.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { hidden } from '../layout.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route, see } from '../routes.ts';
import { fileOf, type Table, tableOf, tableQuery } from '../tables.ts';
import { day } from './format.ts';
import { tokensTable } from './tokens.ts';

const list = route({
  method: 'GET',
  path: '/people',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  query: z.object(tableQuery),
  async handle({ db, visitor, form, clock, query: asked }) {
    const w = words.people;
    const here = path`/people`;
    const people = peopleTable(await listPeople(db), visitor!.person_key, form);
    const services = servicesTable(await listServices(db), form);
    const tokens = tokensTable(await listTokens(db, null, clock.now()), form, 'all');
    const file = fileOf(asked, [people, services, tokens], 'ruawatch');
    if (file !== null) return file;
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
${people.html(here)}
${services.rows > 0 && html`<section><h2>${w.services}</h2><p class="quiet">${w.services_lead}</p>${services.html(here)}</section>`}
<section><h2>${words.own_tokens.title}</h2>${tokens.rows === 0 ? html`<p>${words.own_tokens.nobody_has}</p>` : tokens.html(here)}</section>`;
    return page(w.title, body, { section: 'people' });
  },
});

function peopleTable(people: readonly Person[], self: number, form: string): Table {
  const w = words.people;
  return tableOf<Person>(
    'people',
    [
      {
        key: 'name',
        label: w.name,
        as: 'head',
        of: (one) => one.name,
        show: (one) =>
          html`<span class="name">${one.name}</span>${!one.has_password && html` <span class="quiet">(${w.no_password})</span>`}`,
      },
      { key: 'role', label: w.role, of: (one) => one.role, show: (one) => words.roles[one.role] },
      { key: 'domains', label: w.domains, as: 'name', of: domainsOf },
      {
        key: 'code_generator',
        label: w.second,
        of: (one) => one.totp_since !== null,
        show: (one) => (one.totp_since === null ? w.no : w.yes),
      },
      { key: 'since', label: w.since, as: 'date', of: (one) => day(one.created_at) },
      {
        key: 'remove',
        label: w.remove,
        file: false,
        of: () => null,
        show: (one) => (one.person_key === self ? html`<span class="quiet">${w.you}</span>` : removeForm(one.name, form)),
      },
    ],
    people,
  );
}

const domainsOf = (one: { all_domains: boolean; domains: readonly string[] }): string =>
  one.all_domains ? words.account.all_domains : one.domains.join(', ');

/** Programs with accounts of their own, who answers for each, and when it ends. */
function servicesTable(services: readonly ServicePrincipal[], form: string): Table {
  const w = words.people;
  return tableOf<ServicePrincipal>(
    'services',
    [
      { key: 'name', label: w.name, as: 'head', of: (one) => one.name },
      { key: 'role', label: w.role, of: (one) => one.role, show: (one) => words.roles[one.role] },
      { key: 'domains', label: w.domains, as: 'name', of: domainsOf },
      { key: 'owner', label: w.owner, as: 'name', of: (one) => one.owner },
      { key: 'until', label: w.until, as: 'date', of: (one) => day(one.ends_at) },
      { key: 'remove', label: w.remove, file: false, of: () => null, show: (one) => removeForm(one.name, form) },
    ],
    services,
  );
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
