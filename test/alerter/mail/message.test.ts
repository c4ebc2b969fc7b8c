import { expect, test } from 'vitest';
import { composeMail, messageIdOf } from '../../../services/alerter/mail/message.ts';

const PARTS = {
  from: 'Ruawatch@Alerts.Example.ORG',
  to: ['a@example.org', 'b@example.org'],
  message_id: '<x@example.org>',
  inReplyTo: null as string | null,
  date: new Date('2026-10-06T08:00:00Z'),
  urgent: false,
  content: { subject: 'Subject', text: 'Text\n', html: '<p>HTML</p>' },
};
const headers = async (over: Partial<typeof PARTS>) => {
  const raw = (await composeMail({ ...PARTS, ...over })).toString('utf8');
  const lines = raw
    .slice(0, raw.indexOf('\r\n\r\n'))
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
};

test('the id of a mail ends with the domain of its sender', () => {
  expect(messageIdOf('finding-1', 'abc', PARTS.from)).toBe('<finding-1.abc@alerts.example.org>');
  expect(messageIdOf('finding-1', 'abc', '"a@b"@example.org')).toBe('<finding-1.abc@example.org>');
});

test('a mail begins a thread or follows one, and is marked only where that is asked for', async () => {
  const first = await headers({});
  expect(first.get('message-id')).toBe('<x@example.org>');
  expect(first.get('list-id')).toBe('ruawatch alerts <alerts.alerts.example.org>');
  expect(first.get('auto-submitted')).toBe('auto-generated');
  expect(first.get('to')).toBe('a@example.org, b@example.org');
  for (const absent of ['in-reply-to', 'references', 'importance']) expect(first.has(absent)).toBe(false);
  const next = await headers({ inReplyTo: '<w@example.org>', urgent: true });
  expect(next.get('in-reply-to')).toBe('<w@example.org>');
  expect(next.get('references')).toBe('<w@example.org>');
  expect(next.get('importance')).toBe('high');
});

test('the same parts give the same bytes, and another id another boundary', async () => {
  const [one, same, other] = await Promise.all([PARTS, PARTS, { ...PARTS, message_id: '<y@example.org>' }].map(composeMail));
  expect(one!.equals(same!)).toBe(true);
  const boundary = (raw: Buffer) => /boundary="(.*)"/.exec(raw.toString())![1]!;
  expect(boundary(one!)).toMatch(/[0-9a-f]{24}/);
  expect(boundary(one!)).not.toMatch(/[0-9a-f]{25}/);
  expect(boundary(one!)).not.toBe(boundary(other!));
});

test('no value is read from a file or an address', async () => {
  const content = { ...PARTS.content, text: { path: '/etc/hostname' } as unknown as string };
  await expect(composeMail({ ...PARTS, content })).rejects.toThrow('File access rejected');
  const remote = { ...PARTS.content, html: { href: 'http://127.0.0.1:9/' } as unknown as string };
  await expect(composeMail({ ...PARTS, content: remote })).rejects.toThrow('Url access rejected');
});
