import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { alignmentFailure } from '../../../services/analyzer/rules/alignment_failure.ts';
import { catalogueOf } from '../../../services/analyzer/senders/load.ts';
import { classify } from '../../../services/analyzer/sources/classes.ts';
import { identify, isOwnServer } from '../../../services/analyzer/sources/identity.ts';
import { isNetwork } from '../../../services/analyzer/sources/network.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import type { NetworkFacts } from '../../../services/store/sources/identities.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, REPORTERS, row, sourceWindow, span } from '../rows.ts';
import { expectLives } from './invented-sources.ts';

const catalogue = catalogueOf({ sendersFile: null });
const NET = '203.0.113.0/24';
const facts = (some: Partial<NetworkFacts> = {}): NetworkFacts => ({
  source: NET,
  messages: 100,
  passed: 0,
  answered: 0,
  organization: null,
  organization_addresses: 0,
  name: null,
  asn: null,
  owner: null,
  country: null,
  ...some,
});
const of = (source: string, rows: readonly SourceDay[] = [], known: NetworkFacts | null = null) =>
  identify({ domain: DOMAIN, source, rows }, known, catalogue).identity;

describe('a network that the own SPF record admits', () => {
  const admitted = facts({ admitted_by: 'ip4:203.0.113.0/24', passed: 90 });
  const by = {
    name: `own servers (${DOMAIN})`,
    identified_by: 'spf',
    grouped_as: DOMAIN,
    evidence: `The SPF record of ${DOMAIN} admits it by ip4:203.0.113.0/24.`,
  };

  test('is an own server, whether it passes or not, and whatever a hoster calls it', () => {
    for (const one of [
      admitted,
      { ...admitted, passed: 0 },
      { ...admitted, ...named('vps7.hoster.example', 'hoster.example') },
    ]) {
      expect(isOwnServer(DOMAIN, one, catalogue)).toBe(true);
      expect(of(NET, [], one)).toMatchObject(by);
    }
    expect(isOwnServer(DOMAIN, facts(), catalogue)).toBe(false);
  });

  test('keeps the name that says more: its own, or that of a service', () => {
    const own = { ...admitted, ...named(`mx.${DOMAIN}`, DOMAIN) };
    expect(of(NET, [], own)).toMatchObject({ identified_by: 'reverse_name', name: `own servers (${DOMAIN})` });
    const service = { ...admitted, ...named('o1.ptr42.sendgrid.net', 'sendgrid.net') };
    expect(of(NET, [], service)).toMatchObject({ grouped_as: 'sendgrid' });
    expect(isOwnServer(DOMAIN, service, catalogue)).toBe(false);
  });
});

const named = (name: string, organization: string) => ({ answered: 1, organization, organization_addresses: 1, name });

describe('a source is', () => {
  test('known by its signature, else by the domain that passes SPF', () => {
    const signed = [row(ago(1), 'foreign', 10, { source: 'sendgrid.net', signing_domain: 'sendgrid.net' })];
    expect(of('sendgrid.net', signed)).toMatchObject({
      name: catalogue.senders.get('sendgrid')!.name,
      identified_by: 'dkim',
      grouped_as: 'sendgrid',
      name_confidence: 0.95,
    });
    expect(of('sendgrid.net', [row(ago(1), 'foreignSpf', 10)])).toMatchObject({ identified_by: 'spf', grouped_as: 'sendgrid' });
    expect(of('crm.example', [row(ago(1), 'foreignSpf', 10)])).toEqual({
      source: 'crm.example',
      name: 'crm.example',
      identified_by: 'spf',
      evidence: 'SPF passes for crm.example.',
      name_confidence: 0.9,
      grouped_as: 'crm.example',
      asn: null,
      owner: null,
      country: null,
    });
  });

  test('one of several customers of a service, by a name of their own below that of the service', () => {
    const signed = (tenant: string) => [row(ago(1), 'foreignDkim', 10, { signing_domain: tenant })];
    const [ours, theirs] = ['ours.onmicrosoft.com', 'theirs.onmicrosoft.com'].map((tenant) => of(tenant, signed(tenant)));
    expect(ours!.grouped_as).not.toBe(theirs!.grouped_as);
    expect(ours!.name).toMatch(/\(ours\.onmicrosoft\.com\)$/);
  });

  test('known by the confirmed names of most of its addresses', () => {
    const named = facts({
      answered: 4,
      organization: 'crm.example',
      organization_addresses: 3,
      name: 'mail.crm.example',
      passed: 50,
    });
    expect(of(NET, [], named)).toMatchObject({
      source: NET,
      name: 'crm.example',
      identified_by: 'reverse_name',
      evidence: '3 of 4 addresses have confirmed reverse names under crm.example, such as mail.crm.example.',
      name_confidence: 0.64,
      grouped_as: 'crm.example',
    });
    expect(of(NET, [], facts({ ...named, organization: DOMAIN })).name).toBe(`own servers (${DOMAIN})`);
    expect(of(NET, [], facts({ ...named, organization: 'sendgrid.net', name: 'o1.ptr1.sendgrid.net' }))).toMatchObject({
      grouped_as: 'sendgrid',
      identified_by: 'reverse_name',
    });
    // Half of one house and half of others: no name.
    expect(of(NET, [], facts({ ...named, organization_addresses: 1, asn: 64_500, owner: 'Example Net' }))).toMatchObject({
      identified_by: 'asn',
      name: 'Example Net',
      grouped_as: 'AS64500',
    });
  });

  test('one of many, when nothing of it passes and it has no name; a name, or mail that passes, takes it out', () => {
    const mail = span(3, 0, 'unauthenticated', 5, REPORTERS, { source: NET });
    expect(of(NET, mail)).toMatchObject({ identified_by: 'unauthenticated', grouped_as: 'unauthenticated' });
    const home = facts({ answered: 2, asn: 64_500, owner: 'Isp Net' });
    expect(of(NET, mail, home).evidence).toBe(`Nothing from ${NET} passes, and its addresses have no name of their own.`);
    expect(of(NET, mail, { ...home, passed: 1 }).grouped_as).toBe('unauthenticated');
    expect(of(NET, mail, { ...home, passed: 10 }).grouped_as).toBe('AS64500');
    expect(of(NET, mail, { ...home, passed: 10, asn: null }).grouped_as).toBe(NET);
    expect(
      of(NET, mail, { ...home, organization: 'corp.example', organization_addresses: 2, name: 'crm.corp.example' }).grouped_as,
    ).toBe('corp.example');
    expect(of(NET, span(3, 0, 'list', 5, REPORTERS, { source: NET })).grouped_as).toBe(NET);
  });

  test('no network because it looks like one', () => {
    for (const network of [NET, '2001:db8:1::/48', '::/48']) expect(isNetwork(network), network).toBe(true);
    for (const other of ['1.2.3.4/33', '203.0.113.7/24', 'a/24', '203.0.113.0', 'x/y.example', '/', '', 'unknown']) {
      expect(isNetwork(other), other).toBe(false);
    }
  });
});

test('the catalogue knows a forwarder whose receivers say nothing: it is not a sender to set up', () => {
  const sender = [...catalogue.senders.values()].find((one) => one.kind === 'forwarder')!;
  for (const kind of ['foreignSpf', 'dkim'] as const) {
    const rows = span(10, 0, kind, 400);
    const known = sourceWindow(rows, { sender });
    expect(classify(sourceWindow(rows)).class, kind).not.toBe('forwarded');
    expect(classify(known)).toMatchObject({ class: 'forwarded', why: expect.stringContaining(`came through ${sender.name}`) });
    expect(classify(known).confidence).toBeLessThanOrEqual(0.8);
    expect(alignmentFailure.find(known).filter(({ severity }) => severity !== 'info')).toEqual([]);
  }
  expect(alignmentFailure.find(sourceWindow(span(10, 0, 'foreignSpf', 400)))).toHaveLength(1);
  // Mail that passes by SPF came from servers of the domain's own.
  expect(classify(sourceWindow(span(10, 0, 'both', 400), { sender })).class).toBe('authorized');
});

describe('in the database', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());
  const learn = async (address: string, organization: string | null, asn: number | null = null) => {
    await f.t.db.query(
      `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, asn, owner, looked_up_at)
       values ($1, '2026-01-01', '2026-05-29', $2, $3, $4, $5, $6, now())`,
      [address, organization && `mail.${organization}`, organization !== null, organization, asn, asn && `Net ${asn}`],
    );
  };
  const groups = async () =>
    (
      await f.t.db.query(
        'select grouped_as, name, class, identified_by, sources, messages, failed from dmarc.sender_groups where domain = $1 order by messages desc, grouped_as',
        [DOMAIN],
      )
    ).rows;

  test('a botnet is one sender, whatever the number of its networks, and a sender with two networks and a name is one', async () => {
    const many = Array.from({ length: 300 }, (_, i) => `198.18.${i % 250}.0/24`).filter((net, i, all) => all.indexOf(net) === i);
    for (const source of many) await f.put([row(ago(0), 'unauthenticated', 10, { source })]);
    for (const source of [NET, '2001:db8:7::/48']) await f.put(span(5, 0, 'both', 100, REPORTERS, { source }));
    await f.put(span(5, 0, 'foreign', 50));
    for (const address of ['203.0.113.7', '203.0.113.9', '2001:db8:7::1']) await learn(address, 'corp.example');
    await learn('203.0.114.1', 'other.example');
    await learn('198.18.1.1', null, 64_500);
    await f.analyze();
    expect(await groups()).toEqual([
      {
        grouped_as: 'corp.example',
        name: 'corp.example',
        class: 'authorized',
        identified_by: 'reverse_name',
        sources: 2,
        messages: 3600,
        failed: 0,
      },
      {
        grouped_as: 'unauthenticated',
        name: 'unauthenticated networks',
        class: 'unauthorized',
        identified_by: 'unauthenticated',
        sources: 250,
        messages: 2500,
        failed: 2500,
      },
      {
        grouped_as: 'service.example',
        name: 'service.example',
        class: 'misaligned',
        identified_by: 'dkim',
        sources: 1,
        messages: 900,
        failed: 900,
      },
    ]);
    const { rows } = await f.t.db.query(
      "select sum(messages)::int as messages, max(sources)::int as sources from dmarc.sender_group_days where domain = $1 and grouped_as = 'unauthenticated'",
      [DOMAIN],
    );
    expect(rows).toEqual([{ messages: 2500, sources: 250 }]);
  });

  test('a sender of many networks with a message each has the class of their sums', async () => {
    const nets = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `198.${prefix}.${i}.0/24`);
    for (const source of nets('18', 40)) await f.put([row(ago(0), 'unauthenticated', 1, { source })]);
    await f.put(span(5, 0, 'unauthenticated', 1, REPORTERS.slice(0, 1), { source: '198.18.50.0/24' }));
    await f.analyze();
    expect(await groups()).toMatchObject([{ grouped_as: 'unauthenticated', class: 'unauthorized', sources: 41 }]);
  });

  test('a few messages in all give a sender no class, and neither does a single network', async () => {
    for (const source of ['198.18.1.0/24', '198.18.2.0/24', '198.18.3.0/24'])
      await f.put([row(ago(0), 'unauthenticated', 1, { source })]);
    await f.put([row(ago(0), 'foreign', 2)]);
    await f.analyze();
    expect(await groups()).toMatchObject([
      { grouped_as: 'unauthenticated', class: 'unknown' },
      { grouped_as: 'service.example', class: 'unknown' },
    ]);
  });

  test('networks that pass a message or two belong to what most of their sender is known to be', async () => {
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      await f.put([row(ago(0), 'both', n === 1 ? 4 : 1, { source: `203.0.${n}.0/24` })]);
      await learn(`203.0.${n}.7`, 'corp.example');
    }
    await f.analyze();
    expect(await groups()).toMatchObject([{ grouped_as: 'corp.example', class: 'authorized', sources: 9 }]);
  });

  test('what is learned later renames a source when it is judged again', async () => {
    await f.put(span(5, 0, 'unauthenticated', 100, REPORTERS, { source: NET }));
    await f.analyze();
    expect(await groups()).toMatchObject([{ grouped_as: 'unauthenticated' }]);
    await learn('203.0.113.7', 'corp.example');
    await f.t.db.query('insert into ruawatch.analysis_work (domain, source) values ($1, $2)', [DOMAIN, NET]);
    await f.analyze();
    expect(await groups()).toMatchObject([{ grouped_as: 'corp.example', sources: 1 }]);
    const { rows } = await f.t.db.query('select name, why, evidence from dmarc.sources');
    expect(rows).toEqual([
      {
        name: 'corp.example',
        why: expect.stringContaining(
          '1 of 1 address has a confirmed reverse name under corp.example, such as mail.corp.example.',
        ),
        evidence: expect.any(String),
      },
    ]);
  });

  test('keys that look like a network and are none do not end the work of their domain', async () => {
    await f.put(span(3, 0, 'foreign', 50, REPORTERS, { source: '999.1.2.0/24' }));
    await f.put(span(3, 0, 'foreign', 50, REPORTERS, { source: 'x/y.example' }));
    await f.analyze();
    expect((await groups()).map((group) => group.grouped_as)).toEqual(['999.1.2.0/24', 'x/y.example']);
  });

  test('a domain that no trusted report tells of gets no name by what forged ones say, and loses none', async () => {
    await f.put(span(3, 0, 'foreign', 50));
    await f.t.db.query("update ruawatch.source_days set trust = 'bad'");
    await f.analyze();
    const identity = 'select identified_by, evidence, name, why from dmarc.sources';
    const unnamed = { identified_by: null, evidence: null, name: 'service.example' };
    expect((await f.t.db.query(identity)).rows).toEqual([
      { ...unnamed, why: expect.stringMatching(/^No trusted report[^.]*\.$/) },
    ]);
    await f.t.db.query("update ruawatch.source_days set trust = 'ok'");
    const again = () =>
      f.t.db.query('insert into ruawatch.analysis_work (domain, source) values ($1, $2)', [DOMAIN, 'service.example']);
    await again();
    await f.analyze();
    const named = { identified_by: 'dkim', evidence: 'A signature of service.example passes.', name: 'service.example' };
    expect((await f.t.db.query(identity)).rows).toMatchObject([named]);
    await f.t.db.query("update ruawatch.source_days set trust = 'bad'");
    await again();
    await f.analyze();
    expect((await f.t.db.query(identity)).rows).toMatchObject([named]);
  });
});

test('who invented sources are is as it was', () => expectLives('identity'));
