import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Visitor } from '../store/console/rights.ts';
import { newToken, visitorOf } from '../store/console/sessions.ts';
import { visitorByToken } from './api/bearer.ts';
import type { Gates } from './gate.ts';
import { words } from './page-words/en.ts';
import { isConfirmed, isDue } from './people/confirmed.ts';
import { formToken } from './people/form-token.ts';
import { type AnyRoute, leastRole, Refusal, type Services } from './routes.ts';
import { TokenLimit } from './token-limit.ts';

/** Who makes a request. */
export interface Asker {
  visitor: Visitor | null;
  /** The token of the session, or of a form of a visitor who is not signed in. */
  session: string | null;
  /** The value of the field that their forms have. */
  form: string;
}

export interface AskersOptions {
  services: Services;
  gates: Gates;
  /** Requests a minute with one token. */
  perToken: number;
  /** Whether browsers reach the console by TLS alone. */
  secure: boolean;
}

/** Finds out who makes a request, and remembers it for the answer, whatever becomes of the request. */
export class Askers {
  /** Names of the cookies. */
  readonly names: { session: string; form: string };
  readonly cookies: CookieSerializeOptions;
  private readonly services: Services;
  private readonly gates: Gates;
  private readonly tokens: TokenLimit;
  private readonly found = new WeakMap<FastifyRequest, Asker>();

  constructor({ services, gates, perToken, secure }: AskersOptions) {
    this.services = services;
    this.gates = gates;
    this.tokens = new TokenLimit(perToken);
    const session = secure ? '__Host-ruawatch' : 'ruawatch';
    this.names = { session, form: `${session}-form` };
    this.cookies = { path: '/', httpOnly: true, sameSite: 'lax', secure };
  }

  /** What is known of who makes a request: nothing before `of` was called. */
  known(request: FastifyRequest): Pick<Asker, 'visitor' | 'form'> {
    const { visitor = null, form = '' } = this.found.get(request) ?? {};
    return { visitor, form };
  }

  async of(request: FastifyRequest, reply: FastifyReply, route: AnyRoute): Promise<Asker> {
    const session = request.cookies[this.names.session] || null;
    const form = request.cookies[this.names.form] || null;
    const asker: Asker = { visitor: null, session, form: formToken(session ?? form ?? '') };
    this.found.set(request, asker);
    if (route.kind === 'api') {
      asker.visitor = await this.program(request, reply, route);
      return { ...asker, session: null };
    }
    if (route.kind === 'file' && route.least === 'everybody') return asker;
    if (session !== null) asker.visitor = await this.person(session, route);
    if (asker.visitor !== null) asker.form = formToken(session!);
    else {
      asker.session = null;
      asker.form = formToken(form ?? (request.method === 'GET' ? this.newForm(reply) : ''));
    }
    return asker;
  }

  /** @throws Refusal when no valid token is sent, or too often */
  private async program(request: FastifyRequest, reply: FastifyReply, route: AnyRoute): Promise<Visitor> {
    const { db, clock } = this.services;
    const caller = await this.gates.run({ person: null }, () =>
      visitorByToken(db, request.headers.authorization, route, clock.now()),
    );
    reply.header('x-token-ratelimit-remaining', this.tokens.count(caller.token!.token_key, clock.now().getTime()));
    if (!(await this.confirmed(caller))) throw new Refusal(401, 'not_signed_in', words.problems.no_token);
    return caller;
  }

  private async person(session: string, route: AnyRoute): Promise<Visitor | null> {
    const { db, clock } = this.services;
    const visitor = await this.gates.run({ person: null }, () => visitorOf(db, session, clock.now(), leastRole(route)));
    return visitor !== null && (await this.confirmed(visitor)) ? visitor : null;
  }

  /** Whether somebody may still be here. The provider is waited for in its own places. */
  private async confirmed(visitor: Visitor): Promise<boolean> {
    if (!isDue(visitor, this.services.clock.now())) return true;
    return this.gates.run({ waitsFor: 'provider', person: visitor.person_key }, () => isConfirmed(this.services, visitor));
  }

  /** The same once an answer begins a session, or ends it (null). */
  formAfter(request: FastifyRequest, reply: FastifyReply, session: string | null | undefined): string {
    if (session === undefined) return this.known(request).form;
    return formToken(session ?? request.cookies[this.names.form] ?? this.newForm(reply));
  }

  /** The token of the forms of somebody who is not signed in. */
  private newForm(reply: FastifyReply): string {
    const form = newToken();
    reply.setCookie(this.names.form, form, this.cookies);
    return form;
  }
}
