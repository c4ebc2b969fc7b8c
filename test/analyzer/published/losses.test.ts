import { describe, expect, test } from 'vitest';
import { lossesOf, termsOf } from '../../../services/analyzer/published/losses.ts';
import type { Published, PublishedRecord } from '../../../services/store/dns/published.ts';
import { expectLives } from '../invented-changes.ts';

const DOMAIN = 'example.com';
const T0 = new Date('2026-05-01T00:00:00Z');
const AT = new Date('2026-05-28T14:02:00Z');
const KEY = `s1._domainkey.${DOMAIN}`;

const record = (purpose: PublishedRecord['purpose'], value: string, from: Date, until: Date | null): PublishedRecord => ({
  name: purpose === 'dkim' ? KEY : purpose === 'dmarc' ? `_dmarc.${DOMAIN}` : DOMAIN,
  type: 'TXT',
  purpose,
  value,
  first_seen: from,
  gone_at: until,
});
const was = (purpose: PublishedRecord['purpose'], value: string) => record(purpose, value, T0, AT);
const is = (purpose: PublishedRecord['purpose'], value: string) => record(purpose, value, AT, null);
const published = (records: PublishedRecord[], absent: string[] = []): Published => ({
  records,
  servers: [],
  questions: absent.map((name) => ({ name, type: 'TXT', purpose: 'spf', state: 'absent', differ_since: null, answers: [] })),
});
const of = (records: PublishedRecord[], absent: string[] = []) =>
  lossesOf(DOMAIN, published(records, absent), T0).map(({ loss, terms, now }) => ({ loss, terms, now: now !== null }));

describe('an SPF record loses', () => {
  test('the terms that are in no record any more, with the time they were last published', () => {
    const records = [
      was('spf', 'v=spf1 include:_spf.x.example ip4:192.0.2.0/24 ~all'),
      is('spf', 'v=spf1 IP4:192.0.2.0/24 -all'),
    ];
    expect(lossesOf(DOMAIN, published(records), T0)).toEqual([
      {
        loss: 'spf_terms',
        name: DOMAIN,
        at: AT,
        before: 'v=spf1 include:_spf.x.example ip4:192.0.2.0/24 ~all',
        now: 'v=spf1 IP4:192.0.2.0/24 -all',
        terms: ['include:_spf.x.example'],
      },
    ]);
    expect(lossesOf(DOMAIN, published(records), new Date('2026-05-29T00:00:00Z'))).toEqual([]);
  });

  test.each([
    ['another order and spelling', 'v=spf1 a mx -all', 'v=spf1 +MX A ~all'],
    ['a term more', 'v=spf1 a -all', 'v=spf1 a mx -all'],
    ['a term that did not pass', 'v=spf1 a ?mx -ip4:192.0.2.1 -all', 'v=spf1 a -all'],
    ['another end', 'v=spf1 a +all', 'v=spf1 a -all'],
  ])('nothing by %s', (_, before, now) => expect(of([was('spf', before), is('spf', now)])).toEqual([]));

  test('all of it when it is gone for certain, and nothing while nobody answers', () => {
    expect(of([was('spf', 'v=spf1 a -all')], [DOMAIN])).toEqual([{ loss: 'spf_gone', terms: [], now: false }]);
    expect(of([was('spf', 'v=spf1 a -all')])).toEqual([]);
  });

  test('all of it by a second record beside the one of old', () => {
    const old = record('spf', 'v=spf1 a -all', T0, null);
    expect(of([old, is('spf', 'v=spf1 mx -all')])).toEqual([{ loss: 'spf_several', terms: [], now: true }]);
    expect(of([old, record('spf', 'v=spf1 mx -all', T0, null)])).toEqual([]);
  });

  test('nothing by a try of minutes that was taken back', () => {
    const minutes = new Date(AT.getTime() + 20 * 60_000);
    const tried = record('spf', 'v=spf1 a include:tried.example -all', AT, minutes);
    expect(of([record('spf', 'v=spf1 a -all', T0, AT), tried, record('spf', 'v=spf1 a -all', minutes, null)])).toEqual([]);
  });
});

describe('a DKIM key', () => {
  test('is lost when it is gone, and when it is revoked', () => {
    expect(of([was('dkim', 'v=DKIM1; p=MIIB')], [KEY])).toEqual([{ loss: 'key_gone', terms: [], now: false }]);
    expect(of([was('dkim', 'v=DKIM1; p=MIIB'), is('dkim', 'v=DKIM1; p=')])).toEqual([
      { loss: 'key_revoked', terms: [], now: true },
    ]);
  });
  test('is not lost when another takes its place, when it was revoked before, or while nobody answers', () => {
    expect(of([was('dkim', 'v=DKIM1; p=MIIB'), is('dkim', 'v=DKIM1; p=MIIC')])).toEqual([]);
    expect(of([was('dkim', 'v=DKIM1; p=')], [KEY])).toEqual([]);
    expect(of([was('dkim', 'v=DKIM1; p=MIIB')])).toEqual([]);
  });
});

describe('a DMARC record', () => {
  test.each([
    ['v=DMARC1; p=reject', 'v=DMARC1; p=none', ['p=reject → p=none']],
    ['v=DMARC1; p=reject; sp=reject', 'v=DMARC1; p=reject; sp=none', ['sp=reject → sp=none', 'np=reject → np=none']],
    ['v=DMARC1; p=reject; adkim=s', 'v=DMARC1; p=reject; t=y', ['t=n → t=y', 'adkim=s → adkim=r']],
  ])('%s to %s is weaker', (before, now, terms) => {
    expect(of([was('dmarc', before), is('dmarc', now)])).toEqual([{ loss: 'dmarc_weaker', terms, now: true }]);
  });
  test('that is stronger, or differs in its addresses, lost nothing', () => {
    expect(of([was('dmarc', 'v=DMARC1; p=none'), is('dmarc', 'v=DMARC1; p=reject')])).toEqual([]);
    expect(of([was('dmarc', 'v=DMARC1; p=none; rua=mailto:a@b.example'), is('dmarc', 'v=DMARC1; p=none')])).toEqual([]);
  });
  test('is gone when there is none, or what is there is none', () => {
    expect(of([was('dmarc', 'v=DMARC1; p=none')], [`_dmarc.${DOMAIN}`])).toEqual([{ loss: 'dmarc_gone', terms: [], now: false }]);
    expect(of([was('dmarc', 'v=DMARC1; p=none'), is('dmarc', 'v=DMARK1; p=none')])).toEqual([
      { loss: 'dmarc_gone', terms: [], now: true },
    ]);
    expect(of([was('dmarc', 'v=DMARC1; p=none')])).toEqual([]);
  });
});

test('the terms that let somebody send are compared without case and "+"', () => {
  expect(termsOf('v=spf1 +Include:X.example a ~mx redirect=Y.example')).toEqual(['include:x.example', 'a', 'redirect=y.example']);
});

test('what invented records lost is as it was', () => expectLives('losses'));
