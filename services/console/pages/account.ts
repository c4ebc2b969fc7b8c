import { z } from 'zod';
import { noteAct } from '../../store/console/audit.ts';
import { passkeysOf } from '../../store/console/passkeys.ts';
import { confirmTotp, findPerson, proposeTotp, removeTotp, signInSecrets } from '../../store/console/people.ts';
import { listSessions } from '../../store/console/sign-ins.ts';
import { listTokens } from '../../store/console/tokens.ts';
import { line, passwordLine, postForm } from '../form.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { isPassword, LONGEST_PASSWORD } from '../people/password.ts';
import { base32, newSecret, otpauth, stepOf } from '../people/totp.ts';
import { type AnyRoute, page, Refusal, route, see } from '../routes.ts';
import { fileOf, tableQuery } from '../tables.ts';
import { day } from './format.ts';
import { passkeysSection } from './passkeys.ts';
import { sessionsTable } from './sessions.ts';
import { tokenForm, tokensTable } from './tokens.ts';

const password = z.string().max(LONGEST_PASSWORD);

const account = route({
  method: 'GET',
  path: '/account',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  query: z.object(tableQuery),
  async handle({ db, visitor, origin, clock, query: asked }) {
    const person = await findPerson(db, visitor!.name);
    if (person === null) throw new Refusal(401, 'not_signed_in', words.problems.not_signed_in);
    const w = words.account;
    const now = clock.now();
    const tokens = tokensTable(await listTokens(db, person.person_key, now));
    const sessions = sessionsTable(await listSessions(db, person.person_key, now));
    const file = fileOf(asked, [tokens, sessions], person.name);
    if (file !== null) return file;
    const here = path`/account`;
    const body = html`<div class="account"><h1>${w.title}</h1>
<dl class="figures"><div><dt>${words.sign_in.name}</dt><dd>${person.name}</dd></div>
<div><dt>${w.role}</dt><dd>${words.roles[person.role]}</dd></div>
<div><dt>${w.domains}</dt><dd>${person.all_domains ? w.all_domains : person.domains.join(', ')}</dd></div></dl>
${
  person.has_password &&
  html`<section><h2>${w.second}</h2>${person.totp_since === null ? setUp() : turnOff(day(person.totp_since))}</section>
${passkeysSection(await passkeysOf(db, person.person_key), origin)}`
}
<section><h2>${words.own_tokens.title}</h2><p class="hint">${words.own_tokens.lead}</p>${tokens.rows === 0 ? html`<p>${words.own_tokens.none}</p>` : tokens.html(here)}
${tokenForm(visitor!, person.has_password)}</section>
<section><h2>${w.sessions}</h2>${sessions.html(here)}${postForm(path`/sign-out`, html`<p class="hint">${w.everywhere_hint}</p><button>${w.everywhere}</button>`, { values: { everywhere: 'yes' }, as: {} })}</section></div>`;
    return page(w.title, body, { section: 'account', script: true });
  },
});

const setUp = (): Html => html`<p>${words.account.second_off}</p>
${postForm(path`/account/codes`, [line(passwordLine()), html`<button>${words.account.set_up}</button>`])}`;

const turnOff = (since: string): Html => html`<p>${words.account.second_on(since)}</p>
${postForm(path`/account/codes/off`, [line(passwordLine()), html`<button>${words.account.turn_off}</button>`])}`;

/** The person's secrets, where the password is right. @throws Refusal `sign_in` */
async function checked({
  db,
  visitor,
  body,
}: {
  db: Parameters<typeof signInSecrets>[0];
  visitor: { name: string } | null;
  body: { password: string };
}) {
  const secrets = await signInSecrets(db, visitor!.name);
  if (secrets === null || !(await isPassword(body.password, secrets.password)))
    throw new Refusal(403, 'sign_in', words.problems.sign_in, { field: 'password' });
  return secrets;
}

function confirmPage(secret: Buffer, name: string, problem?: string) {
  const w = words.account;
  const body = html`<div class="narrow"><h1>${w.set_up}</h1><p>${w.secret}</p>
${problem && html`<p class="problem-line" role="alert">${problem}</p>`}
<dl class="figures"><div><dt>${w.key}</dt><dd><code>${base32(secret).replace(/.{4}/g, '$& ').trim()}</code></dd></div></dl>
<details><summary>otpauth://</summary><pre>${otpauth(secret, name, 'ruawatch')}</pre></details>
${postForm(path`/account/codes/confirm`, [
  line({ label: words.sign_in.code, name: 'code', inputmode: 'numeric', autocomplete: 'one-time-code', required: true }),
  html`<button class="primary">${w.confirm}</button>`,
])}</div>`;
  return page(w.set_up, body, { section: 'account', ...(problem === undefined ? {} : { status: 400 }) });
}

const propose = route({
  method: 'POST',
  path: '/account/codes',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  waitsFor: 'passwords',
  perMinute: 10,
  body: z.object({ password }),
  async handle(asked) {
    const secrets = await checked(asked);
    if (secrets.totp_since !== null) return see(path`/account`);
    const secret = newSecret();
    await proposeTotp(asked.db, secrets.person_key, secret);
    return confirmPage(secret, secrets.name);
  },
});

const confirm = route({
  method: 'POST',
  path: '/account/codes/confirm',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  perMinute: 10,
  body: z.object({ code: z.string().max(20) }),
  async handle({ db, visitor, body, clock }) {
    const secrets = await signInSecrets(db, visitor!.name);
    if (!secrets?.totp_secret || secrets.totp_since !== null) return see(path`/account`);
    const step = stepOf(body.code, secrets.totp_secret, null, clock.now());
    if (step === null) return confirmPage(secrets.totp_secret, secrets.name, words.problems.code_wrong);
    await confirmTotp(db, secrets.person_key, step, clock.now());
    await noteAct(db, { by: secrets.name, person: secrets.person_key, act: 'codes_on' }, clock.now());
    return see(path`/account`, { told: { done: 'totp_on' } });
  },
});

const off = route({
  method: 'POST',
  path: '/account/codes/off',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  waitsFor: 'passwords',
  perMinute: 10,
  body: z.object({ password }),
  async handle(asked) {
    const secrets = await checked(asked);
    const { name: by, person_key: person } = secrets;
    const now = asked.clock.now();
    await removeTotp(asked.db, person, { by, now });
    await noteAct(asked.db, { by, person, act: 'codes_off' }, now);
    return see(path`/account`, { told: { done: 'totp_off' } });
  },
});

export const ACCOUNT_ROUTES: AnyRoute[] = [account, propose, confirm, off];
