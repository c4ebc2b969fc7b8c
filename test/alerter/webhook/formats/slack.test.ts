import { expect, test } from 'vitest';
import { slackFormat } from '../../../../services/alerter/webhook/formats/slack.ts';
import type { FindingEvent } from '../../../../services/store/alerts/outbox.ts';
import { CASES, expectCases } from '../../../mails/cases.ts';
import { evidenceOf, FINDINGS } from '../../events.ts';

const EVENT = FINDINGS.unauthorized_source!;
const text = (bytes: Buffer): string => JSON.parse(bytes.toString()).text;
const many = (events: FindingEvent[]) => text(slackFormat.many!(events));

test('one event: its headline in bold, and the rows of the mail', () => {
  const lines = text(slackFormat.one(EVENT)).split('\n');
  expect(lines[0]).toMatch(/^\*Critical: .*\*$/);
  expect(lines.join('\n')).toMatch(/^How many: 1,610 of 12,400 messages/m);
  expect(lines.some((line) => line.startsWith('• '))).toBe(true);
});

test('it ends with what to do in ruawatch, and the page of the console', () => {
  const lines = text(slackFormat.one(EVENT, 'https://ruawatch.example.org/r')).split('\n');
  expect(lines.slice(-5)).toEqual([
    'In ruawatch:',
    'https://ruawatch.example.org/r/findings/17',
    'ruawatch findings ack 17 --why "being worked on"',
    'ruawatch findings resolve 17 --as false --why "false alarm"',
    'ruawatch findings show 17',
  ]);
  expect(text(slackFormat.one(EVENT))).not.toContain('://');
});

test('what begins links and mentions is escaped', () => {
  const hostile = { ...EVENT, ...evidenceOf({ what: '<!channel> <https://evil.example|click> & more' }), summary: '<@U1>' };
  expect(text(slackFormat.one(hostile))).not.toMatch(/[<>]/);
  expect(text(slackFormat.one(hostile))).toContain('&lt;!channel&gt;');
  expect(many([hostile])).not.toMatch(/[<>]/);
});

test('many events share one text, of which ten are listed', () => {
  const events = Array.from({ length: 13 }, (_, n) => ({ ...EVENT, domain: `d${n % 2}.example` }));
  const lines = many(events).split('\n');
  expect(lines[0]).toBe('*13 findings in 2 domains, combined*');
  expect(lines.filter((line) => line.startsWith('• '))).toHaveLength(10);
  expect(lines.at(-1)).toMatch(/^and 3 more: /);
  expect(many(events.slice(0, 10)).split('\n')).toHaveLength(11);
});

test('a finding that is over is three lines', () => {
  const evidence = { ...(EVENT.stored as object), ended: { reason: 'no_such_mail', days: 7 } };
  const over = text(slackFormat.one({ ...EVENT, event: 'resolved', ...evidenceOf(evidence) }));
  expect(over.split('\n')[0]).toMatch(/^\*Not seen for 7 days: /);
  expect(over).toContain('no such mail on the last 7 report days');
});

test('each case as a text for Slack', () =>
  expectCases('slack.txt', ({ event, step, console }) => text(slackFormat.one({ ...event, event: step }, console ?? null))));

test('one event beyond those listed is counted, and each is said with its step', () => {
  const all = Object.values(CASES).map(({ event, step }) => ({ ...event, event: step }));
  expect(many(all.slice(0, 11)).split('\n').at(-1)).toMatch(/^and 1 more: /);
  expect(
    many(all.slice(0, 6))
      .split('\n')
      .map((line) => line.split(':')[0]),
  ).toEqual([
    '*6 findings in 1 domain, combined*',
    '• Critical',
    '• Changed',
    '• Again',
    '• Still open',
    '• Not seen for 7 days',
    '• Resolved',
  ]);
});
