import { expect, test } from 'vitest';
import { readGuard } from '../../../services/dns/guard/file.ts';
import { declarationOf, declaredSenders } from '../../../services/dns/guard/senders.ts';

const FILE = `
version: 1
environments:
  production:
    domains:
      example.com:
        dkim: { selectors: { s1: any, old: revoked } }
        workloads:
          - { name: shop }
          - { name: crm, envelope_from: bounce.crm.example, selectors: [s1] }
      plain.example.com:
        workloads: [{ name: legacy }]
  staging:
    domains:
      staging.example.com: { workloads: [{ name: shop }] }
`;
const declared = declaredSenders(readGuard(FILE))!;
const verdictOf = (environment: string, workload: string, domain: string) =>
  declarationOf(declared, { environment, workload, domain }).verdict;

test('who may send as what, and whether it signs', () => {
  expect(declared.reference).toBe('production');
  expect(declared.senders.map((one) => [one.environment, one.workload, one.domain, one.signs])).toEqual(
    expect.arrayContaining([
      ['production', 'shop', 'example.com', true],
      ['production', 'crm', 'example.com', true],
      ['production', 'legacy', 'plain.example.com', false],
      ['staging', 'shop', 'staging.example.com', false],
    ]),
  );
  expect(declaredSenders(readGuard('version: 1\nenvironments: { production: { domains: { example.com: {} } } }'))).toBeNull();
});

test.each([
  ['production', 'shop', 'example.com', 'declared'],
  ['', 'shop', 'example.com', 'declared'],
  ['production', 'shop', 'mail.example.com', 'declared'],
  ['production', 'crm', 'bounce.crm.example', 'declared'],
  ['production', 'shop', 'plain.example.com', 'undeclared'],
  ['production', 'shop', 'bounce.crm.example', 'undeclared'],
  ['production', 'shop', 'staging.example.com', 'undeclared'],
  ['staging', 'shop', 'example.com', 'undeclared'],
  ['staging', 'shop', 'staging.example.com', 'declared'],
  ['canary', 'shop', 'example.com', 'undeclared'],
  ['production', 'debug', 'example.com', 'undeclared'],
  ['production', 'debug', 'other.example', 'undecided'],
  ['production', 'shop', 'other.example', 'undeclared'],
])('%s/%s as %s: %s', (environment, workload, domain, verdict) => expect(verdictOf(environment, workload, domain)).toBe(verdict));
