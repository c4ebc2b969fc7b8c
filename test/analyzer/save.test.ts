import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { networkOf } from '../../services/report/address.ts';
import { type Names, saveLookups } from '../../services/store/sources/addresses.ts';
import { type Fixture, fixture } from './fixture.ts';
import { ago, span } from './rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f?.close());

/** What the enricher writes of addresses. */
async function lookedUp(
  addresses: Record<string, Partial<Names> & { asn?: number; owner?: string; country?: string }>,
): Promise<void> {
  await f.t.db.query(
    'insert into ruawatch.addresses (address, first_seen, last_seen, next_at) select a::inet, $2, $2, $3 from unnest($1::text[]) a',
    [Object.keys(addresses), ago(0), f.context.clock.now()],
  );
  const looks = Object.entries(addresses).map(([address, { asn = null, owner = null, country = null, ...names }]) => ({
    address,
    names: { name: null, confirmed: false, generic: false, organization: null, ...names },
    error: null,
    owner: { asn, owner, country },
    next_at: f.context.clock.now(),
  }));
  await saveLookups(f.t.db, f.context.clock.now(), looks, networkOf);
}
const whoOf = async (kind: string) => (await f.findings()).find((finding) => finding.kind === kind)?.evidence.who;
const named = (name: string, organization: string) => ({ name, confirmed: true, organization });

describe('the evidence of a finding describes', () => {
  test('forging networks by their owner and country', async () => {
    await lookedUp({
      '203.0.113.7': { asn: 24_940, owner: 'Hetzner', country: 'DE' },
      '203.0.113.8': { asn: 24_940, owner: 'Hetzner', country: 'DE' },
    });
    await f.put(span(40, 0, 'both', 100));
    await f.put(span(1, 0, 'unauthenticated', 200, undefined, { source: '203.0.113.0/24' }));
    await f.put(span(1, 0, 'unauthenticated', 100, undefined, { source: '198.51.100.0/24' }));
    await f.analyze();
    expect(await whoOf('unauthorized_source')).toEqual([
      { source: '203.0.113.0/24', messages: 1200, delivered: 0, asn: 24_940, owner: 'Hetzner', country: 'DE' },
      { source: '198.51.100.0/24', messages: 600, delivered: 0 },
    ]);
  });

  test('a network by the confirmed name of its addresses and by the service, as far as the catalogue knows it', async () => {
    const sendgrid = named('o1.ptr1234.sendgrid.net', 'sendgrid.net');
    await lookedUp({
      '203.0.113.7': { ...sendgrid, asn: 11_377, owner: 'SendGrid', country: 'US' },
      '198.51.100.7': named('mail.crm.example', 'crm.example'),
    });
    await f.put(span(40, 0, 'both', 100));
    await f.put(span(1, 0, 'unauthenticated', 200, undefined, { source: '203.0.113.0/24' }));
    await f.put(span(1, 0, 'unauthenticated', 100, undefined, { source: '198.51.100.0/24' }));
    await f.analyze();
    expect(await whoOf('unauthorized_source')).toMatchObject([
      { host: 'o1.ptr1234.sendgrid.net', service: expect.stringContaining('SendGrid'), asn: 11_377, country: 'US' },
      { host: 'mail.crm.example' },
    ]);
  });

  test('nothing by a name that its owner merely claims', async () => {
    await lookedUp({ '203.0.113.7': { name: 'mail.bank.example', country: 'DE' } });
    await f.put(span(40, 0, 'both', 100));
    await f.put(span(1, 0, 'unauthenticated', 200, undefined, { source: '203.0.113.0/24' }));
    await f.analyze();
    expect(await whoOf('unauthorized_source')).toEqual([
      { source: '203.0.113.0/24', messages: 1200, delivered: 0, country: 'DE' },
    ]);
  });

  test('the newest knowledge, and no change is mailed for it', async () => {
    await f.put(span(40, 0, 'both', 100));
    await f.put(span(1, 0, 'unauthenticated', 200, undefined, { source: '203.0.113.0/24' }));
    await f.analyze();
    const before = await f.events();
    await lookedUp({
      '203.0.113.7': { ...named('mail.crm.example', 'crm.example'), asn: 24_940, owner: 'Hetzner', country: 'DE' },
    });
    await f.analyze();
    expect(await whoOf('unauthorized_source')).toMatchObject([{ host: 'mail.crm.example', country: 'DE' }]);
    expect(await f.events()).toEqual(before);
  });
});

test('dmarc.sources shows the owner and country of a network', async () => {
  await lookedUp({ '203.0.113.7': { asn: 24_940, owner: 'Hetzner', country: 'DE' } });
  await f.put(span(3, 0, 'spf', 20, undefined, { source: '203.0.113.0/24' }));
  await f.put(span(3, 0, 'spf', 20, undefined, { source: 'crm.example' }));
  await f.analyze();
  const { rows } = await f.t.db.query('select source, asn, owner, country, evidence from dmarc.sources order by source');
  expect(rows).toMatchObject([
    {
      source: '203.0.113.0/24',
      asn: 24_940,
      owner: 'Hetzner',
      country: 'DE',
      evidence: 'Its network belongs to AS24940 (Hetzner, DE).',
    },
    { source: 'crm.example', asn: null, owner: null, country: null },
  ]);
});
