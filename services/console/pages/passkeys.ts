import { z } from 'zod';
import { noteAct } from '../../store/console/audit.ts';
import { type Passkey, removePasskey } from '../../store/console/passkeys.ts';
import { signInSecrets } from '../../store/console/people.ts';
import { signIn } from '../../store/console/sign-ins.ts';
import { line, passwordLine, postForm } from '../form.ts';
import { type Html, html, localAddress, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { addingOptions, addKey, hostOf, personOfKey, responseSchema, signInOptions } from '../people/passkeys.ts';
import { isPassword, LONGEST_PASSWORD } from '../people/password.ts';
import { type AnyRoute, Refusal, route, see } from '../routes.ts';
import { day } from './format.ts';

const A_MINUTE = 10;
const password = z.string().max(LONGEST_PASSWORD);
const keyName = z.string().trim().min(1).max(60);

/** The form with which a key signs somebody in; shown where the browser knows passkeys. */
export function passkeySignIn(origin: string, next: string | undefined): Html | null {
  if (hostOf(origin) === null) return null;
  return postForm(path`/sign-in/passkey`, html`<button>${words.passkeys.sign_in}</button>${failed(words.passkeys.refused)}`, {
    values: { next },
    as: { 'data-passkey': 'use', hidden: true, class: 'stack' },
  });
}

const failed = (sentence: string): Html => html`<p class="problem-line" role="alert" data-failed hidden>${sentence}</p>`;

/** The keys of a person, and the form that adds one. */
export function passkeysSection(keys: readonly Passkey[], origin: string): Html {
  const w = words.passkeys;
  return html`<section><h2>${w.title}</h2><p class="hint">${w.lead}</p>
${
  keys.length > 0 &&
  html`<ul>${keys.map(
    (key) =>
      html`<li>${postForm(
        path`/account/passkeys/remove`,
        html`<span class="name">${key.name}</span> <span class="quiet">${key.used_at === null ? w.unused : w.used(day(key.used_at))}</span>
<button aria-label="${`${w.remove} ${key.name}`}">${w.remove}</button>`,
        { values: { id: key.credential_id.toString('base64url') }, as: { class: 'row' } },
      )}</li>`,
  )}</ul>`
}
${
  hostOf(origin) === null
    ? html`<p>${w.needs_name}</p>`
    : postForm(
        path`/account/passkeys`,
        [
          line({ label: w.name, name: 'name', required: true, maxlength: 60 }),
          line(passwordLine()),
          html`<button>${w.add}</button>${failed(w.not_added)}`,
        ],
        { as: { 'data-passkey': 'add', hidden: true, class: 'stack' } },
      )
}</section>`;
}

const options = route({
  method: 'POST',
  path: '/account/passkeys/options',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  waitsFor: 'passwords',
  perMinute: A_MINUTE,
  body: z.object({ password }),
  async handle({ db, origin, clock, visitor, body }) {
    // A session alone, which may be stolen, adds no way in that lasts.
    const secrets = await signInSecrets(db, visitor!.name);
    if (secrets === null || !(await isPassword(body.password, secrets.password)))
      throw new Refusal(403, 'sign_in', words.problems.sign_in);
    return { is: 'data', data: await addingOptions({ db, origin, now: clock.now() }, visitor!) };
  },
});

const add = route({
  method: 'POST',
  path: '/account/passkeys',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  perMinute: A_MINUTE,
  body: z.object({ name: keyName, response: responseSchema }),
  async handle({ db, origin, clock, visitor, body }) {
    const now = clock.now();
    const { name: by, person_key: person } = visitor!;
    await addKey({ db, origin, now }, person, body.name, body.response);
    await noteAct(db, { by, person, act: 'passkey_added', object: body.name }, now);
    return see(path`/account`, { told: { done: 'passkey_added' } });
  },
});

const remove = route({
  method: 'POST',
  path: '/account/passkeys/remove',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  body: z.object({ id: z.string().min(1).max(2000) }),
  async handle({ db, clock, visitor, body }) {
    const { name: by, person_key: person } = visitor!;
    if (!(await removePasskey(db, person, Buffer.from(body.id, 'base64url'))))
      throw new Refusal(404, 'no_passkey', words.problems.nothing_there);
    await noteAct(db, { by, person, act: 'passkey_removed' }, clock.now());
    return see(path`/account`, { told: { done: 'passkey_removed' } });
  },
});

const ask = route({
  method: 'POST',
  path: '/sign-in/passkey/options',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  perMinute: 3 * A_MINUTE,
  handle: async ({ db, origin, clock }) => ({ is: 'data', data: await signInOptions({ db, origin, now: clock.now() }) }),
});

const use = route({
  method: 'POST',
  path: '/sign-in/passkey',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  perMinute: 3 * A_MINUTE,
  body: z.object({ response: responseSchema, next: z.string().max(2000).optional() }),
  async handle({ db, origin, clock, body, address, agent }) {
    const now = clock.now();
    const person = await personOfKey({ db, origin, now }, body.response);
    const session = await signIn(db, { ...person, how: 'passkey', address, agent }, now);
    return see(localAddress(body.next ?? '/') ?? path`/`, { session });
  },
});

export const PASSKEY_ROUTES: AnyRoute[] = [options, add, remove, ask, use];
