import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withTags } from '../../../services/dns/dmarc/edit.ts';
import { parseDmarc } from '../../../services/dns/dmarc/record.ts';

test.each([
  ['v=DMARC1; p=none; rua=mailto:a@b.c', { p: 'reject' }, 'v=DMARC1; p=reject; rua=mailto:a@b.c'],
  ['v=DMARC1;P = none ;rua=mailto:a@b.c;', { p: 'quarantine', t: 'y' }, 'v=DMARC1; P=quarantine; t=y; rua=mailto:a@b.c'],
  ['v=DMARC1; rua=mailto:a@b.c', { p: 'none' }, 'v=DMARC1; p=none; rua=mailto:a@b.c'],
  ['v=DMARC1; rua=mailto:a@b.c', { np: 'reject' }, 'v=DMARC1; rua=mailto:a@b.c; np=reject'],
  ['v=DMARC1; sp=none; p=none', { sp: 'reject', np: 'reject' }, 'v=DMARC1; sp=reject; p=none; np=reject'],
  ['v=DMARC1; p=reject; t=y; T=n; x-own=1', { t: null }, 'v=DMARC1; p=reject; x-own=1'],
  ['v=DMARC1; p=none; p=reject', { p: 'quarantine' }, 'v=DMARC1; p=quarantine'],
  ['v=DMARC1; p=none; no tag', { rua: 'mailto:a@b.c' }, 'v=DMARC1; p=none; no tag; rua=mailto:a@b.c'],
  ['v=DMARC1', { p: 'none', rua: 'mailto:a@b.c' }, 'v=DMARC1; p=none; rua=mailto:a@b.c'],
  // The name of a tag that is part of another's value, or of its name, is not that tag.
  ['v=DMARC1; sp=none; ruf=mailto:p=none@b.c', { p: 'reject' }, 'v=DMARC1; p=reject; sp=none; ruf=mailto:p=none@b.c'],
])('%s with %o', (before, tags, after) => {
  expect(withTags(before, tags)).toBe(after);
});

test('whatever the record, the tag is then as set, and no other has changed', () => {
  const value = fc.constantFrom('none', 'quarantine', 'reject', 'y', 'n', 'r', 's', '', 'mailto:a@b.c');
  const tag = fc.tuple(fc.constantFrom('p', 'sp', 'np', 't', 'adkim', 'P', 'x'), value).map(([name, of]) => `${name} = ${of}`);
  const record = fc.uniqueArray(tag, { selector: (one) => one.split(' ')[0]!.toLowerCase(), maxLength: 6 });
  fc.assert(
    fc.property(record, fc.constantFrom('p', 'sp', 'np'), fc.constantFrom('none', 'reject'), (tags, name, policy) => {
      const text = ['v=DMARC1', ...tags].join(';');
      const [before, after] = [parseDmarc(text)!, parseDmarc(withTags(text, { [name]: policy }))!];
      expect(after[name as 'p']).toBe(policy);
      for (const other of ['p', 'sp', 'np', 'adkim', 'testing', 'psd'] as const)
        if (other !== name) expect(after[other]).toBe(before[other]);
    }),
  );
});
