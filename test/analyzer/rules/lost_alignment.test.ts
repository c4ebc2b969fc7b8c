import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { examineSender } from '../../../services/analyzer/rules/authentication_regression.ts';
import { BrokenSenders } from '../../../services/analyzer/rules/broken_senders.ts';
import type { TagChange } from '../../../services/findings/figures.ts';
import type { FailedCheck } from '../../../services/store/analysis/signatures.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, policyDays, REPORTERS, sourceWindow, span, wordsFor } from '../rows.ts';

const SERVICE = { source: 'service.example' };
const lostDkim = [...span(41, 5, 'dkim', 40, REPORTERS, SERVICE), ...span(4, 0, 'unauthenticated', 40, REPORTERS, SERVICE)];
const lostBoth = [...span(41, 5, 'both', 40, REPORTERS, SERVICE), ...span(4, 0, 'unauthenticated', 40, REPORTERS, SERVICE)];
const hidden = [...span(41, 5, 'both', 40, REPORTERS, SERVICE), ...span(4, 0, 'spf', 40, REPORTERS, SERVICE)];

function found(rows: readonly SourceDay[], checks: Partial<FailedCheck>[], changes: TagChange[] = [], policy = 'p=reject') {
  const senders = new BrokenSenders(DOMAIN, ago(0), []);
  examineSender(senders, sourceWindow(rows));
  senders.nameChecks(
    checks.map((check) => ({
      source: SERVICE.source,
      mechanism: 'dkim',
      domain: DOMAIN,
      selector: 's1',
      passed: false,
      messages: 100,
      of: 100,
      dead: false,
      ...check,
    })),
  );
  const candidates = senders.candidates(policy, changes);
  expect(candidates).toHaveLength(1);
  return { ...candidates[0]!, words: wordsFor(candidates[0]!) };
}
const turned = (tag: string, day: number) => ({ tag, from: 'r', to: 's', since: ago(day) });
const all = ({ title, summary, what, advice }: ReturnType<typeof wordsFor>) => [title, summary, what, ...advice].join('\n');
const REPLACED = /replaced|removed|any more|cut short/i;

describe('a signature that passes for a name below the domain', () => {
  const below = { passed: true, domain: `mail.${DOMAIN}` };

  test('when the record has just turned strict, that is said first, and no key is blamed', () => {
    const { words, evidence } = found(lostDkim, [below], [turned('adkim', 5)], 'p=reject; adkim=s');
    expect(evidence.facts).toMatchObject({ turned: [{ tag: 'adkim', since: ago(5) }] });
    expect(words.title).toBe('adkim=s breaks alignment at service.example for example.com');
    expect(words.what).toMatch(
      new RegExp(
        `^The DMARC record of example\\.com has asked for strict alignment since ${ago(5)} \\(adkim=s; it was relaxed before\\)\\.`,
      ),
    );
    expect(words.what).toContain('DKIM passes for d=mail.example.com, not for exactly example.com');
    expect(words.advice[0]).toBe(
      'If strict alignment was not intended, publish adkim=r in _dmarc.example.com: the mail aligns again as it is.',
    );
    expect(words.advice[1]).toContain('sign with d=example.com exactly');
    expect(all(words)).not.toMatch(/selector|compare|no signature|unsigned/);
  });

  test.each([
    ['long before', [turned('adkim', 20)]],
    ['of the other mechanism', [turned('aspf', 5)]],
    ['to relaxed', [{ tag: 'adkim', from: 's', to: 'r', since: ago(5) }]],
    ['in no report', []],
  ])('a change %s is no cause, and alignment is the matter all the same', (_, changes) => {
    const { words } = found(lostDkim, [below], changes, 'p=reject; adkim=s');
    expect(words.title).toBe('DKIM passes but no longer aligns at service.example for example.com');
    expect(words.what).not.toContain('has asked for strict');
    expect(words.advice[0]).toContain('publish adkim=r');
    expect(all(words)).not.toMatch(/compare|no signature/);
  });

  test('so it is beside the own signature of the service, which passes as well', () => {
    const { words } = found(lostDkim, [below, { passed: true, domain: 'service.example' }]);
    expect(words.title).toContain('passes but no longer aligns');
  });

  test('so it is where SPF carries the mail: it is not called unsigned', () => {
    const { words, evidence } = found(hidden, [below], [turned('adkim', 5)]);
    expect(evidence.broken![0]).toMatchObject({ survives_on: 'spf', unaligned: [{ mechanism: 'dkim', own: true }] });
    expect(evidence.broken![0]!.unsigned).toBeUndefined();
    expect(words.title).toBe('adkim=s breaks alignment at service.example for example.com');
    expect(words.what).toContain('passed by SPF alone, which forwarding breaks');
  });

  test('both mechanisms, both tags', () => {
    const spf = { mechanism: 'spf' as const, selector: null, passed: true, domain: `bounce.${DOMAIN}` };
    const { words } = found(lostBoth, [below, spf], [turned('adkim', 4), turned('aspf', 4)]);
    expect(words.title).toBe('adkim=s and aspf=s break alignment at service.example for example.com');
    expect(words.advice[0]).toContain('publish adkim=r; aspf=r');
    expect(words.advice[1]).toContain('sign with d=example.com exactly or use a return path (MAIL FROM) at exactly @example.com');
  });
});

test('a report that says of the domain’s own signature that it passes and does not align contradicts itself', () => {
  const { evidence } = found(lostDkim, [{ passed: true, domain: DOMAIN }]);
  expect(evidence.broken![0]!.unaligned).toBeUndefined();
});

test('mail that only the service signs: its set-up was switched off, and no key is blamed', () => {
  const { words, evidence } = found(lostDkim, [{ passed: true, domain: 'esp.example' }]);
  expect(evidence.broken![0]).toMatchObject({ unaligned: [{ mechanism: 'dkim', domain: 'esp.example', own: false }] });
  expect(words.title).toBe('Mail is no longer signed as example.com at service.example');
  expect(words.what).toContain('DKIM passes for d=esp.example, not for example.com');
  expect(words.advice[0]).toMatch(/^Ask your own teams first: .* \(now d=esp\.example\)\.$/);
  expect(all(words)).not.toMatch(REPLACED);
});

describe('a signature that fails', () => {
  test('for all mail of its selector: the key was replaced or removed', () => {
    const { words } = found(lostDkim, [{ dead: true }, { passed: true, domain: 'esp.example' }]);
    expect(words.title).toBe('DKIM fails at service.example for example.com');
    expect(words.advice[0]).toMatch(
      /^No mail signed with the key s1\._domainkey\.example\.com verifies any more: .*replaced, removed/,
    );
  });

  test('while other mail verifies with the key: it is changed on the way, or another private key signs', () => {
    const { words } = found(lostDkim, [{}, { passed: true, domain: 'esp.example' }]);
    expect(words.advice[0]).toMatch(
      /still verifies for other mail, so it is published: see whether each of your name servers answers with it, what changes mail/,
    );
    expect(all(words)).not.toMatch(REPLACED);
  });

  test('with a key of which nothing else is known: it is named, and nothing is claimed of it', () => {
    const { words } = found(lostDkim, [{ dead: null }]);
    expect(words.advice[0]).toMatch(/^It signs with the key s1\._domainkey\.example\.com, which does not verify: compare/);
    expect(all(words)).not.toMatch(REPLACED);
  });

  test('of which reports name no selector: nothing is claimed of the key', () => {
    expect(found(lostDkim, []).words.advice[0]).toMatch(/^Reports name no selector/);
  });

  test('in less than half of the mail leaves what passes in most of it the cause', () => {
    const { words } = found(lostDkim, [{ messages: 30 }, { passed: true, domain: 'esp.example', messages: 80 }]);
    expect(words.title).toContain('no longer signed as example.com');
  });
});

test('a return path that is the service’s own since', () => {
  const rows = [...span(41, 5, 'spf', 40, REPORTERS, SERVICE), ...span(4, 0, 'foreignSpf', 40, REPORTERS, SERVICE)];
  const { words } = found(rows, [{ mechanism: 'spf', selector: null, passed: true, domain: 'bounces.esp.example' }]);
  expect(words.title).toBe('SPF passes for another domain at service.example for example.com');
  expect(words.advice[0]).toContain(
    'Set the return path (MAIL FROM) at service.example to example.com or a subdomain of it again',
  );
});

describe('in the database', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());

  test('what passes unaligned is read from the records, and the change of the record from the policies', async () => {
    await f.put(lostDkim);
    await f.putPolicies(
      REPORTERS.flatMap((reporter) => [
        ...policyDays(
          reporter,
          Array.from({ length: 41 }, (_, i) => (i < 36 ? 'p=reject; adkim=r; aspf=r' : 'p=reject; adkim=s; aspf=r')),
        ),
      ]),
    );
    await f.t.db.query(
      `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, org_name, reporter, report_id, domain, begin_at,
              end_at, errors, records, messages, salvaged, problems, received_at)
       values (1, 1, 0, 'i', 'c', 'google.com', 'google.com', '1', $1, $2::date + interval '1 hour', $2::date + interval '25 hours', '[]', 1, 40,
               false, '[]', now())`,
      [DOMAIN, ago(3)],
    );
    await f.t.db.query(
      `insert into ruawatch.records (report_key, n, begin_at, source_ip, count, disposition, auth, dkim_aligned, spf_aligned, forwarded, source)
       values (1, 0, $2::date + interval '1 hour', '198.18.0.7', 40, 'reject', $3, false, false, false, $1)`,
      [
        SERVICE.source,
        ago(3),
        JSON.stringify({
          dkim: [{ domain: `mail.${DOMAIN}`, selector: 's1', result: 'pass' }],
          spf: [{ domain: 'bounces.esp.example', result: 'pass' }],
        }),
      ],
    );
    await f.analyze();
    const [finding] = await f.findings();
    expect(finding!.evidence).toMatchObject({
      broken: [{ unaligned: [{ mechanism: 'dkim', domain: 'mail.example.com', own: true }] }],
      facts: { turned: [{ tag: 'adkim' }] },
    });
    expect(finding!.evidence.what).toMatch(/^The DMARC record of example\.com has asked for strict alignment since/);
  });
});
