import { z } from 'zod';
import { ownDomains } from '../../report/hostname.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import { invitePerson, linkFor } from '../../store/console/invitations.ts';
import { changePerson, endPerson, findPerson, listPeople, type Person, unknownDomains } from '../../store/console/people.ts';
import { type PersonRole, ROLES_OF_PEOPLE } from '../../store/console/rights.ts';
import { listServices, type ServicePrincipal } from '../../store/console/service-principals.ts';
import { listTokens } from '../../store/console/tokens.ts';
import { actForm, buttonForm, checkbox, choice, line } from '../form.ts';
import { wrongField } from '../given.ts';
import { type Address, type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Answer, type AnyRoute, page, Refusal, route, see } from '../routes.ts';
import { fileOf, type Table, tableOf, tableQuery } from '../tables.ts';
import { day } from './format.ts';
import { personName } from './sign-in.ts';
import { tokensTable } from './tokens.ts';

const w = words.people;

const list = route({
  method: 'GET',
  path: '/people',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  query: z.object(tableQuery),
  async handle({ db, visitor, clock, query: asked }) {
    const here = path`/people`;
    const people = peopleTable(await listPeople(db), visitor!.person_key);
    const services = servicesTable(await listServices(db));
    const tokens = tokensTable(await listTokens(db, null, clock.now()), 'all');
    const file = fileOf(asked, [people, services, tokens], 'ruawatch');
    if (file !== null) return file;
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
${addForm()}
${people.html(here)}
${services.rows > 0 && html`<section><h2>${w.services}</h2><p class="quiet">${w.services_lead}</p>${services.html(here)}</section>`}
<section><h2>${words.own_tokens.title}</h2>${tokens.rows === 0 ? html`<p>${words.own_tokens.nobody_has}</p>` : tokens.html(here)}</section>`;
    return page(w.title, body, { section: 'people' });
  },
});

function peopleTable(people: readonly Person[], self: number): Table {
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
        key: 'change',
        label: w.change,
        file: false,
        of: () => null,
        show: (one) => (one.person_key === self ? ofSelf(one) : actsOn(one)),
      },
    ],
    people,
  );
}

const domainsOf = (one: { all_domains: boolean; domains: readonly string[] }): string =>
  one.all_domains ? words.account.all_domains : one.domains.join(', ');

/** Programs with accounts of their own, who answers for each, and when it ends. */
function servicesTable(services: readonly ServicePrincipal[]): Table {
  return tableOf<ServicePrincipal>(
    'services',
    [
      { key: 'name', label: w.name, as: 'head', of: (one) => one.name },
      { key: 'role', label: w.role, of: (one) => one.role, show: (one) => words.roles[one.role] },
      { key: 'domains', label: w.domains, as: 'name', of: domainsOf },
      { key: 'owner', label: w.owner, as: 'name', of: (one) => one.owner },
      { key: 'until', label: w.until, as: 'date', of: (one) => day(one.ends_at) },
      { key: 'remove', label: w.remove, file: false, of: () => null, show: (one) => removeForm(one.name) },
    ],
    services,
  );
}

/** Whoever has no password yet, as after a link that signs in once, may choose one. */
const ofSelf = (one: Person): Html =>
  html`<div class="acts"><span class="quiet">${w.you}</span>${!one.of_company && !one.has_password && nameForm(path`/people/link`, w.link, one.name)}</div>`;

/**
 * What an admin may do about somebody else. Role and domains of the company's people are those of a group.
 */
const actsOn = (one: Person): Html =>
  html`<div class="acts">${
    one.of_company
      ? html`<p class="hint">${w.of_company}</p>`
      : html`${actForm({ word: w.change_rights, to: path`/people/change`, values: { name: one.name } }, [
          rightsFields(`of-${one.person_key}`, one),
          html`<p class="hint">${w.change_hint}</p>`,
        ])}
${nameForm(path`/people/link`, w.link, one.name)}`
  }
${removeForm(one.name)}</div>`;

/** Asks before it removes: a second button, which says whom. */
const removeForm = (name: string): Html =>
  actForm(
    { word: w.remove, heard: `${w.remove}: ${name}`, to: path`/people/remove`, values: { name }, button: w.remove_name(name) },
    html`<p class="hint">${w.remove_hint(name)}</p>`,
  );

/** A button about one person. */
const nameForm = (to: Address, word: string, name: string): Html =>
  buttonForm(to, word, { values: { name }, heard: `${word}: ${name}` });

function addForm(): Html {
  const fields = [
    line({ label: w.name, name: 'name', required: true, maxlength: 100, autocomplete: 'off', hint: w.name_hint }),
    line({ label: w.email, name: 'email', type: 'email', maxlength: 254, autocomplete: 'off', hint: w.email_hint }),
    rightsFields('new', { role: 'viewer', all_domains: false, domains: [] }),
  ];
  return actForm({ word: w.add, to: path`/people/add`, as: 'act wide' }, fields);
}

/** What somebody may do and see. */
const rightsFields = (id: string, now: Pick<Person, 'role' | 'all_domains' | 'domains'>): Html =>
  html`${choice({ label: w.role, name: 'role' }, Object.entries(w.role_may), now.role)}
${line({ label: w.domains, name: 'domains', id: `${id}-domains`, maxlength: 2000, value: now.domains.join(', '), hint: w.domains_hint })}
${checkbox({ label: w.unknown_too, name: 'unknown', checked: false })}
${checkbox({ label: w.all_domains, name: 'all', checked: now.all_domains })}`;

const rights = {
  role: z.enum(ROLES_OF_PEOPLE),
  domains: z.string().trim().max(2000).default(''),
  unknown: z.literal('yes').optional(),
  all: z.literal('yes').optional(),
};

/**
 * What the fields of `rightsFields` say. A domain that is not known is most often misspelled: it is taken
 * where somebody says that it is meant.
 * @throws Refusal `wrong_parameter`
 */
async function rightsOf(
  db: Queryable,
  body: { role: PersonRole; domains: string; unknown?: 'yes' | undefined; all?: 'yes' | undefined },
): Promise<{ role: PersonRole; domains: string[] | null }> {
  const { names, wrong } = ownDomains(body.domains.split(/[\s,]+/).filter((one) => one !== ''));
  if (body.all) return { role: body.role, domains: null };
  const why = wrong ?? (names.length === 0 ? w.which_domains : null);
  if (why !== null) throw wrongField('domains', why);
  const unknown = body.unknown ? [] : await unknownDomains(db, names);
  if (unknown.length > 0) throw wrongField('domains', w.unknown_domains(unknown));
  return { role: body.role, domains: names };
}

const add = route({
  method: 'POST',
  path: '/people/add',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  body: z.object({
    name: z.string().trim().pipe(personName),
    email: z.email().max(254).or(z.literal('')).default(''),
    ...rights,
  }),
  async handle({ db, body, visitor, clock, origin }) {
    const person = { name: body.name, email: body.email || null, ...(await rightsOf(db, body)) };
    return linkPage(person.name, `${origin}/link/${await invitePerson(db, person, visitor!.name, clock.now())}`);
  },
});

/** The link is shown here alone, once. */
function linkPage(name: string, link: string): Answer {
  const body = html`<div class="narrow"><h1>${w.link_title(name)}</h1><p>${w.link_lead(name)}</p><pre class="secret">${link}</pre>
<p><a class="button" href="${path`/people`}">${w.back}</a></p></div>`;
  return page(w.link_title(name), body, { section: 'people' });
}

const name = z.object({ name: z.string().max(200) });

const link = route({
  method: 'POST',
  path: '/people/link',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  body: name,
  async handle({ db, body, visitor, clock, origin }) {
    const person = await findPerson(db, body.name);
    if (person === null || person.of_company) throw new Refusal(404, 'no_person', w.no_person);
    return linkPage(person.name, `${origin}/link/${await linkFor(db, person, visitor!.name, clock.now())}`);
  },
});

const change = route({
  method: 'POST',
  path: '/people/change',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  body: name.extend(rights),
  async handle({ db, body, visitor, clock }) {
    const person = await findPerson(db, body.name);
    if (person === null || person.of_company) throw new Refusal(404, 'no_person', w.no_person);
    await changePerson(db, person.name, await rightsOf(db, body), { by: visitor!.name, now: clock.now() });
    return see(path`/people`, { told: { done: 'person_changed', about: person.name } });
  },
});

const remove = route({
  method: 'POST',
  path: '/people/remove',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  body: name,
  async handle({ db, body, visitor, clock }) {
    await endPerson(db, body.name, visitor!.name, clock.now());
    return see(path`/people`, { told: { done: 'person_removed', about: body.name } });
  },
});

export const PEOPLE_ROUTES: AnyRoute[] = [list, add, link, change, remove];
