import { expect, test } from 'vitest';
import { RULES, rulesOf, TESTED_KINDS } from '../../services/analyzer/rules/index.ts';
import { KINDS, QUIET_KINDS } from '../../simulate/kinds.ts';
import { MEANING } from '../../simulate/vocabulary.ts';
import { readDocument, sections, tableOf } from './markdown.ts';

const parts = sections(readDocument('detection.md'));
const part = (title: string) => parts.find((one) => one.title === title)!.text;
const kindsOf = (rules: readonly { kind: string }[]) => [...new Set(rules.map(({ kind }) => kind))].sort();
/** Kinds that rest on mail logs: `npm run simulate -- --logs` has worlds for them. */
const LOG_KINDS = kindsOf(rulesOf('sending'));

test('docs/detection.md lists every rule with its severities, and no other', () => {
  const listed = tableOf(part('The kinds'), 'kind').map(([kind, severity]) => `${/`(\w+)`/.exec(kind!)![1]}: ${severity}`);
  expect(listed.sort()).toEqual(RULES.map(({ kind, severity }) => `${kind}: ${severity.join(', ')}`).sort());
});

test('docs/detection.md names the kinds that share the budget, and how many they are', () => {
  const text = part('The budget of false alarms').replace(/\s+/g, ' ');
  const [, formula] = /budget \/ 30 days \/ (\d+) kinds/.exec(text)!;
  expect(Number(formula)).toBe(TESTED_KINDS);
  const [, names] = /The eight are (.*?)\. The others/.exec(text)!;
  expect([...names!.matchAll(/`(\w+)`/g)].map(([, kind]) => kind!).sort()).toEqual(kindsOf(RULES.filter(({ tested }) => tested)));
});

test('the simulator has an incident for every kind of finding, and knows no other kind', () => {
  const ours = Object.values(KINDS).flatMap(({ detect, excuse }) => [...detect, ...excuse].filter((kind) => !kind.includes(' ')));
  const detected = Object.values(KINDS).flatMap(({ detect }) => detect.filter((kind) => !kind.includes(' ')));
  expect([...new Set(ours)].sort()).toEqual(kindsOf(RULES));
  expect([...new Set(detected)].sort()).toEqual(kindsOf(RULES));
  const meant = Object.values(MEANING).flatMap(({ detect, excuse }) => [...detect, ...excuse]);
  const named = [...new Set(meant.filter((kind) => !kind.includes(' ')))].sort();
  // What is for information is a line in the digest, and no family is about it; nor is one about mail to the
  // domain, or about other environments, names, people or logs.
  expect(named).toEqual(
    kindsOf(RULES).filter(
      (kind) =>
        ![
          'policy_ready',
          'bimi_ready',
          'sender_moved',
          'mta_sts_broken',
          'environment_drift',
          'lookalike_domain',
          'nobody_can_approve',
          'grant_overdue',
          'egress_not_followed',
          'mail_not_judged',
          ...LOG_KINDS,
        ].includes(kind),
    ),
  );
  expect(QUIET_KINDS).toEqual(['policy_ready']);
});
