import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { alignmentFailure } from '../../../services/analyzer/rules/alignment_failure.ts';
import { examineSender } from '../../../services/analyzer/rules/authentication_regression.ts';
import { BrokenSenders } from '../../../services/analyzer/rules/broken_senders.ts';
import type { SourceWindow } from '../../../services/analyzer/rules/window.ts';
import type { Sender } from '../../../services/analyzer/senders/catalogue.ts';
import { classify } from '../../../services/analyzer/sources/classes.ts';
import { handfulOf } from '../../../services/analyzer/sources/relays.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadRelayed } from '../../../services/store/analysis/relayed.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, domainDays, REPORTERS, sourceWindow, span, TODAY, wordsFor } from '../rows.ts';
import { expectLives } from './invented-sources.ts';

const LIST = { source: 'list-host.example' };
const list = (n: number, extra: Partial<SourceDay> = {}) => span(20, 0, 'foreignSpf', n, REPORTERS, { ...LIST, ...extra });
const sumOf = (rows: readonly SourceDay[]) => rows.reduce((n, row) => n + row.messages, 0);
const service = (kind: Sender['kind']): Sender => ({
  id: 'some',
  name: 'Some Service',
  kind,
  dkim_domains: [],
  spf_domains: ['list-host.example'],
  include: [],
  reverse_suffixes: [],
  align: 'Publish its CNAMEs.',
  source: null,
  checked: null,
  records: [],
});

test('a sender that signs as the domain is none for the few of its signatures that break on the way', () => {
  const rows = [...span(20, 0, 'dkim', 400, REPORTERS, LIST), ...list(2, { failed_signed: 2 })];
  const of = {
    reporterDays: rows.map(({ reporter, day, messages }) => ({ reporter, day, messages })),
    domainDays: domainDays(rows),
  };
  const found = classify(sourceWindow(rows, { relayed: sumOf(list(2)), ...of } as never));
  expect(found.class).toBe('authorized');
  // What mostly fails so is passed on, and so is the rest of it.
  const relayed = [...span(20, 0, 'dkim', 10, REPORTERS, LIST), ...list(30, { failed_signed: 30 })];
  expect(classify(sourceWindow(relayed, { relayed: sumOf(list(30)) })).class).toBe('forwarded');
});

describe('a list or forwarder that keeps From', () => {
  const ways: [string, (n: number) => [SourceDay[], Partial<SourceWindow>]][] = [
    ["its author's signature verifies elsewhere", (n) => [list(n, { failed_signed: n }), { relayed: 63 * n }]],
    ['its envelope is that of a list', (n) => [list(n, { failed_list: n }), {}]],
    ['receivers say so', (n) => [span(20, 0, 'list', n, REPORTERS, LIST), {}]],
    [
      'one of three receivers says so',
      (n) => [
        [...span(20, 0, 'list', n, ['google.com'], LIST), ...span(20, 0, 'foreignSpf', n, ['yahoo.com', 'gmx.net'], LIST)],
        {},
      ],
    ],
    ['the catalogue knows it', (n) => [list(n), { sender: service('mailing_list') }]],
  ];
  test.each(ways)('%s: it is forwarded and for information, whatever its share of the mail', (_, made) => {
    for (const n of [2, 30, 2000]) {
      const [rows, extra] = made(n);
      const window = sourceWindow(rows, { ...extra, domainDays: domainDays(rows, 300) });
      expect(classify(window)).toMatchObject({ class: 'forwarded' });
      const [finding] = alignmentFailure.find(window);
      expect(finding).toMatchObject({
        severity: 'info',
        lasting: true,
        evidence: { messages: sumOf(rows.filter((row) => row.day >= finding!.first_day)) },
      });
      const { title, advice } = wordsFor(finding);
      expect(title).toBe(`list-host.example forwards mail of ${DOMAIN} and keeps its From`);
      expect(advice.join(' ')).not.toMatch(/report the abuse|custom DKIM|CNAME/);
      expect(advice.join(' ')).toMatch(/RFC 9989 section 7\.4/);
    }
  });

  test('a list that begins to change mail is no sender that broke', () => {
    const rows = [
      ...span(41, 10, 'dkim', 20, REPORTERS, LIST),
      ...span(9, 0, 'foreignSpf', 20, REPORTERS, { ...LIST, failed_signed: 20 }),
    ];
    const broken = (relayed: number) => {
      const senders = new BrokenSenders(DOMAIN, TODAY, []);
      examineSender(senders, sourceWindow(rows, { relayed }));
      return senders.candidates(null);
    };
    expect(broken(600)).toEqual([]);
    // The key verifies nowhere.
    expect(broken(0)).toHaveLength(1);
  });
});

describe('honest twins', () => {
  const twins: [string, SourceDay[], Partial<SourceWindow>][] = [
    ['a service that was never set up', list(30), {}],
    ['a service whose own key is wrong, and which nobody else signs with', list(30, { failed_signed: 30 }), { relayed: 0 }],
    ['a service some of whose mail was forwarded', list(30, { failed_signed: 5 }), { relayed: 5 * 63 }],
    ['a mail service of the catalogue', list(30, { failed_signed: 30 }), { relayed: 30 * 63, sender: service('bulk') }],
  ];
  test.each(twins)('%s is misaligned, and its advice is to set it up', (_, rows, extra) => {
    const window = sourceWindow(rows, extra);
    expect(classify(window)).toMatchObject({ class: 'misaligned' });
    expect(alignmentFailure.find(window)[0]).toMatchObject({ severity: 'medium' });
  });

  test('forged mail that nothing authenticates is not excused by a copied signature', () => {
    const rows = span(20, 0, 'unauthenticated', 30, REPORTERS, { source: '203.0.113.0/24', failed_signed: 30, failed_list: 30 });
    expect(classify(sourceWindow(rows, { relayed: 30 * 63 }))).toMatchObject({ class: 'unauthorized' });
  });
});

describe("a receiver's security gateway that changes the mail", () => {
  const GATEWAY = '195.130.217.0/24';
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
    await f.put(span(41, 0, 'both', 300));
  });
  afterEach(() => f.close());

  /** Its mail in the week, under a key that verifies elsewhere or not, from an address with this name. */
  const handOn = async (name: string, { n = 5, elsewhere = true, confirmed = true, signed = true } = {}) => {
    const rows = span(6, 0, 'unauthenticated', n, REPORTERS, { source: GATEWAY, failed_signed: signed ? n : 0 });
    await f.put(rows);
    const organization = name.split('.').slice(-2).join('.');
    await f.t.db.query(
      `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, looked_up_at)
       values ('195.130.217.7', '2026-01-01', '2026-05-29', $1, $2, $3, now())`,
      [name, confirmed, confirmed ? organization : null],
    );
    const keys = [...(signed ? [[GATEWAY, n, 0]] : []), ['service.example', 100, elsewhere ? 100 : 0]] as const;
    for (const [source, messages, passed] of keys)
      await f.t.db.query(
        `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
         select $1, $2, $1, 's1', day::date, reporter, 'ok', $3, $4
           from generate_series($5::date, $6::date, interval '1 day') day, unnest($7::text[]) reporter`,
        [DOMAIN, source, messages, passed, ago(6), TODAY, REPORTERS],
      );
    await f.analyze();
    return (await f.findings()).filter(({ severity }) => severity !== 'info').map(({ kind }) => kind);
  };
  const classOf = async () =>
    (await f.t.db.query<{ class: string }>('select class from dmarc.sources where source = $1', [GATEWAY])).rows[0]?.class;

  test.each(['eu-smtp-delivery-7.mimecast.com', 'mx0a-00123456.pphosted.com'])('%s is no forger', async (name) => {
    expect(await handOn(name)).toEqual([]);
    expect(await classOf()).toBe('forwarded');
  });

  test.each([
    ['without a confirmed name', 'eu-smtp-delivery-7.mimecast.com', { confirmed: false }],
    ['by a name of anybody else', 'mx.bulletproof.example', {}],
    ['whose key verifies nowhere else', 'eu-smtp-delivery-7.mimecast.com', { elsewhere: false }],
    ['without a signature', 'eu-smtp-delivery-7.mimecast.com', { signed: false }],
  ])('mail %s is', async (_, name, how) => {
    expect(await handOn(name, how)).toContain('unauthorized_source');
    expect(await classOf()).not.toBe('forwarded');
  });

  test('so is a forwarder by its own name, for a handful; not one without such a signature', async () => {
    expect(await handOn('forward.alumni.example', { n: 1 })).toEqual([]);
    expect(handfulOf([{ source: 'a', failed: 60, relayed: 60 }], 5000)).toEqual(['a']);
    const both = ['a', 'b'].map((source) => ({ source, failed: 60, relayed: 60 }));
    expect(handfulOf(both, 5000)).toEqual([]);
    expect(handfulOf([{ source: 'a', failed: 60, relayed: 20 }], 5000)).toEqual([]);
    expect(handfulOf([{ source: 'a', failed: 60, relayed: 60 }], 500)).toEqual([]);
  });

  test.each([{ signed: false }, { confirmed: false }, { elsewhere: false }])('a forwarder with %o is told', async (how) => {
    expect(await handOn('forward.alumni.example', { n: 1, ...how })).toContain('unauthorized_source');
  });

  test('so is a relay of a hoster, where old mailboxes forward; not a machine that is rented there', async () => {
    expect(await handOn('mout-7.kundenserver.de', { n: 1 })).toEqual([]);
  });

  test.each([
    ['mout-7.kundenserver.de', { signed: false }],
    ['mout-7.kundenserver.de', { confirmed: false }],
    ['mout-7.kundenserver.de', { elsewhere: false }],
    ['mout-7.kundenserver.de', {}],
    ['static.7.7.clients.your-server.de', { n: 1 }],
  ])('what comes from %s with %o is told', async (name, how) => {
    expect(await handOn(name, how)).toContain('unauthorized_source');
  });

  test('a gateway with a large part of the mail is one of our own, and told', async () => {
    expect(await handOn('eu-smtp-delivery-7.mimecast.com', { n: 500 })).toContain('unauthorized_source');
  });
});

describe('mail whose key verifies elsewhere', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());

  const keys = async (rows: [source: string, selector: string, day: string, messages: number, passed: number][]) => {
    await f.t.db.query(
      `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
       select $1, x.source, $1, x.selector, x.day::date, 'google.com', 'ok', x.messages, x.passed
         from jsonb_to_recordset($2::jsonb) as x(source text, selector text, day text, messages bigint, passed bigint)`,
      [
        DOMAIN,
        JSON.stringify(rows.map(([source, selector, day, messages, passed]) => ({ source, selector, day, messages, passed }))),
      ],
    );
    const counted = { reporters: REPORTERS, votes: 1, from: ago(41), to: TODAY };
    const found = await transaction(f.t.db, (tx) =>
      loadRelayed(tx, DOMAIN, ['list', 'service'], { from: ago(41), to: TODAY, counted }),
    );
    return Object.fromEntries(found);
  };

  test('is counted by day: a key that broke for all, and one of its own, prove nothing', async () => {
    expect(
      await keys([
        ['tenant', 's1', ago(3), 100, 99],
        ['list', 's1', ago(3), 900, 0],
        ['tenant', 's1', ago(2), 100, 1],
        ['list', 's1', ago(2), 900, 0],
        ['service', 's2', ago(3), 50, 10],
      ]),
    ).toEqual({ list: 900 });
  });

  test('however many lists break it', async () => {
    expect(
      await keys([
        ['tenant', 's1', ago(1), 100, 100],
        ['list', 's1', ago(1), 300, 0],
        ['another', 's1', ago(1), 300, 0],
      ]),
    ).toEqual({ list: 300 });
  });
});

test('which invented sources pass on mail is as it was', () => expectLives('relays'));
