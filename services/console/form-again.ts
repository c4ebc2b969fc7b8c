import type { FastifyRequest } from 'fastify';
import { sentenceCase } from '../shared/format.ts';
import type { Asker } from './asker.ts';
import { PLACE } from './form.ts';
import type { Gates } from './gate.ts';
import type { Handling } from './handling.ts';
import { localAddress, type Sent } from './html.ts';
import { pageAt } from './places.ts';
import { problemOf } from './problem.ts';
import { refilled } from './refill.ts';
import { type Answer, type AnyRoute, Refusal } from './routes.ts';

/** What whoever sent a form can put right, or has to know before they send another one. */
const MENDABLE = new Set([400, 404, 409]);

interface Server {
  routes: readonly AnyRoute[];
  handling: Handling;
  gates: Gates;
}

/** A path of ours, and what it asks for. */
interface Place {
  path: string;
  query: Record<string, string>;
}

/**
 * The page from which a form came that could not be done, with the form as it was filled in; null where that
 * page is not known or cannot be shown, so that the problem has a page of its own. The page is asked for with
 * the rights of whoever sent the form.
 */
export async function formAgain(
  { routes, handling, gates }: Server,
  { route, request, error }: { route: AnyRoute; request: FastifyRequest; error: unknown },
  asker: Asker,
): Promise<Answer | null> {
  const { status, code, detail } = problemOf(error);
  const field = error instanceof Refusal ? error.field : null;
  const mendable = (MENDABLE.has(status) && code !== 'no_page') || field !== null;
  if (route.kind !== 'page' || route.upload || !mendable) return null;
  const fields = fieldsOf(request.method === 'GET' ? request.query : request.body);
  const path = pathOf(request.url);
  const place = placeOf(request, fields);
  const found = place && pageAt(routes, place.path);
  if (!found) return null;
  const sentence = error instanceof Refusal && error.why !== null ? sentenceOf(error.why) : detail;
  const sent: Sent = { action: path, fields, field, sentence };
  const shown = await gates.run({ waitsFor: found.route.waitsFor, person: asker.visitor?.person_key ?? null }, () =>
    shownTo({ handling, request, asker }, found, place),
  );
  if (shown?.is !== 'page') return null;
  const address = `${place.path}${Object.keys(place.query).length === 0 ? '' : `?${new URLSearchParams(place.query)}`}`;
  const body = refilled(shown.body, sent, { address, only: request.method === 'GET', guard: asker.form });
  return body && { ...shown, status, body };
}

/** The page as it is without the form; null where it cannot be shown. */
async function shownTo(
  { handling, request, asker }: { handling: Handling; request: FastifyRequest; asker: Asker },
  { route, params }: { route: AnyRoute; params: Record<string, string> },
  { path, query }: Place,
): Promise<Answer | null> {
  const instead = { method: 'GET', params, query, url: path, body: undefined };
  const asked = Object.create(
    request,
    Object.fromEntries(Object.entries(instead).map(([name, value]) => [name, { value }])),
  ) as FastifyRequest;
  try {
    return await handling.run(route, asked, asker);
  } catch {
    // What was wrong with the form is told instead.
    return null;
  }
}

/**
 * Where a form stands: as a form that came back says, else the page that the browser comes from. One that
 * asks for its own page anew stands there.
 */
function placeOf(request: FastifyRequest, fields: Sent['fields']): Place | null {
  const { referer, host } = request.headers;
  const from = referer !== undefined && URL.canParse(referer) ? new URL(referer) : null;
  const local = localAddress(fields[PLACE]?.[0] ?? '');
  const told = local ? new URL(String(local), 'http://localhost') : from?.host === host ? from : null;
  const own = request.method === 'GET' ? pathOf(request.url) : null;
  if (own !== null && told?.pathname !== own) return { path: own, query: {} };
  if (!told) return null;
  return { path: told.pathname, query: Object.fromEntries(told.searchParams) };
}

const pathOf = (url: string): string => url.split('?')[0]!;

function fieldsOf(body: unknown): Record<string, string[]> {
  const given = Object.entries((body ?? {}) as Record<string, unknown>);
  return Object.fromEntries(given.map(([name, value]) => [name, [value].flat().map(String)]));
}

/** "give a reason" as a sentence. */
const sentenceOf = (why: string): string => `${sentenceCase(why)}${/[.!?]$/.test(why) ? '' : '.'}`;
