import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { networkOf } from '../../../services/report/address.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { DOMAIN, REPORTERS, span, wordsFor } from '../rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
  await f.put(span(41, 0, 'both', 300, REPORTERS, { source: '192.0.2.0/24' }));
});
afterEach(() => f.close());

/** An address of a provider's, with the name that it gave it. */
async function named(address: string, name: string): Promise<string> {
  await f.t.db.query(
    `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, looked_up_at)
     values ($1, '2026-01-01', '2026-05-29', $2, true, $3, now())`,
    [address, name, name.split('.').slice(-2).join('.')],
  );
  return networkOf(address)!;
}
const microsoft = (n: number) => named(`40.107.${n}.7`, `mail-x${n}.outbound.protection.outlook.com`);
const open = async () => (await f.findings()).filter(({ state }) => state === 'open');

describe('mail that nothing authenticates, from a service through which mail of the domain passes', () => {
  test('by SPF alone is our own, from networks that the record does not list', async () => {
    await f.put(span(41, 0, 'spf', 200, REPORTERS, { source: await microsoft(1) }));
    await f.analyze();
    const added = [await microsoft(2), await microsoft(3)];
    for (const source of added) await f.put(span(4, 0, 'unauthenticated', 60, REPORTERS, { source }));
    await f.analyze();
    const found = await open();
    expect(found.map(({ kind }) => kind)).not.toContain('unauthorized_source');
    const about = found.filter(({ kind }) => kind === 'alignment_failure');
    expect(about.length).toBeGreaterThan(0);
    expect(about[0]!.evidence.facts).toMatchObject({
      outgrown: { name: 'Microsoft 365', include: 'spf.protection.outlook.com' },
    });
    expect(about.find(({ evidence }) => evidence.senders === 2)?.evidence).toMatchObject({
      messages: 2 * 5 * 60 * REPORTERS.length,
    });
    const { title, advice } = wordsFor({ ...about.find(({ evidence }) => evidence.senders === 2)!, domain: DOMAIN } as never);
    expect(title).toBe('SPF of example.com lacks 2 networks of Microsoft 365');
    expect(advice[0]).toContain('include:spf.protection.outlook.com');
    const { rows } = await f.t.db.query('select distinct class from dmarc.sources where source = any($1)', [added]);
    expect(rows).toEqual([{ class: 'misaligned' }]);
    expect((await f.events()).filter(({ notify }) => notify)).toHaveLength(1);
  });

  test('by its signature is not ours: what is unsigned there is forged', async () => {
    await f.put(span(41, 0, 'both', 200, REPORTERS, { source: await microsoft(1) }));
    await f.analyze();
    await f.put(span(4, 0, 'unauthenticated', 60, REPORTERS, { source: await microsoft(2) }));
    await f.analyze();
    const found = (await open()).find(({ kind }) => kind === 'unauthorized_source')!;
    const network = '40.107.2.0/24';
    expect(found.evidence.facts).toMatchObject({ services: [{ name: 'Microsoft 365', networks: [network] }] });
    const advice = wordsFor({ ...found, domain: DOMAIN } as never).advice.join(' ');
    expect(advice).toContain(`sends through Microsoft 365, to which ${network} belongs`);
    expect(advice).not.toMatch(/nothing else to do|forges your domain/);
  });

  test('is not forged after all where its name becomes known after the alarm, and nobody is mailed', async () => {
    await f.put(span(41, 0, 'spf', 200, REPORTERS, { source: await microsoft(1) }));
    await f.analyze();
    const through = { rejected: 0, delivered: 400, failed_delivered: 400 };
    await f.put(span(4, 0, 'unauthenticated', 400, REPORTERS, { source: '40.107.2.0/24', ...through }));
    await f.analyze();
    expect((await open()).map(({ kind }) => kind)).toContain('unauthorized_source');
    const source = await microsoft(2);
    await f.t.db.query('insert into ruawatch.analysis_work (domain, source) values ($1, $2)', [DOMAIN, source]);
    await f.analyze();
    const [told] = (await f.findings()).filter(({ kind }) => kind === 'unauthorized_source');
    expect(told).toMatchObject({ state: 'resolved', evidence: { ended: { reason: 'own_sender' } } });
    expect((await open()).map(({ kind }) => kind)).toEqual(['alignment_failure']);
  });

  test('is forged where the domain has no mail through that service', async () => {
    await f.put(span(4, 0, 'unauthenticated', 60, REPORTERS, { source: await microsoft(2) }));
    await f.analyze();
    expect((await open()).map(({ kind }) => kind)).toEqual(['unauthorized_source']);
  });
});
