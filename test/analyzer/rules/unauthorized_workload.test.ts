import { describe, expect, test } from 'vitest';
import { unauthorizedWorkload } from '../../../services/analyzer/rules/unauthorized_workload.ts';
import type { DeclaredSenders } from '../../../services/dns/guard/senders.ts';
import type { SentDay } from '../../../services/store/sending/judged.ts';
import { onFile } from '../rows.ts';
import { expectLives } from '../sending/invented-sending.ts';
import { declares, SHOP_KEY, sendingOf, sent, signedUntil, unsigned } from '../sent-rows.ts';

const find = (days: readonly SentDay[], declared: DeclaredSenders | null | undefined = declares()) =>
  unauthorizedWorkload.find(sendingOf(days, { declared }));
const debug = (more: Partial<SentDay> = {}) => unsigned(40, 2, 1, { workload: 'debug', ...more });

describe('a workload that mail-guard.yaml does not declare', () => {
  test('is found by name, beside those that are declared', () => {
    const found = find([...signedUntil(0.1), debug()]);
    expect(found).toMatchObject([
      { kind: 'unauthorized_workload', subject: 'eu-1/production/debug', severity: 'medium', first_day: '2026-05-29' },
    ]);
    expect(found[0]!.evidence.facts).toMatchObject({
      sends_as: 'example.com',
      declared: ['production/shop'],
      may: [],
      signed: 0,
    });
  });

  test.each<[string, SentDay, string]>([
    ['one message', debug({ messages: 1 }), 'low'],
    ['with the key of the domain', sent(40, 2, 1, { workload: 'debug' }), 'high'],
    ['from staging, as the domain of production', debug({ environment: 'staging' }), 'medium'],
    ['from staging under the name of one of production', sent(40, 2, 1, { environment: 'staging' }), 'medium'],
    ['without an environment, which is the reference', debug({ environment: '' }), 'medium'],
    ['as a name below the domain', debug({ domain: 'shop.example.com' }), 'medium'],
  ])('%s', (_, row, severity) => expect(find([row])).toMatchObject([{ severity }]));

  test('of staging as a domain of staging is low', () => {
    const file = declares('staging/shop staging.example.com');
    expect(find([debug({ environment: 'staging', domain: 'staging.example.com' })], file)).toMatchObject([{ severity: 'low' }]);
  });

  test('a declared workload may not send as another domain', () => {
    const file = declares('production/news news.example.com');
    expect(find([sent(40, 2, 1, { workload: 'news' })], file)).toMatchObject([{ subject: 'eu-1/production/news' }]);
    expect(find([sent(40, 2, 1, { domain: 'news.example.com' })], file)).toMatchObject([
      { subject: SHOP_KEY, evidence: { facts: { sends_as: 'news.example.com', may: ['example.com'] } } },
    ]);
  });

  const bounces = {
    environment: 'production',
    workload: 'crm',
    domain: 'example.com',
    envelope_from: 'b.example.net',
    signs: true,
  };
  test.each<[string, SentDay[], DeclaredSenders | null | undefined]>([
    ['no file declares workloads', [debug()], null],
    ['the file cannot be read', [debug()], undefined],
    ['a name below the domain, of a workload of the domain', [sent(9, 2, 1, { domain: 'm.example.com' })], declares()],
    ['its declared MAIL FROM', [unsigned(9, 2, 1, { workload: 'crm', domain: 'b.example.net' })], declares(bounces)],
    [
      'a domain that the file does not know, by a workload that it does not know',
      [debug({ domain: 'other.example' })],
      declares(),
    ],
    ['no log names the workload', [debug({ workload: '' })], declares()],
    ['it ceased a fortnight ago', [unsigned(40, 400, 390, { workload: 'debug' })], declares()],
  ])('no alarm: %s', (_, days, file) => {
    expect(unauthorizedWorkload.find(sendingOf(days, { declared: file }))).toEqual([]);
  });

  test('is over when it is declared, the file is gone, or it sends no more; not while the file cannot be read', () => {
    const open = onFile(find([debug()])[0]!);
    const over = (days: SentDay[], declared: DeclaredSenders | null | undefined) =>
      unauthorizedWorkload.over(open, sendingOf(days, { declared }));
    expect(over([debug()], declares())).toBeNull();
    expect(over([debug()], declares('production/debug example.com'))).toEqual({ reason: 'workload_declared' });
    expect(over([debug()], null)).toEqual({ reason: 'not_declared' });
    expect(over([debug()], undefined)).toBeNull();
    expect(over([unsigned(40, 400, 390, { workload: 'debug' })], declares())).toEqual({ reason: 'sent_no_more', days: 7 });
  });

  test('that a person closed stays closed for the day', () => {
    const one = find([debug()])[0]!;
    const closed = { ...onFile(one), state: 'resolved' as const };
    expect(unauthorizedWorkload.find(sendingOf([debug()], { declared: declares(), known: [closed] }))).toEqual([]);
  });
});

test('what it says of invented logs is as it was', () => expectLives('unauthorized_workload'));
