import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { describeApi } from '../../../services/console/api/openapi.ts';
import { ROUTES } from '../../../services/console/pages/index.ts';

type Operation = {
  operationId: string;
  security: { token: string[] }[];
  parameters: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { content: { 'application/json': { schema: { properties: object; additionalProperties: boolean } } } };
  responses: Record<string, object>;
};
const described = describeApi(ROUTES) as { openapi: string; paths: Record<string, Record<string, Operation>> };
const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test('the description is valid OpenAPI 3.1', async () => {
  const read = await new Validator().validate(structuredClone(described));
  expect(read.errors).toBeUndefined();
  expect(read.valid).toBe(true);
  expect(described.openapi).toBe('3.1.0');
});

test('a description that is not valid is found', async () => {
  const broken = structuredClone(described) as { paths: Record<string, unknown> };
  broken.paths['/api/v1/me'] = { get: { responses: 5 } };
  expect((await new Validator().validate(broken)).valid).toBe(false);
});

test('it has each route of the API once, with its scope and its problem', () => {
  const api = ROUTES.filter(({ kind }) => kind === 'api');
  expect(operations).toHaveLength(api.length);
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(api.length);
  for (const { operation } of operations) {
    expect(operation.security[0]!.token).toHaveLength(1);
    expect(operation.responses.default).toBeDefined();
  }
});

test('parameters are what their texts stand for, and those of a path are required', () => {
  const finding = described.paths['/api/v1/findings/{key}']!.get!;
  expect(finding.parameters).toEqual([
    { name: 'key', in: 'path', required: true, schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } },
  ]);
  const days = described.paths['/api/v1/domains/{domain}/days']!.get!;
  expect(days.parameters.filter(({ required }) => required).map(({ name }) => name)).toEqual(['domain', 'from', 'to']);
  for (const { path, operation } of operations) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(named);
  }
});

test('a body names all of its fields', () => {
  const posts = operations.filter(({ method }) => method === 'post');
  expect(posts.length).toBeGreaterThan(8);
  for (const { operation } of posts)
    expect(operation.requestBody!.content['application/json'].schema.additionalProperties).toBe(false);
});
