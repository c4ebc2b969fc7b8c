import type { FastifyRequest } from 'fastify';
import type { Visitor } from '../store/console/rights.ts';
import { sees } from '../store/console/scope.ts';
import type { Asker } from './asker.ts';
import { readGiven } from './given.ts';
import { words } from './page-words/en.ts';
import { isFormToken, isOwnOrigin } from './people/form-token.ts';
import { type Answer, type AnyRoute, type Asked, may, Refusal, type Route, type Services } from './routes.ts';
import { readUpload } from './upload-body.ts';

export interface HandlingOptions {
  services: Services;
  /** Whether browsers reach the console by TLS alone. */
  secure: boolean;
  /** Names of the cookies. */
  names: { session: string; form: string };
}

/** Checks what a route needs of a request, in the order of its declaration, and runs the route's handler. */
export class Handling {
  private readonly services: Services;
  private readonly secure: boolean;
  private readonly names: HandlingOptions['names'];

  constructor({ services, secure, names }: HandlingOptions) {
    this.services = services;
    this.secure = secure;
    this.names = names;
  }

  /** @throws Refusal for what the route does not allow */
  async run(route: AnyRoute, request: FastifyRequest, asker: Asker): Promise<Answer> {
    const { visitor } = asker;
    if (route.least !== 'everybody' && visitor === null) throw new Refusal(401, 'not_signed_in', words.problems.not_signed_in);
    if (!may(visitor, route.least)) throw new Refusal(403, 'not_allowed', words.problems.not_allowed);
    if (route.kind === 'api' && request.method !== 'GET' && !isJson(request.headers['content-type'], request.body))
      throw new Refusal(415, 'type_unknown', words.problems.type_unknown);
    const sent =
      route.upload && mayUpload(visitor!.scope, route) ? await readUpload(request.raw) : { fields: request.body, files: [] };
    // A token is not sent by a browser on its own, as a cookie is: no other page can use it.
    if (route.kind !== 'api' && request.method !== 'GET' && request.method !== 'HEAD')
      this.checkForm(request, asker.session, sent.fields);
    const asked = this.askedOf(route, request, asker, sent);
    try {
      return await (route as Route).handle(asked);
    } finally {
      if (request.method !== 'GET') this.services.kept?.forget();
    }
  }

  /** @throws Refusal when a form was not sent from a page of ours, as shown to this visitor */
  private checkForm(request: FastifyRequest, session: string | null, fields: unknown): void {
    const { origin, host = '' } = request.headers;
    const site = request.headers['sec-fetch-site'] as string | undefined;
    const from = { host, ...(origin === undefined ? {} : { origin }), ...(site === undefined ? {} : { site }) };
    const token = session ?? request.cookies[this.names.form] ?? '';
    if (
      !isOwnOrigin(from, this.services.config.consoleUrl) ||
      token === '' ||
      !isFormToken((fields as { form?: unknown } | null)?.form, token)
    )
      throw new Refusal(403, 'form_outdated', words.problems.form_outdated);
  }

  /**
   * What the handler is given: parameters that were read by the route's schemas, of domains that the visitor
   * sees.
   */
  private askedOf(
    route: AnyRoute,
    request: FastifyRequest,
    { visitor, session }: Asker,
    sent: { fields: unknown; files: Asked['files'] },
  ): Asked {
    const { services, names } = this;
    const params = readGiven(route.params, request.params, 404);
    const scope = visitor?.scope ?? { all: false, domains: [] };
    if (route.scope === 'installation' && !scope.all) throw new Refusal(403, 'not_yours', words.problems.not_yours);
    if (route.scope === 'domain' && !sees(scope, String((params as { domain?: unknown }).domain)))
      throw new Refusal(404, 'no_page', words.problems.no_page);
    return {
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
      origin: services.config.consoleUrl ?? `${this.secure ? 'https' : 'http'}://${request.headers.host}`,
      flow: request.cookies[`${names.session}-flow`] || null,
      here: request.url,
    };
  }
}

/** Whether somebody sees enough for their files to be read: all others are refused below. */
const mayUpload = (scope: Visitor['scope'], route: AnyRoute): boolean => route.scope !== 'installation' || scope.all;

/** Whether a body is JSON, or there is none. */
const isJson = (type: string | undefined, body: unknown): boolean =>
  type === undefined ? body === undefined || body === null : /^application\/json\s*(?:;|$)/i.test(type);
