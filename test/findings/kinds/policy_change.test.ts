import { test } from 'vitest';
import { expectWords } from './words.ts';

const tag = (name: string, from: string, to: string) => ({ tag: name, from, to, since: '2026-10-03' });

test('which tags changed, which way, and who has seen it', () =>
  expectWords('policy_change', {
    'stronger, nothing reported since': {},
    'stronger, one report since': { facts: { reports: 1 } },
    'weaker to none, seen by two': {
      facts: { stronger: false },
      evidence: { tags: [tag('p', 'reject', 'none')], reporters: ['google.com', 'yahoo.com'] },
    },
    'weaker, seen by a reporter whose name is known': {
      facts: { stronger: false },
      evidence: {
        tags: [tag('p', 'reject', 'none')],
        reporters: ['enterprise outlook', 'yahoo.com'],
        reporter_names: { 'enterprise outlook': 'Microsoft' },
      },
    },
    'weaker, subdomains to none': { facts: { stronger: false }, evidence: { tags: [tag('sp', 'reject', 'none')] } },
    'weaker, but not to none, two tags': {
      facts: { stronger: false },
      evidence: { tags: [tag('p', 'reject', 'quarantine'), tag('pct', '100', '50')] },
    },
    'a tag that is neither p nor sp goes to none': {
      facts: { stronger: false },
      evidence: { tags: [tag('np', 'reject', 'none')] },
    },
    'p weaker, but not to none, beside a tag that goes to none': {
      facts: { stronger: false },
      evidence: { tags: [tag('p', 'reject', 'quarantine'), tag('sp', 'quarantine', 'none')] },
    },
  }));
