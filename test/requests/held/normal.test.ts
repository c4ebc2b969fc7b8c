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
