import { expect, test } from 'vitest';
import { KINDS } from '../../../services/findings/kinds/index.ts';
import { rulesWith, TRAITS, traitsOf } from '../../../services/findings/kinds/traits.ts';

test('every rule has traits, and what is no rule has none', () => {
  expect(Object.keys(TRAITS).sort()).toEqual(Object.keys(KINDS).sort());
  for (const name of [undefined, '', 'toString', '__proto__', 'of_a_later_version']) expect(traitsOf(name)).toEqual({});
  expect(traitsOf('abused_sender')).toEqual({ mail: 'forged', partOf: 'senders' });
});

test('what stands against a stricter policy, and what stops mail under one, are these', () => {
  expect(rulesWith('stopsMail')).toEqual(['authentication_regression', 'dkim_key_missing', 'dns_broken', 'spf_limit']);
  expect(rulesWith('againstPolicy')).toEqual(['alignment_failure', 'authentication_regression']);
  expect(rulesWith('contested')).toEqual(['subdomain_abuse', 'unauthorized_source']);
});

test('mail that others forge is never proposed for approval, and is never taken for mail of a sender', () => {
  for (const [rule, { mail, approvable, stopsMail }] of Object.entries(TRAITS)) {
    if (mail === 'forged') expect({ rule, approvable, stopsMail }).toEqual({ rule });
  }
});

test('a trait that a rule does not have is left out: none is said to be false', () => {
  for (const [rule, traits] of Object.entries(TRAITS))
    for (const [trait, value] of Object.entries(traits)) expect(`${rule} ${trait} ${value}`).not.toMatch(/false|undefined|null/);
});
