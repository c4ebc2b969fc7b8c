import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { SERVICE_NAMES } from '../../services/cli/commands/start.ts';

const CHART = path.resolve(import.meta.dirname, '../../deploy/helm/ruawatch');
const text = (file: string) => readFileSync(path.join(CHART, file), 'utf8');
const schema = JSON.parse(text('values.schema.json'));
const values = parse(text('values.yaml')) as Record<string, Record<string, unknown>>;
const sets = readdirSync(path.join(CHART, 'ci')).sort();

const check = new Ajv({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }).compile(schema);
/** What is wrong with values: "/path message". */
const mistakes = (given: unknown) => (check(given) ? [] : check.errors!.map((one) => `${one.instancePath} ${one.message}`));

/** Every object of the schema that lists its keys. */
function* objects(node: unknown, at = ''): Generator<[string, Record<string, unknown>]> {
  if (typeof node !== 'object' || node === null) return;
  const one = node as Record<string, unknown>;
  if (one.properties !== undefined) yield [at, one];
  for (const [key, child] of Object.entries(one)) yield* objects(child, `${at}/${key}`);
}

describe('the values of the chart', () => {
  test.each(['values.yaml', ...sets.map((name) => `ci/${name}`)])('%s fits the schema', (file) => {
    expect(mistakes(parse(text(file)))).toEqual([]);
  });

  test('five sets are rendered by CI', () => {
    expect(sets).toEqual(['full.yaml', 'hpa.yaml', 'minimal.yaml', 'one-login.yaml', 'openshift.yaml']);
  });

  test('have every service of the program, and every key of the schema', () => {
    expect(Object.keys(values.services!)).toEqual(expect.arrayContaining([...SERVICE_NAMES]));
    // What the program does not have yet is switched off.
    for (const [name, service] of Object.entries(values.services as Record<string, { enabled: boolean }>))
      if (!(SERVICE_NAMES as string[]).includes(name)) expect(service.enabled, name).toBe(false);
    expect([...Object.keys(values), 'global'].sort()).toEqual(Object.keys(schema.properties).sort());
  });

  test('every object that lists its keys refuses others', () => {
    for (const [at, one] of objects(schema)) expect(one.additionalProperties, at).toBe(false);
  });

  test.each([
    [{ pollers: {} }, ' must NOT have additional properties'],
    [{ services: { reader: {} } }, '/services must NOT have additional properties'],
    [{ services: { poller: { replica: 2 } } }, '/services/poller must NOT have additional properties'],
    [{ services: { poller: { replicas: '2' } } }, '/services/poller/replicas must be integer'],
    [{ database: { existingSecret: '' } }, '/database/existingSecret must NOT have fewer than 1 characters'],
    [{ database: { url: 'postgres://u:p@h/d' } }, '/database must NOT have additional properties'],
    [{ settings: { IMAP_URL: 'imaps://u:p@h' } }, '/settings must NOT be valid'],
    [{ services: { parser: { settings: { DATABASE_URL: 'x' } } } }, '/services/parser/settings must NOT be valid'],
    [{ redis: { url: 'redis://:secret@host:6379' } }, '/redis/url must match pattern'],
    [{ image: { digest: 'latest' } }, '/image/digest must match pattern'],
    [{ autoscaling: { mode: 'on' } }, '/autoscaling/mode must be equal to one of the allowed values'],
    [{ console: { url: 'ruawatch.example.org' } }, '/console/url must match pattern'],
    [{ dkim: { secrets: ['a'] } }, '/dkim must NOT have additional properties'],
    [{ imagePullSecrets: [{ name: '' }] }, '/imagePullSecrets/0/name must NOT have fewer than 1 characters'],
    [{ networkPolicy: { imap: { ports: [] } } }, '/networkPolicy/imap/ports must NOT have fewer than 1 items'],
    [{ networkPolicy: { imap: { ports: ['993'] } } }, '/networkPolicy/imap/ports/0 must be integer'],
    [{ networkPolicy: { scrapers: [{}] } }, '/networkPolicy/scrapers/0 must NOT have fewer than 1 properties'],
    [{ defaults: { resources: { request: {} } } }, '/defaults/resources must NOT have additional properties'],
    [{ defaults: { resources: { limits: { memory: '1 GB' } } } }, '/defaults/resources/limits/memory must match'],
  ])('refuse %j', (given, said) => {
    expect(mistakes(given).join('\n')).toContain(said);
  });

  test.each([
    { redis: { url: 'rediss://redis.example.org:6380/0' } },
    { image: { repository: 'registry.example.org:5000/mail/ruawatch', tag: '', digest: `sha256:${'0'.repeat(64)}` } },
    { services: { parser: { resources: { limits: { cpu: 2, memory: '1Gi' } } } } },
    { settings: { domains: ['example.org'], retention: { raw_days: 30 } } },
    { global: { anything: true } },
  ])('take %j', (given) => {
    expect(mistakes(given)).toEqual([]);
  });
});

test('alerts and dashboards of the chart are those of deploy/, not copies', () => {
  for (const link of ['files/alerts.yaml', 'files/grafana'])
    expect(lstatSync(path.join(CHART, link)).isSymbolicLink()).toBe(true);
  expect(text('files/alerts.yaml')).toBe(readFileSync(path.resolve(CHART, '../../prometheus/alerts.yaml'), 'utf8'));
  expect(readdirSync(path.join(CHART, 'files/grafana'))).toEqual(readdirSync(path.resolve(CHART, '../../grafana')));
});

test('the version of the chart and of the program are those of package.json', () => {
  const { version } = JSON.parse(readFileSync(path.resolve(CHART, '../../../package.json'), 'utf8'));
  expect(parse(text('Chart.yaml'))).toMatchObject({ version, appVersion: version });
});
