import { describe, expect, test } from 'vitest';
import { dnsServer } from '../../../services/analyzer/rules/dns_server.ts';
import type { DnsWindow } from '../../../services/analyzer/rules/window.ts';
import type { Published } from '../../../services/store/dns/published.ts';
import type { ServerRow } from '../../../services/store/dns/records.ts';
import { expectLives } from '../invented-changes.ts';
import { onFile } from '../rows.ts';

const NOW = new Date('2026-05-28T14:00:00Z');
const hours = (n: number) => new Date(NOW.getTime() - n * 3_600_000);
const server = (name: string, failing: number | null = null, failure: ServerRow['failure'] = 'lame'): ServerRow => ({
  zone: 'example.com',
  server: name,
  address: '192.0.2.1',
  serial: 1,
  asked_at: NOW,
  answered_at: NOW,
  failing_since: failing === null ? null : hours(failing),
  failure: failing === null ? null : failure,
  reason: null,
});
const window = (published: Partial<Published> | null, known: DnsWindow['known'] = []): DnsWindow => ({
  domain: 'example.com',
  confirmation: null,
  silence: null,
  today: '2026-05-27',
  elsewhere: [],
  known,
  now: NOW,
  published: published && { records: [], questions: [], servers: [], ...published },
});
const differing = (since: number, answers: Record<string, string>): Partial<Published> => ({
  servers: Object.keys(answers).map((name) => server(name)),
  records: [
    { name: '_dmarc.example.com', type: 'TXT', purpose: 'dmarc', value: 'old', first_seen: hours(900), gone_at: null },
    { name: '_dmarc.example.com', type: 'TXT', purpose: 'dmarc', value: 'new', first_seen: hours(since), gone_at: null },
  ],
  questions: [
    {
      name: '_dmarc.example.com',
      type: 'TXT',
      purpose: 'dmarc',
      state: 'records',
      differ_since: hours(since),
      answers: [
        { server: 'resolver', state: 'records', reason: null, values: ['old'] },
        ...Object.entries(answers).map(([name, value]) => ({
          server: name,
          state: value === '?' ? ('unknown' as const) : ('records' as const),
          reason: null,
          values: value === '?' ? [] : [value],
        })),
      ],
    },
  ],
});
const found = (one: DnsWindow) =>
  dnsServer.find(one).map(({ subject, severity, evidence: { facts } }) => ({
    subject,
    severity,
    failure: facts!.rule === 'dns_server' && facts!.failure,
  }));

describe('a name server', () => {
  test('that does not answer for the zone for six hours while another does is a low finding', () => {
    expect(found(window({ servers: [server('ns1', 6), server('ns2')] }))).toEqual([
      { subject: 'ns1', severity: 'low', failure: 'lame' },
    ]);
    expect(found(window({ servers: [server('ns1', 5), server('ns2')] }))).toEqual([]);
  });
  test('is none where no server answers: the way there may be closed', () => {
    expect(found(window({ servers: [server('ns1', 60, 'silent'), server('ns2', 60, 'silent')] }))).toEqual([]);
    expect(found(window(null))).toEqual([]);
  });
  test('that gives an old record for four hours is behind, not the one with the new one, nor one that does not answer', () => {
    expect(found(window(differing(4, { ns1: 'new', ns2: 'old', ns3: '?' })))).toEqual([
      { subject: 'ns2', severity: 'low', failure: 'behind' },
    ]);
    expect(found(window(differing(3, { ns1: 'new', ns2: 'old' })))).toEqual([]);
  });
  test('is over when it answers as the others do, and when the zone does not name it any more', () => {
    const [candidate] = dnsServer.find(window({ servers: [server('ns1', 6), server('ns2')] }));
    const open = onFile(candidate!);
    expect(dnsServer.over(open, window({ servers: [server('ns1', 6), server('ns2', 6)] }))).toBeNull();
    expect(dnsServer.over(open, window(null))).toBeNull();
    expect(dnsServer.over(open, window({ servers: [server('ns1'), server('ns2')] }))).toEqual({
      reason: 'server_answers',
      since: '2026-05-28',
    });
    expect(dnsServer.over(open, window({ servers: [server('ns2')] }))).toEqual({ reason: 'server_gone' });
    const [behind] = dnsServer.find(window(differing(4, { ns1: 'new', ns2: 'old' })));
    expect(dnsServer.over(onFile(behind!), window(differing(4, { ns1: 'new', ns2: 'old' })))).toBeNull();
    expect(dnsServer.over(onFile(behind!), window({ servers: [server('ns1'), server('ns2')] }))).toMatchObject({
      reason: 'server_answers',
    });
  });
});

test('what it says of invented servers is as it was', () => expectLives('server'));
