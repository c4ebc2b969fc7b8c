import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fixture, fixture } from '../fixture.ts';
import { REPORTERS, row, span, TODAY } from '../rows.ts';
import { expectLives } from './invented-senders.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f?.close());

const OWN = '192.0.2.0/24';
const unaligned = (source: string, n: number, from = 11) =>
  span(from, 0, 'foreign', n, REPORTERS, { source, signing_domain: source });
const mailed = async () => {
  const subjects = new Map((await f.findings()).map(({ finding_key, subject }) => [finding_key, subject]));
  return (await f.events())
    .filter(({ notify }) => notify)
    .map(({ event, finding_key }) => `${event} ${subjects.get(finding_key)}`);
};

describe('a service that is not set up', () => {
  test('is mailed once for all its domains, by the largest', async () => {
    await f.put([
      ...span(41, 0, 'both', 500, REPORTERS, { source: OWN }),
      ...unaligned('emsd1.com', 50),
      ...unaligned('acems1.com', 20),
    ]);
    await f.analyze();
    expect((await f.findings()).map(({ kind, state }) => `${kind} ${state}`)).toEqual(Array(2).fill('alignment_failure open'));
    expect(await mailed()).toEqual(['opened emsd1.com']);
    // Nor is the second mailed when it is looked at again.
    await f.put([row(TODAY, 'foreign', 1, { source: 'acems1.com', signing_domain: 'acems1.com', reporter: 'late.example' })]);
    await f.analyze();
    expect(await mailed()).toEqual(['opened emsd1.com']);
  });

  test('is mailed no more when another of its domains comes later', async () => {
    await f.put([...span(41, 0, 'both', 500, REPORTERS, { source: OWN }), ...unaligned('emsd1.com', 50)]);
    await f.analyze();
    await f.put(unaligned('acems1.com', 20));
    await f.analyze();
    expect(await mailed()).toEqual(['opened emsd1.com']);
  });

  test('is another than another service, and its customers are others too', async () => {
    const tenants = ['ours.onmicrosoft.com', 'theirs.onmicrosoft.com'];
    await f.put([
      ...span(41, 0, 'both', 500, REPORTERS, { source: OWN }),
      ...['emsd1.com', 'crm.example', ...tenants].flatMap((source) => unaligned(source, 50)),
    ]);
    await f.analyze();
    expect((await mailed()).sort()).toEqual(['crm.example', ...tenants, 'emsd1.com'].sort().map((one) => `opened ${one}`));
  });
});

test('a network that breaks after another of the same sender joins the finding in silence', async () => {
  const tenant = (from: number, to: number, n: number, kind: 'dkim' | 'foreign', source: string) =>
    span(from, to, kind, n, REPORTERS, { source, signing_domain: kind === 'foreign' ? source : null });
  await f.put([
    ...span(41, 0, 'both', 500, REPORTERS, { source: OWN }),
    ...['emsd1.com', 'acems1.com', 'crm.example'].flatMap((source) => tenant(41, 6, 50, 'dkim', source)),
    ...tenant(5, 0, 50, 'foreign', 'emsd1.com'),
    ...tenant(5, 4, 50, 'dkim', 'acems1.com'),
    ...tenant(5, 4, 50, 'dkim', 'crm.example'),
  ]);
  await f.analyze();
  expect(await mailed()).toEqual(['opened dkim']);
  await f.put(tenant(3, 0, 50, 'foreign', 'acems1.com'));
  await f.analyze();
  expect((await f.findings())[0]!.evidence.broken).toMatchObject([
    { source: 'emsd1.com', sender: 'activecampaign' },
    { source: 'acems1.com', sender: 'activecampaign' },
  ]);
  expect(await mailed()).toEqual(['opened dkim']);
  await f.put(tenant(3, 0, 50, 'foreign', 'crm.example'));
  await f.analyze();
  expect(await mailed()).toEqual(['opened dkim', 'changed dkim']);
});

test('which invented siblings are quiet is as it was', () => expectLives('siblings'));
