import { z } from 'zod';
import { TOKEN_SCOPES } from '../../store/console/rights.ts';
import type { AnyRoute, ApiNotes } from '../routes.ts';

type Json = Record<string, unknown>;

const problem = {
  type: 'object',
  required: ['type', 'status', 'code', 'title', 'detail'],
  properties: {
    type: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'What went wrong, for programs.' },
    title: { type: 'string' },
    detail: { type: 'string', description: 'What to do, in a sentence.' },
  },
};

/**
 * The schema of a value as JSON; of a parameter, what it stands for. @param io of what is sent to us, or by
 * us
 */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  const { param, ...rest } = json;
  return (param as Json | undefined) ?? rest;
}

function parametersOf({ params, query }: AnyRoute): Json[] {
  const of = (place: 'path' | 'query', shape: z.ZodObject | undefined) =>
    Object.entries(shape?.shape ?? {}).map(([name, schema]) => ({
      name,
      in: place,
      required: place === 'path' || !(schema as z.ZodType).safeParse(undefined).success,
      schema: schemaOf(schema as z.ZodType, 'input'),
    }));
  return [...of('path', params), ...of('query', query)];
}

const PROBLEM_CONTENT = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
const TAG = { ETag: { schema: { type: 'string' }, description: 'For If-None-Match.' } };

function operationOf(route: AnyRoute, { id, summary, token, answer, status }: ApiNotes): Json {
  const get = route.method === 'GET';
  return {
    operationId: id,
    summary,
    description: `Needs a token with the scope \`${token}\`${route.least === 'admin' ? ' of an admin' : ''}.`,
    security: [{ token: [token] }],
    parameters: parametersOf(route),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(route.body, 'input') } } } }),
    responses: {
      [status ?? 200]: {
        description: 'Done.',
        ...(get && { headers: TAG }),
        content: { 'application/json': { schema: schemaOf(answer, 'output') } },
      },
      ...(get && { 304: { description: 'It has not changed.' } }),
      default: { description: 'What is in the way.', content: PROBLEM_CONTENT },
    },
  };
}

/** The description of the API (OpenAPI 3.1), made of the schemas that its routes read and write. */
export function describeApi(routes: readonly AnyRoute[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    if (route.api === undefined) continue;
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, route.api) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'ruawatch',
      version: '1',
      description: 'What the console shows and does, for programs. docs/api.md explains tokens, pages and errors.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: `A token of "ruawatch people token"; scopes: ${TOKEN_SCOPES.join(', ')}.`,
        },
      },
      schemas: { Problem: problem },
    },
  };
}
