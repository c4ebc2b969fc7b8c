import { expect, test } from 'vitest';
import { KINDS } from '../../../services/findings/kinds/index.ts';
import type { Traits } from '../../../services/findings/kinds/kind.ts';
import { rulesWith, traitsOf } from '../../../services/findings/kinds/traits-of.ts';

test('what is no rule has no traits', () => {
  for (const name of [undefined, '', 'toString', '__proto__', 'of_a_later_version']) expect(traitsOf(name)).toEqual({});
  expect(traitsOf('abused_sender')).toEqual({ name: null, mail: 'forged', partOf: 'senders' });
});

test('what stands against a stricter policy, and what stops mail under one, are these', () => {
  expect(rulesWith('stopsMail')).toEqual(['authentication_regression', 'dkim_key_missing', 'dns_broken', 'spf_limit']);
  expect(rulesWith('againstPolicy')).toEqual(['alignment_failure', 'authentication_regression']);
  expect(rulesWith('contested')).toEqual(['subdomain_abuse', 'unauthorized_source']);
});

test('mail that others forge is never proposed for approval, and is never taken for mail of a sender', () => {
  for (const [rule, { traits }] of Object.entries(KINDS)) {
    const { mail, approvable, stopsMail }: Traits = traits;
    if (mail === 'forged') expect({ rule, approvable, stopsMail }).toEqual({ rule });
  }
});

test('a trait that a rule does not have is left out, but for its name: none is said to be false', () => {
  for (const [rule, { traits }] of Object.entries(KINDS))
    for (const [trait, value] of Object.entries({ ...traits, name: 'A name' }))
      expect(`${rule} ${trait} ${value}`).not.toMatch(/false|undefined|null/);
});
