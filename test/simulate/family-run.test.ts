import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Family } from '../../simulate/families/family.ts';
import { printedFamilies } from '../../simulate/family-print.ts';
import { type Draw, drawOf } from '../../simulate/family-run.ts';
import { scoreOf } from '../../simulate/family-score.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

/** A flood of forged mail, and a service that was approved. */
const flood: Family = {
  name: 'flood',
  group: 'tuning',
  benign: false,
  source: 'RFC 9989',
  days: [42, 42],
  plant(site) {
    const domain = site.domain({ volume: 200, p: 'none', sp: null, usual: false });
    domain.senders.push(domain.ownServers({ mean: 100, hosts: 1, at: 'hetzner' }));
    domain.service('microsoft365', { mean: 60, aligned: 'both', networks: 1 });
    domain.approve(20, 'sendgrid');
    const flow = domain.forged({ mean: 300, addresses: site.internet.strangers(120, site.random), from: 36, to: 38 });
    domain.expect(
      { what: 'botnet', from: 36, to: 38, least: 'medium', says: [/heron/], never: [/no such words/] },
      { flows: [flow] },
    );
  },
};

let database: TestDatabase;
let draw: Draw;

beforeAll(async () => {
  database = await testDatabase();
  draw = await drawOf(database.db, flood, { seed: 1, draw: 1 });
});
afterAll(() => database.drop());

test('a flood of forged mail is found, on the evening of its first report', () => {
  const [own] = draw.judgements;
  expect(draw.judgements.map(({ system }) => system)).toEqual([
    'ruawatch',
    'DmarcAnalyzerApp',
    'dmarq',
    'helliott20',
    'trollByte',
  ]);
  expect(own!.found).toMatchObject([{ what: 'botnet', faint: false, delay: 0 }]);
});

test('what the alerter mailed can be read', () => {
  expect(draw.sent.length).toBeGreaterThan(0);
  for (const { subject, text } of draw.sent) {
    expect(subject).toMatch(/^\S/);
    expect(text).toContain('heron.example');
    expect(text).not.toMatch(/=\n|=3D|Content-Type/);
  }
});

test('the words of each mail are looked at', () => {
  expect(draw.wording.checks).toBeGreaterThanOrEqual(6);
  for (const fault of draw.wording.faults) expect(fault).not.toMatch(/no such words|heron\/ /);
});

test('networks have the names and owners that the world gives them', async () => {
  const { rows } = await database.db.query<{ names: string[] }>(
    `select array_agg(distinct grouped_as) as names from dmarc.sources where domain = 'heron.example'`,
  );
  expect(rows[0]!.names).toContain('heron.example');
});

test('an approval of the world is on the list of senders', async () => {
  const { rows } = await database.db.query('select source, is_service, verdict from dmarc.sender_list');
  expect(rows).toEqual([{ source: 'sendgrid', is_service: true, verdict: 'approved' }]);
});

test('the tables name the family, with intervals, beside the baselines', () => {
  const text = printedFamilies([draw]).join('\n');
  expect(text).toMatch(/^flood +1 +\d\.\d\d \(\d\.\d\d-\d\.\d\d\)/m);
  expect(text).toMatch(/^trollByte /m);
  const [own] = scoreOf('all', [draw]).systems;
  expect(own).toMatchObject({ worlds: 1, recall: { part: 1, of: 1, share: 1 } });
});
