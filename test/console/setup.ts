import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { ROUTES } from '../../services/console/pages/index.ts';
import type { AnyRoute, Probes } from '../../services/console/routes.ts';
import { buildConsole } from '../../services/console/server.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import type { Kept } from '../../services/store/console/page-cache.ts';
import { addPerson } from '../../services/store/console/people.ts';
import { type PersonRole, TOKEN_SCOPES, type TokenScope } from '../../services/store/console/rights.ts';
import { beginSession } from '../../services/store/console/sessions.ts';
import { makeToken } from '../../services/store/console/tokens.ts';
import { FINDINGS } from '../alerter/events.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

export interface TestConsole {
  t: TestDatabase;
  context: Context;
  app: FastifyInstance;
  /** A new person of this role who sees these domains (null: all), signed in. */
  person(role: PersonRole, domains: string[] | null): Promise<TestPerson>;
  /** A browser with a session. */
  signedIn(session: string): TestPerson;
  /** A browser that is not signed in. */
  stranger(): TestPerson;
  /** Stores an open finding of a kind. @returns its key */
  finding(kind: string, domain: string, subject?: string): Promise<number>;
  close(): Promise<void>;
}

/** A browser: it keeps cookies, sends Origin, and fills in the field that forms have. */
export interface TestPerson {
  name: string;
  get(path: string): Promise<LightMyRequestResponse>;
  /** Any request, with the cookies. */
  raw(request: InjectOptions): Promise<LightMyRequestResponse>;
  post(
    path: string,
    fields?: Record<string, string>,
    options?: { origin?: string; form?: string; from?: string },
  ): Promise<LightMyRequestResponse>;
  /** Calls the API with a token of the person; without one where nobody is signed in. */
  api(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    options?: { scopes?: readonly TokenScope[]; domains?: string[] | null; headers?: Record<string, string> },
  ): Promise<LightMyRequestResponse>;
}

const DAY_MS = 86_400_000;

const HOST = 'localhost:9808';
let count = 0;

/** The console on a database of its own, or on one that is given. It is dropped with it. */
export async function testConsole(
  options: {
    env?: Record<string, string>;
    routes?: readonly AnyRoute[];
    perToken?: number;
    now?: () => Date;
    kept?: Kept;
    probes?: Probes;
    /** A database that another helper has made, and filled. */
    database?: TestDatabase;
  } = {},
): Promise<TestConsole> {
  const t = options.database ?? (await testDatabase());
  const clock = options.now ? { now: options.now } : undefined;
  const context = testContext(t, { env: options.env ?? {}, ...(clock && { clock }) });
  const { db, config, log } = context;
  const app = await buildConsole({
    routes: options.routes ?? ROUTES,
    services: {
      db,
      config,
      log,
      clock: context.clock,
      ...(options.kept && { kept: options.kept }),
      ...(options.probes && { probes: options.probes }),
    },
    ...(options.perToken !== undefined && { perToken: options.perToken }),
  });
  const browser = (name: string, jar: Map<string, string>, person_key: number | null = null): TestPerson => {
    const send = async (request: InjectOptions) => {
      const cookie = [...jar].map(([key, value]) => `${key}=${value}`).join('; ');
      const response = await app.inject({ ...request, headers: { host: HOST, cookie, ...request.headers } });
      for (const one of response.cookies) {
        if (one.value === '') jar.delete(one.name);
        else jar.set(one.name, one.value);
      }
      return response;
    };
    return {
      name,
      get: (url) => send({ method: 'GET', url }),
      raw: send,
      async post(url, fields = {}, { origin = `http://${HOST}`, form, from } = {}) {
        const page =
          form === undefined ? await send({ method: 'GET', url: jar.has('ruawatch') ? '/account' : '/sign-in' }) : null;
        const field = form ?? /name="form" value="([^"]+)"/.exec(page!.body)?.[1] ?? '';
        const payload = new URLSearchParams({ ...fields, form: field }).toString();
        const headers = {
          origin,
          'content-type': 'application/x-www-form-urlencoded',
          ...(from === undefined ? {} : { referer: `http://${HOST}${from}` }),
        };
        return send({ method: 'POST', url, payload, headers });
      },
      async api(method, url, body, { scopes = TOKEN_SCOPES, domains = null, headers = {} } = {}) {
        const now = context.clock.now();
        const given = { person_key: person_key ?? 0, person: name, name: 'test', scopes, domains };
        const made =
          person_key === null ? null : await makeToken(db, { ...given, ends_at: new Date(now.getTime() + DAY_MS) }, 'test', now);
        return app.inject({
          method,
          url,
          ...(body === undefined ? {} : { payload: body }),
          headers: { host: HOST, ...(made && { authorization: `Bearer ${made.token}` }), ...headers },
        });
      },
    };
  };
  return {
    t,
    context,
    app,
    async person(role, domains) {
      const name = `${role}-${++count}`;
      const key = await addPerson(db, { name, role, domains }, 'test', context.clock.now());
      const session = await beginSession(db, key, { address: '192.0.2.1', agent: null }, context.clock.now());
      return browser(name, new Map([['ruawatch', session]]), key);
    },
    signedIn: (session) => browser('', new Map([['ruawatch', session]])),
    stranger: () => browser('', new Map()),
    async finding(kind, domain, subject) {
      const found = FINDINGS[kind]!;
      const { rows } = await db.query<{ finding_key: number }>(
        `insert into ruawatch.findings (domain, kind, subject, severity, confidence, state, summary, evidence, first_day, last_day, opened_at, changed_at)
         values ($1, $2, $3, $4, $5, 'open', $6, $7, '2026-10-03', '2026-10-05', $8, $8) returning finding_key`,
        [domain, kind, subject ?? found.subject, found.severity, found.confidence, found.summary, found.stored, found.at],
      );
      return rows[0]!.finding_key;
    },
    async close() {
      await app.close();
      await context.queues.close();
      await t.drop();
    },
  };
}
