import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kept, normalFacts } from '../../../services/requests/held/normal.ts';
import { seal } from '../../../services/requests/plan.ts';
import { planRelease } from '../../../services/requests/plans/release.ts';
import { heldOf } from './sample.ts';

test('texts of a mail become texts that the database holds', () => {
  expect(kept('a\0b\ud800')).toBe('a\ufffdb\ufffd');
  expect(kept('x'.repeat(5000))).toHaveLength(1000);
  // A pair is not cut in two.
  expect(kept(`${'x'.repeat(999)}😀`).isWellFormed()).toBe(true);
});

test('whatever a mail says, it can be held, and its plan sealed', () => {
  const text = fc.string({ unit: 'binary', maxLength: 3000 });
  fc.assert(
    fc.property(text, text, text, text, text, (subject, from, name, domain, result) => {
      const facts = normalFacts(
        heldOf({
          subject,
          header_from: from,
          header_from_domain: domain,
          display_name: name,
          domain,
          source: name,
          peer_name: from,
          helo: name,
          envelope_from: from,
          recipients: [from || 'x'],
          message_id: subject,
          attachments: [{ name: subject, type: name, bytes: 1, sha256: 'a'.repeat(64) }],
          results: {
            version: 1,
            spf: { result, domain },
            dkim: [{ result, domain, selector: name, aligned: false }],
            arc: { result, by: domain },
            dmarc: { result, policy: result, domain },
          },
        }),
      );
      expect(JSON.stringify(facts)).not.toContain('\\u0000');
      seal(planRelease(facts, { seen: null, similar: { held: 0, released: 0, stopped: 0 } }));
    }),
  );
});

test('more attachments and signatures than are kept do not keep a mail from being held', () => {
  const one = { name: 'a', type: 'b', bytes: 1, sha256: 'a'.repeat(64) };
  const { results } = heldOf();
  const dkim = Array.from({ length: 300 }, () => results.dkim[0]!);
  const facts = normalFacts(heldOf({ attachments: Array.from({ length: 900 }, () => one), results: { ...results, dkim } }));
  expect([facts.attachments.length, facts.results.dkim.length]).toEqual([200, 50]);
});

const results = { ...heldOf().results, spf: { result: 'pass', domain: null }, dkim: [] };
test('codes are lower case, and what is no code is "other"; what is not known stays unknown', () => {
  const codes = (one: string) => {
    const { spf, dkim, arc, dmarc } = normalFacts(
      heldOf({
        results: {
          version: 1,
          spf: { result: one, domain: null },
          dkim: [{ result: one, domain: null, selector: null, aligned: true }],
          arc: { result: one, by: null },
          dmarc: { result: one, policy: one, domain: null },
        },
      }),
    ).results;
    expect([spf.domain, dkim[0]!.domain, dkim[0]!.selector, arc.by, dmarc.domain]).toEqual([null, null, null, null, null]);
    expect(dkim[0]!.aligned).toBe(true);
    return new Set([spf.result, dkim[0]!.result, arc.result, dmarc.result, dmarc.policy]);
  };
  expect(codes('PermError')).toEqual(new Set(['permerror']));
  expect(codes('not a code')).toEqual(new Set(['other']));
  expect(codes('')).toEqual(new Set(['other']));
  expect(codes('x'.repeat(63))).toEqual(new Set(['x'.repeat(63)]));
  expect(codes('x'.repeat(64))).toEqual(new Set(['other']));
  const none = normalFacts(heldOf({ results: { ...results, dmarc: { result: 'none', policy: null, domain: null } } }));
  expect(none.results.dmarc.policy).toBeNull();
});

test.each([
  ['A1b2', 'A1b2'],
  ['x'.repeat(64), 'x'.repeat(64)],
  ['x'.repeat(65), null],
  ['../etc', null],
  ['', null],
  [null, null],
])('the name %j of a queue file is kept as %j', (given, kept) => {
  expect(normalFacts(heldOf({ queue_id: given })).queue_id).toBe(kept);
});

test('texts are as long as they are read: a thousand characters, names 253, attachments 255', () => {
  const long = 'x'.repeat(2000);
  const facts = normalFacts(
    heldOf({
      subject: long,
      domain: `${'A'.repeat(252)}.x`,
      source: long,
      peer_name: long,
      helo: long,
      header_from_domain: long,
      attachments: [{ name: long, type: long, bytes: 1, sha256: 'a'.repeat(64) }],
      results: { ...results, spf: { result: 'pass', domain: long } },
    }),
  );
  const { subject, source, peer_name, helo, header_from_domain, attachments } = facts;
  expect([subject, source, peer_name, helo, header_from_domain, facts.results.spf.domain].map((one) => one?.length)).toEqual([
    1000, 253, 253, 253, 253, 253,
  ]);
  expect(attachments.map(({ name, type }) => [name?.length, type.length])).toEqual([[255, 255]]);
  expect(facts.domain).toBe(`${'a'.repeat(252)}.`);
  const none = normalFacts(heldOf({ subject: null, source: null, helo: null, attachments: [] }));
  expect([none.subject, none.source, none.helo]).toEqual([null, null, null]);
});
