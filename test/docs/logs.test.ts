import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { linesOfBody } from '../../services/collector/intake/json.ts';
import { countMail } from '../../services/collector/joining/count.ts';
import { newDraft } from '../../services/collector/joining/draft.ts';
import { SIGN_SILENTLY } from '../../services/collector/programs/index.ts';
import { collectorSchema, LOG_PROGRAMS } from '../../services/shared/settings/collector.ts';
import type { Recipient } from '../../services/store/sending/types.ts';

const text = readFileSync('docs/logs.md', 'utf8');
const prose = text.replace(/\s+/g, ' ');
const NOW = Date.parse('2026-11-27T16:00:00Z');

/** The cells of the rows of the table whose heading begins so. */
function rows(heading: string): string[][] {
  const lines = text.slice(text.indexOf(heading)).split('\n').slice(2);
  return lines
    .slice(
      0,
      lines.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) => line.split('|').slice(1, -1));
}
const codes = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((found) => found[1]!);

const NAMES = {
  postfix: 'Postfix 3, under any `syslog_name`',
  opendkim: 'OpenDKIM',
  opendmarc: 'OpenDMARC',
  rspamd: 'rspamd',
  exim: 'Exim',
  named: 'BIND',
  knot: 'Knot',
  ses: 'Amazon SES',
  sendgrid: 'SendGrid',
  m365: 'Microsoft 365',
} as const;

test('the table of programs has each program that is read', () => {
  expect(rows('| program | read |').map(([name]) => name!.trim())).toEqual(LOG_PROGRAMS.map((name) => NAMES[name]));
});

test('those that do not log that they sign are named', () => {
  const names = SIGN_SILENTLY.map((name) => NAMES[name as keyof typeof NAMES].replace('Amazon ', ''));
  expect(prose).toContain(`${names.slice(0, -1).join(', ')} and ${names.at(-1)} do not log theirs`);
});

const FIELDS = rows('| what | fields |');
test.each(codes(FIELDS[0]![1]!))('a line is read from %s', (field) => {
  expect(linesOfBody(JSON.stringify({ [field]: 'postfix/smtp[7]: x' }), { now: NOW }).raws).toMatchObject([
    { text: 'postfix/smtp[7]: x' },
  ]);
});
test.each(codes(FIELDS[1]![1]!))('its time is read from %s', (field) => {
  const value = field.startsWith('__') ? `${NOW}000` : new Date(NOW).toISOString();
  expect(linesOfBody(JSON.stringify({ message: 'x', [field]: value }), { now: NOW }).raws).toMatchObject([{ at: NOW }]);
});

test('50,000 records are the most of a request', () => {
  expect(prose).toContain('50,000 records');
  const body = JSON.stringify(new Array(50_001).fill({ message: 'x' }));
  const { raws, over } = linesOfBody(body, { now: NOW });
  expect([raws.length, over]).toEqual([50_000, 1]);
});

test.each(['postfix', ...SIGN_SILENTLY] as const)(
  'a message that %s sent without a word of a signature: sent is at least signed + unsigned',
  (program) => {
    const draft = newDraft({ source_id: 1, host: 'mx1', queue_id: 'q' }, NOW);
    draft.programs = [program];
    draft.recipients = [{ domain: 'gmx.net', hash: null, status: 'sent', outside: true } as unknown as Recipient];
    const { sent, signed, unsigned } = countMail(
      { drafts: [draft], next: new Map() },
      { cluster: '', environment: '', workload: '' },
    )!;
    expect({ sent, signed, unsigned }).toEqual({ sent: 1, signed: 0, unsigned: SIGN_SILENTLY.includes(program) ? 0 : 1 });
  },
);

test('days and seconds are those of the settings', () => {
  const { window_seconds, keep_raw_days, keep_messages_days } = collectorSchema.parse({});
  expect(prose).toContain(`\`window_seconds\` (${window_seconds})`);
  expect(prose).toContain(`\`keep_raw_days\` (${keep_raw_days}) and \`keep_messages_days\` (${keep_messages_days})`);
});
