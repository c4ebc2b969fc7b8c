import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resultsField } from '../../services/milter/results-field.ts';
import type { Results } from '../../services/milter/verify/results.ts';
import { parseAuthenticationResults } from '../../services/report/mail/authentication-results.ts';
import { results } from './sample.ts';

const read = (found: Results) => parseAuthenticationResults(resultsField('mx.example.com', found).replace(/\n/g, ''));

test('the field says what was found, and our own reader reads it', () => {
  const found = results({
    spf: { result: 'pass', domain: 'esp.example', identity: 'mailfrom', why: null, aligned: false },
    dkim: [
      { domain: 'esp.example', selector: 's1', result: 'pass', why: null, aligned: false },
      { domain: 'example.com', selector: 's2', result: 'fail', why: 'bad signature', aligned: true },
    ],
    arc: { result: 'pass', sealers: ['lists.example'], why: null },
    dmarc: { result: 'fail', domain: 'example.com', policy: 'reject', at: 'example.com', why: 'no aligned mechanism passes' },
  });
  expect(resultsField('mx.example.com', found)).toBe(
    ' mx.example.com;\n spf=pass smtp.mailfrom=esp.example;\n dkim=pass header.d=esp.example header.s=s1;\n dkim=fail header.d=example.com header.s=s2;\n arc=pass;\n dmarc=fail (p=reject) header.from=example.com',
  );
  expect(read(found)).toMatchObject({ authservId: 'mx.example.com', unclear: false });
  expect(read(found)!.results.map(({ method, result }) => `${method}=${result}`)).toEqual([
    'spf=pass',
    'dkim=pass',
    'dkim=fail',
    'arc=pass',
    'dmarc=fail',
  ]);
});

test('of a bounce it names the HELO, and of nothing nothing', () => {
  const none = results({ spf: { result: 'none', domain: '', identity: 'mailfrom', why: null, aligned: false } });
  expect(resultsField('mx', none)).toBe(' mx;\n spf=none;\n dkim=none;\n dmarc=fail (p=none) header.from=example.com');
  const bounce = results({ spf: { result: 'pass', domain: 'mail.example', identity: 'helo', why: null, aligned: false } });
  expect(resultsField('mx', bounce)).toContain('spf=pass smtp.helo=mail.example;');
});

test('what is not known has no property, and a long one is cut', () => {
  const of = (selector: string) => [{ domain: 'x.example', selector, result: 'fail' as const, why: null, aligned: false }];
  const bare = results({
    dkim: [{ domain: '', selector: '', result: 'permerror', why: null, aligned: false }],
    dmarc: { result: 'permerror', domain: null, policy: null, at: null, why: null },
  });
  expect(resultsField('mx', bare)).toBe(' mx;\n spf=fail smtp.mailfrom=stranger.example;\n dkim=permerror;\n dmarc=permerror');
  expect(resultsField('mx', results({ dkim: of(`$${'a'.repeat(253)}`) }))).toContain(` header.s="$${'a'.repeat(252)}";`);
});

test('nothing that a sender chooses can add a result', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.constantFrom('', '; dmarc=pass', '"; dmarc=pass', '\n dmarc=pass (', ') dkim=pass'),
      (text, more) => {
        const chosen = `${text}${more}`;
        const field = resultsField(
          'mx.example.com',
          results({
            spf: { result: 'fail', domain: chosen, identity: 'helo', why: null, aligned: false },
            dkim: [{ domain: chosen || 'x', selector: chosen, result: 'fail', why: null, aligned: false }],
          }),
        );
        expect(field.split('\n')).toHaveLength(4);
        expect(field).toMatch(/^[ -~\n]*$/);
        const found = parseAuthenticationResults(field.replace(/\n/g, ''))!;
        expect(found.results.map(({ method, result }) => `${method}=${result}`)).toEqual(['spf=fail', 'dkim=fail', 'dmarc=fail']);
      },
    ),
  );
});
