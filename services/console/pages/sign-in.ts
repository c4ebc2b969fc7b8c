import { z } from 'zod';
import { PermanentError } from '../../shared/errors.ts';
import { transaction } from '../../shared/runtime/db.ts';
import { noteAct } from '../../store/console/audit.ts';
import {
  addPerson,
  countFailure,
  countSuccess,
  isPersonName,
  nobodyYet,
  putPassword,
  signInSecrets,
} from '../../store/console/people.ts';
import { endSession, endSessions, linkOf, withLink } from '../../store/console/sessions.ts';
import { signIn as begin } from '../../store/console/sign-ins.ts';
import { endTokens } from '../../store/console/tokens.ts';
import { line, passwordLine, postForm } from '../form.ts';
import { type Html, html, localAddress, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { hashPassword, isPassword, LONGEST_PASSWORD, SHORTEST_PASSWORD } from '../people/password.ts';
import { stepOf } from '../people/totp.ts';
import { type Answer, type AnyRoute, page, Refusal, route, see } from '../routes.ts';
import { passkeySignIn } from './passkeys.ts';

const TRIES_A_MINUTE = 10;
const password = z.string().max(LONGEST_PASSWORD);
export const personName = z.string().refine(isPersonName, 'letters, digits and . _ @ + - only');

function signInPage(given: {
  name?: string;
  next?: string | undefined;
  problem?: string;
  origin: string;
  company: string | null;
}): Html {
  const w = words.sign_in;
  const fields = [
    line({ label: w.name, name: 'name', value: given.name, autocomplete: 'username', required: true }),
    line(passwordLine()),
    line({ label: w.code, name: 'code', inputmode: 'numeric', autocomplete: 'one-time-code', hint: w.code_hint }),
    html`<button class="primary">${w.button}</button>`,
  ];
  return html`<div class="narrow">
<h1>${words.sign_in.title}</h1>
${given.problem && html`<p class="problem-line" role="alert">${given.problem}</p>`}
${postForm(path`/sign-in`, fields, { values: { next: given.next } })}
${passkeySignIn(given.origin, given.next)}
${given.company && html`<p><a class="button" href="${withQuery(path`/sign-in/company`, { next: given.next })}">${words.company.button(given.company)}</a></p>`}
<p class="quiet">${words.sign_in.no_account}</p>
<p class="quiet">${words.sign_in.no_way_in}</p>
</div>`;
}

const showSignIn = route({
  method: 'GET',
  path: '/sign-in',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  query: z.object({ next: z.string().max(2000).optional() }),
  handle: ({ query, visitor, config, origin }) =>
    visitor === null
      ? page(words.sign_in.title, signInPage({ next: query.next, origin, company: config.console.oidc?.name ?? null }), {
          script: true,
        })
      : see(localAddress(query.next ?? '/') ?? path`/`),
});

const signIn = route({
  method: 'POST',
  path: '/sign-in',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  waitsFor: 'passwords',
  perMinute: TRIES_A_MINUTE,
  body: z.object({
    name: z.string().max(200),
    password,
    code: z.string().max(20).default(''),
    next: z.string().max(2000).optional(),
  }),
  async handle({ db, body, clock, address, agent, log, config, origin }) {
    const now = clock.now();
    const secrets = await signInSecrets(db, body.name);
    const refused = (problem: string, why: string): Answer => {
      log.info({ name: body.name.slice(0, 100), address, why }, 'a sign-in failed');
      return page(
        words.sign_in.title,
        signInPage({ name: body.name, next: body.next, problem, origin, company: config.console.oidc?.name ?? null }),
        { status: 403, script: true },
      );
    };
    // Computed for a locked account too: the time of the answer would show that there is one.
    const right = await isPassword(body.password, secrets?.password ?? null);
    if (secrets?.locked_until && secrets.locked_until > now) return refused(words.problems.locked, 'locked');
    const step = secrets?.totp_since ? stepOf(body.code, secrets.totp_secret!, secrets.totp_step, now) : null;
    const complete = right && secrets !== null && (secrets.totp_since === null || step !== null);
    if (!complete || !(await countSuccess(db, secrets.person_key, step))) {
      if (secrets !== null) await countFailure(db, secrets.person_key, now);
      return refused(words.problems.sign_in, 'wrong');
    }
    const { person_key, name } = secrets;
    const session = await begin(db, { person_key, name, how: 'password', address, agent }, now);
    return see(localAddress(body.next ?? '/') ?? path`/`, { session });
  },
});

const signOut = route({
  method: 'POST',
  path: '/sign-out',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  body: z.object({ everywhere: z.literal('yes').optional() }),
  async handle({ db, session, visitor, body, clock }) {
    if (body.everywhere) {
      const { name: by, person_key: person } = visitor!;
      await transaction(db, async (tx) => {
        await endSessions(tx, person);
        await endTokens(tx, person, { by }, clock.now());
        await noteAct(tx, { by, person, act: 'signed_out_everywhere' }, clock.now());
      });
    } else await endSession(db, session!);
    return see(path`/sign-in`, { told: { done: body.everywhere ? 'signed_out_everywhere' : 'signed_out' }, session: null });
  },
});

const token = z.object({ token: z.string().regex(/^[\w-]{20,100}$/) });

/** Shows what the link does. It decides nothing: mail scanners and previews open links. */
const showLink = route({
  method: 'GET',
  path: '/link/:token',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  params: token,
  async handle({ db, params, clock }) {
    const link = await linkOf(db, params.token, clock.now());
    if (link === null)
      return page(
        words.link.ended_title,
        html`<div class="problem"><h1>${words.link.ended_title}</h1><p>${words.link.ended}</p></div>`,
        { status: 404 },
      );
    return linkPage(params.token, {
      first: link.person_key === null,
      name: link.name ?? '',
      at_once: link.purpose === 'sign_in',
    });
  },
});

function linkPage(
  secret: string,
  { first, name, at_once, problem }: { first: boolean; name: string; at_once: boolean; problem?: string },
): Answer {
  const w = words.link;
  const title = first ? w.first_title : at_once ? w.sign_in_title : w.password_title;
  const lead = first ? w.first_lead : at_once ? w.sign_in_lead(name) : w.password_lead(name);
  const chosen = passwordLine('new-password');
  const fields = [
    first && line({ label: words.sign_in.name, name: 'name', value: name, autocomplete: 'username', required: true }),
    line({ ...chosen, hint: w.hint(SHORTEST_PASSWORD) }),
    line({ ...chosen, label: w.again, name: 'again' }),
  ];
  const button = first ? w.create : at_once ? words.sign_in.button : w.save;
  const body = html`<div class="narrow">
<h1>${title}</h1>
<p>${lead}</p>
${problem && html`<p class="problem-line" role="alert">${problem}</p>`}
${postForm(path`/link/${secret}`, [!at_once && fields, html`<button class="primary">${button}</button>`])}
</div>`;
  return page(title, body, problem === undefined ? {} : { status: 400 });
}

const takeLink = route({
  method: 'POST',
  path: '/link/:token',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  waitsFor: 'passwords',
  perMinute: TRIES_A_MINUTE,
  params: token,
  body: z.object({ name: personName.optional(), password: password.default(''), again: password.default('') }),
  async handle({ db, params, body, clock, address, agent }) {
    const now = clock.now();
    const link = await linkOf(db, params.token, now);
    if (link === null) throw new Refusal(404, 'link_ended', words.link.ended);
    const at_once = link.purpose === 'sign_in';
    const first = link.person_key === null;
    const again = (problem: string) => linkPage(params.token, { first, name: link.name ?? body.name ?? '', at_once, problem });
    if (!at_once && body.password.length < SHORTEST_PASSWORD) return again(words.problems.password_short(SHORTEST_PASSWORD));
    if (!at_once && body.password !== body.again) return again(words.problems.passwords_differ);
    const hash = at_once ? '' : await hashPassword(body.password);
    const session = await withLink(db, params.token, now, async (tx, { person_key, name }) => {
      if (person_key === null && !(await nobodyYet(tx))) throw new PermanentError('link_ended', words.link.ended);
      const person =
        person_key ?? (await addPerson(tx, { name: body.name ?? 'admin', role: 'admin', domains: null }, 'the first link', now));
      const known = name ?? body.name ?? 'admin';
      if (!at_once) await putPassword(tx, person, hash, { by: known, now });
      if (!at_once) await noteAct(tx, { by: known, person, act: 'password_chosen' }, now);
      return begin(tx, { person_key: person, name: known, how: 'link', address, agent }, now);
    });
    return see(path`/`, { session });
  },
});

export const SIGN_IN_ROUTES: AnyRoute[] = [showSignIn, signIn, signOut, showLink, takeLink];
