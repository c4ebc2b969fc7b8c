import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Visitor } from '../store/console/rights.ts';
import { sees } from '../store/console/scope.ts';
import { newToken, visitorOf } from '../store/console/sessions.ts';
import { answerIn, problemPage } from './answer.ts';
import { visitorByToken } from './api/bearer.ts';
import { allowedFor } from './api/methods.ts';
import { Gates } from './gate.ts';
import { readGiven } from './given.ts';
import { certificateOf } from './listen.ts';
import { words } from './page-words/en.ts';
import { isConfirmed, isDue } from './people/confirmed.ts';
import { formToken, isFormToken, isOwnHost, isOwnOrigin } from './people/form-token.ts';
import { problemOf } from './problem.ts';
import { type Answer, type AnyRoute, type Asked, leastRole, may, Refusal, type Route, type Services } from './routes.ts';
import { TokenLimit } from './token-limit.ts';
import { readUpload } from './upload-body.ts';

const KIB = 1024;
/** A form of ours is far smaller. */
const BODY_BYTES = 64 * KIB;
/** Requests a minute from one address: more than a person makes, and enough for an office behind one address. */
const PER_MINUTE = 1200;
/** Requests a minute with one token, from wherever they come. */
const PER_TOKEN_MINUTE = 600;
/** Characters of one part of a path: names of sources and domains are longer than the router's usual 100. */
const LONGEST_PART = 2000;
const TIMES = { requestTimeout: 30_000, connectionTimeout: 60_000, keepAliveTimeout: 10_000 };

/** What the console remembers of a request between its steps. */
interface Known {
  visitor: Visitor | null;
  /** The token of the session, or of a form of a visitor who is not signed in. */
  session: string | null;
  form: string;
}

export interface ConsoleOptions {
  routes: readonly AnyRoute[];
  services: Services;
  /** Requests a minute with one token. */
  perToken?: number;
}

/**
 * The web server of the console, not listening yet. Each route that it has is one of `routes`: what each needs
 * (role, domain, parameters, the form's field) is checked here, before its handler runs.
 * @throws TypeError when a route is not declared as it must be
 */
export async function buildConsole({ routes, services, perToken = PER_TOKEN_MINUTE }: ConsoleOptions): Promise<FastifyInstance> {
  const { config, log } = services;
  const secure = config.consoleUrl?.startsWith('https:') === true || config.console.tls !== null;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    routerOptions: { maxParamLength: LONGEST_PART },
    trustProxy: config.console.proxies.length > 0 ? config.console.proxies : false,
    forceCloseConnections: true,
    ...(config.console.tls === null ? {} : { https: certificateOf(config.console.tls) }),
    ...TIMES,
    frameworkErrors: (error, request, reply) => void failed(error, request, reply as FastifyReply),
  }) as unknown as FastifyInstance;
  const known = new WeakMap<FastifyRequest, Known>();
  const tokens = new TokenLimit(perToken);
  const gates = new Gates();
  const names = { session: secure ? '__Host-ruawatch' : 'ruawatch', form: secure ? '__Host-ruawatch-form' : 'ruawatch-form' };
  const cookies = { path: '/', httpOnly: true, sameSite: 'lax', secure } as const;

  const failed = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const problem = problemOf(error);
    if (problem.status >= 500) log.warn({ err: problem.cause, path: request.url.slice(0, 200) }, 'a page of the console failed');
    if (problem.status === 503) reply.header('retry-after', '10');
    if (error instanceof Refusal && error.after !== null) reply.header('retry-after', String(error.after));
    return problemPage(reply, problem, {
      visitor: known.get(request)?.visitor ?? null,
      form: known.get(request)?.form ?? '',
      api: request.url.startsWith('/api/'),
    });
  };
  app.setErrorHandler(failed);
  app.setNotFoundHandler((request, reply) => {
    const allowed = allowedFor(routes, request.url);
    if (allowed.length === 0) return failed(new Refusal(404, 'no_page', words.problems.no_page), request, reply);
    reply.header('allow', allowed.join(', '));
    return failed(new Refusal(405, 'wrong_method', words.problems.wrong_method(allowed)), request, reply);
  });

  await app.register(helmet, HEADERS(secure));
  await app.register(cookie);
  await app.register(formbody, { bodyLimit: BODY_BYTES });
  // Read by the route that has files, once it is known who sends them.
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null, undefined));
  await app.register(rateLimit, {
    max: PER_MINUTE,
    timeWindow: '1 minute',
    errorResponseBuilder: () => new Refusal(429, 'too_many_requests', words.problems.too_many_requests),
  });

  const declared = new Set<string>();
  app.addHook('onRoute', ({ method, url, config: own }) => {
    const route = (own as { declared?: AnyRoute } | undefined)?.declared;
    for (const one of [method].flat()) {
      if (route === undefined || url !== route.path)
        throw new TypeError(`The route ${one} ${url} of the console is not declared.`);
      declared.add(`${one} ${url}`);
    }
  });
  app.addHook('onRequest', async (request) => {
    if (!isOwnHost(request.headers.host, config.consoleUrl)) throw new Refusal(421, 'other_host', words.problems.other_host);
  });

  /** Whether somebody may still be here. The provider is waited for in its own places. */
  const confirmed = async (visitor: Visitor): Promise<boolean> =>
    !isDue(visitor, services.clock.now()) ||
    gates.run({ waitsFor: 'provider', person: visitor.person_key }, () => isConfirmed(services, visitor));

  /** Who asks, and the value of the field that their forms have. */
  const know = async (request: FastifyRequest, reply: FastifyReply, route: AnyRoute): Promise<Known> => {
    const session = request.cookies[names.session] || null;
    let form = request.cookies[names.form] || null;
    const found: Known = { visitor: null, session, form: formToken(session ?? form ?? '') };
    known.set(request, found);
    if (route.kind === 'api') {
      const caller = await gates.run({ person: null }, () =>
        visitorByToken(services.db, request.headers.authorization, route, services.clock.now()),
      );
      reply.header('x-token-ratelimit-remaining', tokens.count(caller.token!.token_key, services.clock.now().getTime()));
      if (!(await confirmed(caller))) throw new Refusal(401, 'not_signed_in', words.problems.no_token);
      found.visitor = caller;
      return { ...found, session: null };
    }
    if (route.kind === 'file' && route.least === 'everybody') return found;
    if (session !== null)
      found.visitor = await gates.run({ person: null }, () =>
        visitorOf(services.db, session, services.clock.now(), leastRole(route)),
      );
    if (found.visitor !== null && !(await confirmed(found.visitor))) found.visitor = null;
    if (found.visitor !== null) found.form = formToken(session!);
    else {
      found.session = null;
      if (form === null && request.method === 'GET') {
        form = newToken();
        reply.setCookie(names.form, form, cookies);
      }
      found.form = formToken(form ?? '');
    }
    return found;
  };

  const handle = async (route: AnyRoute, request: FastifyRequest, { visitor, session, form }: Known): Promise<Answer> => {
    if (route.least !== 'everybody' && visitor === null) throw new Refusal(401, 'not_signed_in', words.problems.not_signed_in);
    if (!may(visitor, route.least)) throw new Refusal(403, 'not_allowed', words.problems.not_allowed);
    if (route.kind === 'api' && request.method !== 'GET' && !isJson(request.headers['content-type'], request.body))
      throw new Refusal(415, 'type_unknown', words.problems.type_unknown);
    const sent =
      route.upload && mayUpload(visitor!.scope, route) ? await readUpload(request.raw) : { fields: request.body, files: [] };
    // A token is not sent by a browser on its own, as a cookie is: no other page can use it.
    if (route.kind !== 'api' && request.method !== 'GET' && request.method !== 'HEAD') {
      const { origin, host = '' } = request.headers;
      const site = request.headers['sec-fetch-site'] as string | undefined;
      const from = { host, ...(origin === undefined ? {} : { origin }), ...(site === undefined ? {} : { site }) };
      const token = session ?? request.cookies[names.form] ?? '';
      if (
        !isOwnOrigin(from, config.consoleUrl) ||
        token === '' ||
        !isFormToken((sent.fields as { form?: unknown } | null)?.form, token)
      )
        throw new Refusal(403, 'form_outdated', words.problems.form_outdated);
    }
    const params = readGiven(route.params, request.params, 404);
    const scope = visitor?.scope ?? { all: false, domains: [] };
    if (route.scope === 'installation' && !scope.all) throw new Refusal(403, 'not_yours', words.problems.not_yours);
    if (route.scope === 'domain' && !sees(scope, String((params as { domain?: unknown }).domain)))
      throw new Refusal(404, 'no_page', words.problems.no_page);
    const asked: Asked = {
      ...services,
      params,
      query: readGiven(route.query, request.query, 400),
      body: readGiven(route.body, sent.fields ?? {}, 400),
      files: sent.files,
      visitor,
      session,
      // What programs read, and what is read to change something, is never older than the question.
      reader: {
        db: services.db,
        scope,
        ...(route.kind === 'page' && request.method === 'GET' && services.kept && { kept: services.kept }),
      },
      address: request.ip,
      agent: request.headers['user-agent'] ?? null,
      form,
      origin: config.consoleUrl ?? `${secure ? 'https' : 'http'}://${request.headers.host}`,
      flow: request.cookies[`${names.session}-flow`] || null,
      here: request.url,
    };
    try {
      return await (route as Route).handle(asked);
    } finally {
      if (request.method !== 'GET') services.kept?.forget();
    }
  };

  for (const route of routes) {
    checkDeclaration(route);
    app.route({
      method: route.method,
      url: route.path,
      exposeHeadRoute: false,
      config: { declared: route, ...(route.perMinute === undefined ? {} : { rateLimit: { max: route.perMinute } }) } as object,
      handler: async (request, reply) => {
        const asker = await know(request, reply, route);
        const work = () => handle(route, request, asker);
        const open = route.kind === 'file' && route.least === 'everybody';
        const place = { waitsFor: route.waitsFor, person: asker.visitor?.person_key ?? null };
        const answer = open ? await work() : await gates.run(place, work);
        const { visitor = null, form = '' } = known.get(request) ?? {};
        return answerIn(reply, answer, { visitor, form, cookie: names.session, cookies, here: request.url });
      },
    });
  }
  await app.ready();
  return app;
}

/** What a browser may do with our pages: nothing but show them, with our own style sheet, and send forms to us. */
const HEADERS = (secure: boolean) => ({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      scriptSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // With `no-referrer`, browsers would not say where a form comes from.
  referrerPolicy: { policy: 'same-origin' as const },
  strictTransportSecurity: secure ? { maxAge: 15_552_000, includeSubDomains: false } : false,
  xFrameOptions: { action: 'deny' as const },
});

/** Whether somebody sees enough for their files to be read: all others are refused below. */
const mayUpload = (scope: Visitor['scope'], route: AnyRoute): boolean => route.scope !== 'installation' || scope.all;

/** Whether a body is JSON, or there is none. */
const isJson = (type: string | undefined, body: unknown): boolean =>
  type === undefined ? body === undefined || body === null : /^application\/json\s*(?:;|$)/i.test(type);

/** @throws TypeError for a route that would be open by mistake */
function checkDeclaration(route: AnyRoute): void {
  const wrong = (why: string): never => {
    throw new TypeError(`The route ${route.method} ${route.path} of the console ${why}.`);
  };
  const named = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  const read = Object.keys(route.params?.shape ?? {});
  if (named.some((name) => !read.includes(name)) || read.some((name) => !named.includes(name)))
    wrong('must read each parameter of its path');
  if (route.scope === 'domain' && !named.includes('domain')) wrong('is about a domain that its path does not name');
  if (route.scope !== 'none' && route.least === 'everybody') wrong('shows domains to everybody');
  if (route.kind === 'api' && !route.path.startsWith('/api/')) wrong('is of the API and not below /api/');
}
