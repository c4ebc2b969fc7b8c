import { describe, expect, test } from 'vitest';
import { subdomainAbuse } from '../../../services/analyzer/rules/subdomain_abuse.ts';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import { byDecision } from '../../../services/findings/end-reasons.ts';
import { wordsOf } from '../../../services/findings/sentences/finding.ts';
import type { Candidate } from '../../../services/store/findings/findings.ts';
import type { ListEntry } from '../../../services/store/sources/sender-list.ts';
import { DOMAIN, domainWindow, onFile, REPORTERS, span } from '../rows.ts';

const NETWORKS = ['198.18.1.0/24', '198.18.2.0/24'];
const denied = (...sources: string[]) =>
  new Map(
    sources.map((source, n): [string, ListEntry] => [
      source,
      {
        entry_key: n,
        domain: DOMAIN,
        source,
        is_service: false,
        verdict: 'denied',
        by_name: 'ada',
        why: 'nobody here knows it',
        since: new Date('2026-05-20T08:00:00Z'),
        until: null,
      },
    ]),
  );
const mail = (delivered: number, kind: 'unauthenticated' | 'below' = 'unauthenticated') =>
  NETWORKS.flatMap((source) =>
    span(3, 0, kind, 20, REPORTERS, {
      source,
      delivered,
      failed_delivered: delivered,
      rejected: 20 - delivered,
    }),
  );
const said = (one: Candidate | undefined) => wordsOf({ domain: DOMAIN, ...one!, summary: '' });

describe('forged mail whose networks somebody denied', () => {
  test('the finding names the denial, and asks nobody whose they are', () => {
    const words = said(unauthorizedSource.find(domainWindow(mail(20), { policy: 'p=none', denied: denied(...NETWORKS) }))[0]);
    expect(words.what).toContain('ada denied all of them on 2026-05-20 (nobody here knows it).');
    expect(words.advice[0]).toMatch(/^p=none lets such mail through\. Publish p=quarantine/);
    expect(words.senders).toEqual([]);
  });

  test('where one of them is denied, people are asked about the others alone', () => {
    const words = said(unauthorizedSource.find(domainWindow(mail(20), { denied: denied(NETWORKS[0]!) }))[0]);
    expect(words.what).toContain('ada denied 1 of them');
    expect(words.advice[0]).toContain('whether one of the other networks is yours');
    expect(words.senders?.map(({ source }) => source)).toEqual([NETWORKS[1]]);
  });

  test.each(['p=reject', 'p=quarantine'])('it is over where %s stops all of it, until the decision is taken back', (policy) => {
    const rows = mail(0);
    const [open] = unauthorizedSource.find(domainWindow(rows, { policy }));
    const known = [onFile(open!)];
    const window = domainWindow(rows, { policy, known, denied: denied(...NETWORKS) });
    expect(unauthorizedSource.find(window)).toEqual([]);
    const ended = unauthorizedSource.over(known[0]!, window);
    expect(ended).toEqual({ reason: 'denied_kept_out', p: policy.slice(2) });
    expect(byDecision(ended!)).toBe(true);
  });

  test('it goes on where some of it is delivered, no policy stops it, or one network is not denied', () => {
    const holds = (delivered: number, policy: string, sources: string[]) =>
      unauthorizedSource.find(domainWindow(mail(delivered), { policy, denied: denied(...sources) })).length;
    expect(holds(1, 'p=reject', NETWORKS)).toBe(1);
    expect(holds(0, 'p=none', NETWORKS)).toBe(1);
    expect(holds(0, 'p=reject', [NETWORKS[0]!])).toBe(1);
  });

  test('the same is so of names below the domain, by the policy that applies to these', () => {
    const rows = mail(0, 'below');
    const find = (policy: string) => subdomainAbuse.find(domainWindow(rows, { policy, denied: denied(...NETWORKS) }));
    expect(find('p=reject')).toEqual([]);
    expect(said(find('p=reject; sp=none')[0]).what).toContain('ada denied all of them');
    const [open] = subdomainAbuse.find(domainWindow(rows));
    const known = [onFile(open!)];
    expect(subdomainAbuse.over(known[0]!, domainWindow(rows, { known, denied: denied(...NETWORKS) }))).toEqual({
      reason: 'denied_kept_out',
      p: 'reject',
    });
  });
});
