import { describe, expect, test } from 'vitest';
import { STAGES } from '../../services/dns/posture/posture.ts';
import { dnsNotes } from '../../services/mails/weekly-dns.ts';
import type { DomainDns } from '../../services/store/alerts/digest-dns.ts';

const dns = (over: Partial<DomainDns> = {}): DomainDns => ({
  domain: 'example.com',
  posture: { stage: 'none', advice: 'Publish p=quarantine.', blocked: 0 },
  changes: [],
  changes_count: 0,
  lookalikes: { standing: 0, since: 0 },
  ...over,
});

describe('the lines of a digest about DNS', () => {
  test.each([...STAGES, 'unknown'])('name the stage %s in words', (stage) => {
    const [first] = dnsNotes(dns({ posture: { stage, advice: 'Go on.', blocked: 0 } }), false);
    expect(first).toMatch(/^Stage: .{3,}\.$/);
    expect(first).not.toBe(`Stage: ${stage}.`);
  });

  test('say what the next step waits for, and leave it to the finding that says it', () => {
    const given = dns({ posture: { stage: 'none', advice: 'Publish p=quarantine.', blocked: 1 } });
    expect(dnsNotes(given, false)).toEqual(['Stage: DMARC at p=none.', 'Next step: Publish p=quarantine. (1 thing to wait for)']);
    expect(dnsNotes(given, true)).toEqual(['Stage: DMARC at p=none.']);
  });

  test('are none where nothing is known', () => {
    expect(dnsNotes(dns({ posture: null }), false)).toEqual([]);
  });

  test('name what changed, and count the rest', () => {
    const changes = [
      { purpose: 'dkim', name: 's1._domainkey.example.com', day: '2026-10-01' },
      { purpose: 'mx', name: 'example.com', day: '2026-10-01' },
    ];
    expect(dnsNotes(dns({ posture: null, changes, changes_count: 2 }), false)).toEqual([
      'Changed in DNS: DKIM key s1 (2026-10-01) and MX (2026-10-01).',
    ]);
    expect(dnsNotes(dns({ posture: null, changes, changes_count: 9 }), false)[0]).toMatch(/7 more/);
  });

  test('cannot be made to break a line by what DNS says', () => {
    const evil = 'x\r\nBcc: a@b.example\u202e';
    const changes = [{ purpose: 'dkim', name: `${evil}._domainkey.example.com`, day: evil }];
    const lines = dnsNotes(dns({ posture: { stage: evil, advice: evil, blocked: 0 }, changes, changes_count: 1 }), false);
    expect(lines.join('')).not.toMatch(/[\r\n\u202e]/);
  });
});
