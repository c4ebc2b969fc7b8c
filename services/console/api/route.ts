import { z } from 'zod';
import { type PersonRole, ROLE_FOR_SCOPE } from '../../store/console/rights.ts';
import { words } from '../page-words/en.ts';
import { type Answer, type AnyRoute, type ApiNotes, type Asked, Refusal, type Route } from '../routes.ts';

type Shape = z.ZodObject | undefined;

/** Below this path lies the first version of the API. */
export const API = '/api/v1';

/**
 * What a route of the API declares: its path is below /api/v1, and its role follows from the token's scope.
 */
type ApiRoute<P extends Shape, Q extends Shape, B extends Shape> = Omit<Route<P, Q, B>, 'kind' | 'least' | 'api' | 'handle'> &
  ApiNotes & {
    /** Where the person must have a higher role than the scope asks for. */
    least?: PersonRole;
    handle(asked: Asked<P, Q, B>): Promise<unknown>;
  };

/**
 * Declares a route of the API. Its handler returns what is sent as JSON. Parameters and fields that it does
 * not know are refused: a misspelled filter would otherwise answer more than was asked for.
 */
export function apiRoute<P extends Shape = undefined, Q extends Shape = undefined, B extends Shape = undefined>(
  given: ApiRoute<P, Q, B>,
): AnyRoute {
  const { id, summary, token, least, answer, status = 200, handle, path, query, body, ...rest } = given;
  const route: Omit<AnyRoute, 'handle'> & { handle(asked: Asked<P, Q, B>): Promise<Answer> } = {
    ...rest,
    path: `${API}${path}`,
    kind: 'api',
    least: least ?? ROLE_FOR_SCOPE[token],
    api: { id, summary, token, answer, status },
    query: (query ?? z.object({})).strict(),
    ...(given.method === 'GET' ? {} : { body: (body ?? z.object({})).strict() }),
    handle: async (asked) => ({ is: 'data', data: await handle(asked), status }),
  };
  return route as unknown as AnyRoute;
}

/** What is missing, or belongs to a domain that the person may not see: both answer the same. */
export function missing(code: string): never {
  throw new Refusal(404, code, words.problems.nothing_there);
}
