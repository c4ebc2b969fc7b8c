import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { answerIn, problemPage } from './answer.ts';
import { Askers } from './asker.ts';
import { formAgain } from './form-again.ts';
import { Gates } from './gate.ts';
import { Handling } from './handling.ts';
import { certificateOf } from './listen.ts';
import { words } from './page-words/en.ts';
import { isOwnHost } from './people/form-token.ts';
import { allowedFor, pageOfForm } from './places.ts';
import { problemOf } from './problem.ts';
import { type AnyRoute, Refusal, type Services } from './routes.ts';

const KIB = 1024;
/** A form of ours is far smaller. */
const BODY_BYTES = 64 * KIB;
/**
 * Requests a minute from one address: more than a person makes, and enough for an office behind one address.
 */
const PER_MINUTE = 1200;
/** Requests a minute with one token, from wherever they come. */
const PER_TOKEN_MINUTE = 600;
/** Characters of one part of a path: names of sources and domains are longer than the router's usual 100. */
const LONGEST_PART = 2000;
const TIMES = { requestTimeout: 30_000, connectionTimeout: 60_000, keepAliveTimeout: 10_000 };

export interface ConsoleOptions {
  routes: readonly AnyRoute[];
  services: Services;
  /** Requests a minute with one token. */
  perToken?: number;
}

/**
 * The web server of the console, not listening yet. Each route that it has is one of `routes`: what each
 * needs (role, domain, parameters, the form's field) is checked before its handler runs.
 * @throws TypeError when a route is not declared as it must be
 */
export async function buildConsole({ routes, services, perToken = PER_TOKEN_MINUTE }: ConsoleOptions): Promise<FastifyInstance> {
  const { config } = services;
  const secure = config.consoleUrl?.startsWith('https:') === true || config.console.tls !== null;
  const gates = new Gates();
  const askers = new Askers({ services, gates, perToken, secure });
  const handling = new Handling({ services, secure, names: askers.names });
  const failed = failing(services, askers);
  const app = serverOf(config.console, failed);
  app.setErrorHandler(failed);
  app.setNotFoundHandler(unrouted(routes, askers, failed));
  await addPlugins(app, secure);
  app.addHook('onRoute', ({ method, url, config: own }) => {
    const route = (own as { declared?: AnyRoute } | undefined)?.declared;
    for (const one of [method].flat())
      if (route === undefined || url !== route.path)
        throw new TypeError(`The route ${one} ${url} of the console is not declared.`);
  });
  app.addHook('onRequest', async (request) => {
    if (!isOwnHost(request.headers.host, config.consoleUrl)) throw new Refusal(421, 'other_host', words.problems.other_host);
  });
  for (const route of routes) {
    checkDeclaration(route);
    app.route({
      method: route.method,
      url: route.path,
      exposeHeadRoute: false,
      config: { declared: route, ...(route.perMinute === undefined ? {} : { rateLimit: { max: route.perMinute } }) } as object,
      handler: async (request, reply) => {
        const asker = await askers.of(request, reply, route);
        const work = () => handling.run(route, request, asker);
        const open = route.kind === 'file' && route.least === 'everybody';
        const place = { waitsFor: route.waitsFor, person: asker.visitor?.person_key ?? null };
        const done = open ? work() : gates.run(place, work);
        const answer = await done.catch(async (error: unknown) => {
          const again = await formAgain({ routes, handling, gates }, { route, request, error }, asker);
          if (again === null) throw error;
          return again;
        });
        const { names, cookies } = askers;
        return answerIn(reply, answer, {
          ...askers.known(request),
          cookie: names.session,
          cookies,
          now: services.clock.now(),
          formAfter: (session) => askers.formAfter(request, reply, session),
        });
      },
    });
  }
  await app.ready();
  return app;
}

type Failed = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Answers what failed, and logs what is our fault. */
function failing({ log }: Services, askers: Askers): Failed {
  return (error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500) log.warn({ err: problem.cause, path: request.url.slice(0, 200) }, 'a page of the console failed');
    if (problem.status === 503) reply.header('retry-after', '10');
    if (error instanceof Refusal && error.after !== null) reply.header('retry-after', String(error.after));
    return problemPage(reply, problem, { ...askers.known(request), api: request.url.startsWith('/api/') });
  };
}

/** Answers a request that no route takes. */
function unrouted(routes: readonly AnyRoute[], askers: Askers, failed: Failed) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const page = request.method === 'GET' ? pageOfForm(routes, request.url) : null;
    if (page !== null) return reply.header('cache-control', 'no-store').redirect(page, 303);
    // Whoever is signed in has the menu there, too.
    if (!request.url.startsWith('/api/') && request.cookies[askers.names.session]) await askers.of(request, reply, NOWHERE);
    const allowed = allowedFor(routes, request.url);
    if (allowed.length === 0) return failed(new Refusal(404, 'no_page', words.problems.no_page), request, reply);
    reply.header('allow', allowed.join(', '));
    return failed(new Refusal(405, 'wrong_method', words.problems.wrong_method(allowed)), request, reply);
  };
}

function serverOf({ proxies, tls }: Services['config']['console'], failed: Failed): FastifyInstance {
  return fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    routerOptions: { maxParamLength: LONGEST_PART },
    trustProxy: proxies.length > 0 ? proxies : false,
    forceCloseConnections: true,
    ...(tls === null ? {} : { https: certificateOf(tls) }),
    ...TIMES,
    frameworkErrors: (error, request, reply) => void failed(error, request, reply as FastifyReply),
  }) as unknown as FastifyInstance;
}

async function addPlugins(app: FastifyInstance, secure: boolean): Promise<void> {
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
}

/**
 * What a browser may do with our pages: nothing but show them, with our own style sheet, and send forms to
 * us.
 */
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

/** A page that is not there, to find out who asks for it. */
const NOWHERE: AnyRoute = { method: 'GET', path: '/', kind: 'page', least: 'everybody', scope: 'none', handle: () => notThere() };

function notThere(): never {
  throw new Refusal(404, 'no_page', words.problems.no_page);
}

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
