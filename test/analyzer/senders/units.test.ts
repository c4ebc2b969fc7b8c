import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { catalogueOf } from '../../../services/analyzer/senders/load.ts';
import { senderOf } from '../../../services/analyzer/senders/units.ts';
import { networkOf } from '../../../services/report/address.ts';
import { isWeekend } from '../../../services/shared/days.ts';
import type { SeenSource } from '../../../services/store/analysis/senders.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { saveLookups } from '../../../services/store/sources/addresses.ts';
import { putSender } from '../../../services/store/sources/sender-list.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, REPORTERS, span } from '../rows.ts';

const catalogue = catalogueOf({ sendersFile: null });

describe('the sender of a source', () => {
  const seen = (some: Partial<SeenSource>) =>
    senderOf(
      {
        source: '198.51.100.0/24',
        name: null,
        identified_by: 'reverse_name',
        grouped_as: null,
        asn: null,
        class: 'authorized',
        examined_at: null,
        first_day: ago(5),
        last_day: ago(0),
        messages: 10,
        passed: 10,
        dkim_aligned: 10,
        spf_aligned: 10,
        ...some,
      },
      catalogue,
    );

  test('is its service, its own domain, or the domain of its names', () => {
    expect(seen({ grouped_as: 'microsoft-365' })).toBe('microsoft-365');
    expect(seen({ grouped_as: 'corp.example' })).toBe('corp.example');
    expect(seen({ source: 'crm.example', identified_by: 'dkim', grouped_as: 'crm.example' })).toBe('crm.example');
  });

  test('is the service where our name at it signs what is aligned, and that customer where it is not', () => {
    const tenant = { source: 'ours.onmicrosoft.com', identified_by: 'dkim', grouped_as: 'ours.onmicrosoft.com' };
    expect(seen(tenant)).toBe('microsoft-365');
    expect(seen({ ...tenant, passed: 0, class: 'misaligned' })).toBe('ours.onmicrosoft.com');
  });

  test.each([
    'amazonaws.com',
    'googleusercontent.com',
    'ovh.net',
    'hetzner.com',
    'your-server.de',
    'secureserver.net',
    'godaddy',
  ])('is the network by itself where the name is one of a cloud or hoster: %s', (grouped_as) =>
    expect(seen({ grouped_as })).toBe('198.51.100.0/24'),
  );

  test('is the source by itself where only the owner of the network is known, or it passes mail on', () => {
    expect(seen({ identified_by: 'asn', grouped_as: 'AS8075' })).toBe('198.51.100.0/24');
    expect(seen({ identified_by: 'unauthenticated', grouped_as: 'unauthenticated' })).toBe('198.51.100.0/24');
    expect(seen({ identified_by: null })).toBe('198.51.100.0/24');
    expect(seen({ grouped_as: 'google-workspace', class: 'forwarded' })).toBe('198.51.100.0/24');
  });
});

describe('findings about senders', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());
  const named = async (address: string, name: string, organization: string | null) => {
    await f.t.db.query(
      `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, looked_up_at)
       values ($1, '2026-01-01', '2026-05-29', $2, true, $3, now())`,
      [address, name, organization],
    );
  };
  const M365 = (n: number) => [`52.100.${n}.7`, `mail-${n}.outbound.protection.outlook.com`, 'outlook.com'] as const;
  const alarms = async () =>
    (await f.findings())
      .filter(({ kind, severity }) => ['new_source', 'volume_surge'].includes(kind) && severity !== 'info')
      .map(({ kind, subject }) => `${kind} ${subject}`);
  const pool = (n: number, from: number, kind: 'both' | 'dkim' | 'spf' = 'both', messages = 20): SourceDay[] =>
    span(from, 0, kind, messages, REPORTERS, { source: networkOf(M365(n)[0]) });

  test('a pool that gains a network a week is no news', async () => {
    for (let n = 1; n < 9; n++) await named(...M365(n));
    for (const n of [1, 2, 3]) await f.put(pool(n, 41));
    for (const [n, from] of [
      [4, 20],
      [5, 13],
      [6, 6],
      [7, 2],
    ] as const)
      await f.put(pool(n, from));
    await f.analyze();
    expect(await alarms()).toEqual([]);
  });

  test('nor is a pool of which the largest part came new within two weeks', async () => {
    for (let n = 1; n < 4; n++) await named(...M365(n));
    await f.put([...pool(1, 41, 'both', 5), ...pool(2, 6, 'both', 200), ...pool(3, 4, 'both', 200)]);
    await f.analyze();
    expect(await alarms()).not.toContainEqual(expect.stringMatching(/^new_source/));
  });

  test('a service used for the first time is one finding, whatever the number of its networks', async () => {
    await f.put(span(41, 0, 'both', 300, REPORTERS, { source: '192.0.2.0/24' }));
    for (let n = 1; n < 9; n++) await named(...M365(n));
    for (let n = 1; n < 9; n++) await f.put(pool(n, 5, 'spf', 40));
    await f.analyze();
    expect(await alarms()).toEqual(['new_source microsoft-365']);
    const [finding] = await f.findings();
    expect(finding!.evidence).toMatchObject({ senders: 8, messages: 8 * 6 * 40 * REPORTERS.length });
  });

  test('a network that only shares the owner or the name of a hoster with an old one is a sender by itself', async () => {
    await f.put(span(41, 0, 'both', 300, REPORTERS, { source: '192.0.2.0/24' }));
    await named('192.0.2.7', 'one.vps.ovh.net', 'ovh.net');
    await f.put(span(7, 0, 'spf', 40, REPORTERS, { source: '198.51.100.0/24' }));
    await named('198.51.100.7', 'two.vps.ovh.net', 'ovh.net');
    await f.analyze();
    expect(await alarms()).toEqual(['new_source 198.51.100.0/24']);
  });

  test('many new networks of one owner, each with too little, are one finding, whatever he has of old', async () => {
    await f.put(span(41, 0, 'both', 300, REPORTERS, { source: '192.0.2.0/24' }));
    await f.put(span(41, 0, 'spf', 30, REPORTERS, { source: '203.0.113.0/24' }));
    await named('203.0.113.7', 'old.vps.ovh.net', 'ovh.net');
    for (let n = 0; n < 9; n++) {
      await named(`198.51.${n}.7`, `vps${n}.ovh.net`, 'ovh.net');
      await f.put(span(7, 0, 'spf', 1, REPORTERS.slice(n % 2, (n % 2) + 2), { source: `198.51.${n}.0/24` }));
    }
    await f.analyze();
    expect(await alarms()).toEqual(['new_source ovh.net']);
    const [finding] = await f.findings();
    expect(finding!.evidence).toMatchObject({ senders: 9, messages: 9 * 8 * 2 });
    // One that grows is no other.
    await f.put(span(0, 0, 'spf', 30, ['gmx.net'], { source: '198.51.3.0/24' }));
    await f.analyze();
    expect(await alarms()).toEqual(['new_source ovh.net']);
  });

  test('a surge over many networks of a service is one finding about the service', async () => {
    for (let n = 1; n < 12; n++) {
      await named(...M365(n));
      const source = networkOf(M365(n)[0]);
      await f.put([...span(41, 1, 'both', 3, REPORTERS, { source }), ...span(0, 0, 'both', 70, REPORTERS, { source })]);
    }
    await f.put(span(41, 0, 'both', 100, REPORTERS, { source: '192.0.2.0/24' }));
    await f.analyze();
    expect(await alarms()).toEqual(['volume_surge microsoft-365']);
    const [finding] = await f.findings();
    expect(finding).toMatchObject({ severity: 'medium', evidence: { senders: 11, messages: 11 * 70 * REPORTERS.length } });
    const { what, advice } = finding!.evidence as unknown as { what: string; advice: string[] };
    expect(what).toMatch(/through Microsoft 365 from 11 networks .* most likely an account that was taken over/);
    for (const where of ['message trace', 'sign-in log', 'inbox rules', 'connectors']) expect(advice.join(' ')).toContain(where);
  });

  test('people write on weekdays: what is much on a Sunday is held against Sundays', async () => {
    await named(...M365(1));
    const source = networkOf(M365(1)[0]);
    const weekly = span(41, 0, 'both', 500, REPORTERS, { source }).map((row) => {
      const n = isWeekend(row.day) ? (row.day === '2026-05-24' ? 700 : 3) : 500;
      return { ...row, messages: n, passed: n, dkim_aligned: n, spf_aligned: n, delivered: n };
    });
    await f.put([...weekly, ...span(41, 0, 'both', 20, REPORTERS, { source: '192.0.2.0/24' })]);
    await f.analyze();
    expect(await alarms()).toEqual(['volume_surge microsoft-365']);
  });

  test('a campaign through a service that is made for campaigns is for information', async () => {
    const source = 'mcsv.net';
    await f.put([...span(41, 1, 'dkim', 50, REPORTERS, { source }), ...span(0, 0, 'dkim', 450, REPORTERS, { source })]);
    await f.put(span(41, 0, 'both', 100, REPORTERS, { source: '192.0.2.0/24' }));
    await f.analyze();
    expect(await alarms()).toEqual([]);
    expect((await f.findings()).map(({ kind, severity }) => `${kind} ${severity}`)).toEqual(['volume_surge info']);
  });

  test('an approved service covers the aligned mail of all networks that its names make a part of it', async () => {
    for (let n = 1; n < 4; n++) await named(...M365(n));
    await f.put(span(41, 0, 'both', 300, REPORTERS, { source: '192.0.2.0/24' }));
    await f.put([...pool(1, 5), ...span(5, 0, 'unauthenticated', 20, REPORTERS, { source: networkOf(M365(2)[0]) })]);
    await f.analyze();
    const subject = { domain: DOMAIN, source: 'microsoft-365', service: { domains: ['outlook.com'] } };
    const word = { by: 'ada', why: 'our mail' };
    expect(await putSender(f.t.db, subject, { verdict: 'approved', word, until: null }, f.context.clock.now())).toBe(2);
    await f.put(pool(3, 3));
    await f.analyze();
    const { rows } = await f.t.db.query(
      "select source, class, confidence = 1 as said from ruawatch.sources where source like '52.%' order by source",
    );
    expect(rows).toEqual([
      { source: '52.100.1.0/24', class: 'authorized', said: true },
      { source: '52.100.2.0/24', class: 'unauthorized', said: false },
      { source: '52.100.3.0/24', class: 'authorized', said: true },
    ]);
    const about = (await f.findings()).filter(({ state }) => state === 'open').map(({ kind }) => kind);
    expect(about).toEqual(['unauthorized_source']);
  });

  test('a new network waits some hours for its name, and not for ever', async () => {
    f.context.config.analyzer.wait_for_names_hours = 6;
    await named(...M365(1));
    await f.put([...pool(1, 41), ...pool(2, 5, 'both', 3), ...span(5, 0, 'spf', 40, REPORTERS, { source: '198.51.100.0/24' })]);
    await f.analyze();
    expect(await alarms()).toEqual([]);
    // The enricher's answer brings the network back to the analyzer; one that has no name is a finding then.
    await f.t.db.query(
      'insert into ruawatch.addresses (address, first_seen, last_seen, next_at) select a::inet, $2, $2, $3 from unnest($1::text[]) a',
      [['52.100.2.7', '198.51.100.7'], ago(0), f.context.clock.now()],
    );
    const answer = (address: string, name: string | null, organization: string | null) => ({
      address,
      names: { name, confirmed: name !== null, generic: false, organization },
      error: null,
      owner: null,
      next_at: f.context.clock.now(),
    });
    const now = f.context.clock.now();
    expect(await saveLookups(f.t.db, now, [answer(...M365(2)), answer('198.51.100.7', null, null)], networkOf)).toBe(2);
    await f.analyze();
    expect(await alarms()).toEqual(['new_source 198.51.100.0/24']);
  });

  test('a new network whose name nobody can look up is a finding after the wait', async () => {
    f.context.config.analyzer.wait_for_names_hours = 6;
    await f.put([...span(41, 0, 'both', 300, REPORTERS, { source: '192.0.2.0/24' }), ...pool(2, 5, 'spf')]);
    await f.analyze();
    expect(await alarms()).toEqual([]);
    f.setNow(new Date(f.context.clock.now().getTime() + 7 * 3_600_000));
    await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
    await f.analyze();
    expect(await alarms()).toEqual(['new_source 52.100.2.0/24']);
  });

  test('an own server that fails is not forged mail; a stranger beside it is', async () => {
    await f.put(span(41, 0, 'both', 300, REPORTERS, { source: '192.0.2.0/24' }));
    for (const source of ['198.51.100.0/24', '203.0.113.0/24'])
      await f.put(span(3, 0, 'unauthenticated', 40, REPORTERS, { source }));
    await named('198.51.100.7', 'host7.example.com', 'example.com');
    await named('203.0.113.7', 'host7.stranger.example', 'stranger.example');
    await f.analyze();
    const about = (await f.findings()).map(({ kind, subject, evidence }) => [
      kind,
      subject,
      (evidence.who as { source: string }[]).map((one) => one.source),
    ]);
    expect(about.sort()).toEqual([
      ['alignment_failure', '198.51.100.0/24', ['198.51.100.0/24']],
      ['unauthorized_source', DOMAIN, ['203.0.113.0/24']],
    ]);
    const { rows } = await f.t.db.query("select class, why from ruawatch.sources where source = '198.51.100.0/24'");
    expect(rows).toMatchObject([{ class: 'misaligned', why: expect.stringContaining('an own server that is not set up') }]);
    const own = (await f.findings()).find(({ kind }) => kind === 'alignment_failure')!;
    expect(JSON.stringify(own.evidence)).not.toMatch(/forged/);
  });

  test('what was new by itself joins the sender that its names make it a part of', async () => {
    await named(...M365(1));
    await f.put(pool(1, 41));
    await f.put(span(5, 0, 'spf', 40, REPORTERS, { source: '198.51.100.0/24' }));
    await f.analyze();
    expect(await alarms()).toEqual(['new_source 198.51.100.0/24']);
    await named('198.51.100.7', 'mail-9.outbound.protection.outlook.com', 'outlook.com');
    await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '198.51.100.0/24')", [DOMAIN]);
    await f.analyze();
    const found = (await f.findings()).filter(({ kind }) => kind === 'new_source');
    expect(found).toMatchObject([{ subject: '198.51.100.0/24', state: 'resolved' }]);
    expect(found[0]!.evidence.resolved_why).toBe('It belongs to Microsoft 365, which is known.');
  });
});
