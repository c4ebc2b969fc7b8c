import { z } from 'zod';
import { ownDomains } from '../../report/hostname.ts';
import { DAY_MS } from '../../shared/days.ts';
import { findPerson, signInSecrets } from '../../store/console/people.ts';
import { ROLE_FOR_SCOPE, TOKEN_SCOPES, type Visitor } from '../../store/console/rights.ts';
import { endToken, makeToken, type Token } from '../../store/console/tokens.ts';
import { actForm, buttonForm, checkbox, choice, each, line, passwordLine } from '../form.ts';
import { byKey, wrongField } from '../given.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { isPassword, LONGEST_PASSWORD } from '../people/password.ts';
import { useCode } from '../people/use-code.ts';
import { type AnyRoute, may, page, Refusal, route, see } from '../routes.ts';
import { type Column, type Table, tableOf } from '../tables.ts';
import { minute } from './format.ts';

const w = words.own_tokens;
/** Days for which a token may hold; one that decides holds for one. */
const HOLDS = [1, 7, 30, 90, 365];
const USUAL_DAYS = 30;

/**
 * Tokens, each with a button that ends it.
 * @param of `own` for the person's page; `all` names the person of each, for an admin
 */
export function tokensTable(tokens: readonly Token[], of: 'own' | 'all' = 'own'): Table {
  const action = of === 'own' ? path`/account/tokens/end` : path`/people/tokens/end`;
  const person: Column<Token> = { key: 'person', label: words.people.name, as: 'name', of: (one) => one.person };
  return tableOf<Token>(
    'tokens',
    [
      {
        key: 'token',
        label: w.name,
        as: 'head',
        of: (one) => `${one.token_key}: ${one.name}`,
        show: (one) => html`<span class="name">${one.token_key}: ${one.name}</span>`,
      },
      ...(of === 'all' ? [person] : []),
      { key: 'scopes', label: w.scopes, of: (one) => one.scopes.join(', ') },
      {
        key: 'domains',
        label: words.people.domains,
        as: 'name',
        of: (one) => (one.domains === null ? w.all_of_person : one.domains.join(', ')),
      },
      { key: 'until', label: w.until, as: 'date', of: (one) => one.ends_at, show: (one) => minute(one.ends_at) },
      {
        key: 'used',
        label: w.used,
        as: 'date',
        of: (one) => one.used_at,
        show: (one) => (one.used_at === null ? w.never : minute(one.used_at)),
      },
      {
        key: 'end',
        label: w.end,
        file: false,
        of: () => null,
        show: (one) => buttonForm(action, w.end, { values: { key: one.token_key }, heard: `${w.end} ${one.token_key}` }),
      },
    ],
    tokens,
  );
}

/**
 * The form that makes a token. It asks for the password, so that a stolen session does not become a way in
 * that lasts.
 * @param has_password false for company accounts, whose tokens are made on the command line
 */
export function tokenForm(visitor: Visitor, has_password: boolean): Html {
  if (!has_password) return html`<p class="hint">${w.needs_password}</p>`;
  const scopes = TOKEN_SCOPES.filter((scope) => may(visitor, ROLE_FOR_SCOPE[scope]));
  const code = { inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: 20 } as const;
  return actForm({ word: w.make, to: path`/account/tokens` }, [
    line({ label: w.what_for, name: 'name', required: true, maxlength: 100 }),
    html`<fieldset><legend>${w.scopes}</legend>${scopes.map((value) => checkbox({ label: w.scope[value], name: 'scope', value, checked: value === 'read' }))}</fieldset>`,
    choice({ label: w.holds, name: 'days' }, each(HOLDS, words.finding.for_days), USUAL_DAYS),
    line({ label: w.domains, name: 'domains', maxlength: 2000 }),
    line(passwordLine()),
    may(visitor, ROLE_FOR_SCOPE.decide) && line({ label: w.code, name: 'code', ...code }),
  ]);
}

const scope = z.enum(TOKEN_SCOPES);

const make = route({
  method: 'POST',
  path: '/account/tokens',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  waitsFor: 'passwords',
  perMinute: 10,
  body: z.object({
    name: z.string().trim().min(1).max(100),
    scope: z.union([scope.transform((one) => [one]), z.array(scope).min(1).max(TOKEN_SCOPES.length)]),
    days: z.coerce.number().int().min(1).max(366),
    domains: z.string().trim().max(2000).default(''),
    password: z.string().max(LONGEST_PASSWORD).default(''),
    code: z.string().max(20).default(''),
  }),
  async handle({ db, visitor, body, clock }) {
    const now = clock.now();
    const person = await findPerson(db, visitor!.name);
    if (person === null) throw new Refusal(401, 'not_signed_in', words.problems.not_signed_in);
    const secrets = await signInSecrets(db, person.name);
    if (!person.has_password) throw new Refusal(403, 'needs_password', w.needs_password);
    if (!(await isPassword(body.password, secrets?.password ?? null)))
      throw new Refusal(403, 'sign_in', words.problems.password_wrong, { field: 'password' });
    const scopes = TOKEN_SCOPES.filter((one) => body.scope.includes(one));
    if (!scopes.every((one) => may(visitor, ROLE_FOR_SCOPE[one])))
      throw new Refusal(403, 'not_allowed', words.problems.not_allowed);
    const { names, wrong } = ownDomains(body.domains.split(/[\s,]+/).filter((one) => one !== ''));
    if (wrong !== null) throw wrongField('domains', wrong);
    if (scopes.includes('decide')) await useCode(db, person, body.code || undefined, now);
    const { token, token_key } = await makeToken(
      db,
      {
        person_key: person.person_key,
        person: person.name,
        name: body.name,
        scopes,
        domains: names.length === 0 ? null : names,
        ends_at: new Date(now.getTime() + body.days * DAY_MS),
      },
      person.name,
      now,
    );
    const shown = html`<div class="narrow"><h1>${w.made(token_key)}</h1><p>${w.once}</p><pre class="secret">${token}</pre>
<p>${w.use} <code>${`Authorization: Bearer ${token.slice(0, 12)}…`}</code></p>
<p><a class="button" href="${path`/account`}">${w.back}</a></p></div>`;
    return page(w.made(token_key), shown, { section: 'account' });
  },
});

const revoke = route({
  method: 'POST',
  path: '/account/tokens/end',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  body: byKey,
  async handle({ db, visitor, body, clock }) {
    await endToken(db, body.key, { person_key: visitor!.person_key, by: visitor!.name }, clock.now());
    return see(path`/account`, { told: { done: 'token_ended' } });
  },
});

const revokeAny = route({
  method: 'POST',
  path: '/people/tokens/end',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  body: byKey,
  async handle({ db, visitor, body, clock }) {
    await endToken(db, body.key, { person_key: null, by: visitor!.name }, clock.now());
    return see(path`/people`, { told: { done: 'token_ended' } });
  },
});

export const TOKEN_ROUTES: AnyRoute[] = [make, revoke, revokeAny];
