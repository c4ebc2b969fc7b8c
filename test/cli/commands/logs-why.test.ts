import { afterEach, beforeEach, expect, test } from 'vitest';
import { runLogsWhy } from '../../../services/cli/commands/logs-why.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { messagesOf } from '../../../services/store/sending/why-mail-failed.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { putMessage, putSource } from '../../store/sending/rows.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

async function ask(id: string, options: { json?: boolean } = {}): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const code = await runLogsWhy(loadConfig({ DATABASE_URL: t.url }, '/nowhere'), id, options, (line) => lines.push(line));
  return { code, text: lines.join('\n') };
}

/**
 * A mail that the application's server handed to the relay, which signed it with a key that was taken away.
 */
async function mail(): Promise<void> {
  const source = await putSource(t.db, 'eu-1', ['192.0.2.0/28']);
  const signatures = [{ domain: 'example.com', selector: 's1' }];
  const of = { source_id: source, message_id: 'a.1@example.com' };
  const relay = await putMessage(t.db, {
    ...of,
    host: 'relay',
    queue_id: 'B2',
    started_at: '2026-11-20T12:00:01Z',
    signatures,
    recipients: [
      {
        domain: 'gmail.com',
        relay: 'mx.google.com',
        status: 'bounced',
        dsn: '5.7.26',
        dmarc_words: true,
        words: '550 5.7.26 no',
      },
    ],
  });
  await putMessage(t.db, {
    ...of,
    host: 'app',
    queue_id: 'A1',
    started_at: '2026-11-20T12:00:00Z',
    direction: 'internal',
    leads_to: relay,
    header_domain: null,
  });
  await putMessage(t.db, {
    source_id: source,
    host: 'app',
    queue_id: 'A2',
    message_id: 'b@example.com',
    started_at: '2026-11-20T12:00:00Z',
  });
  await t.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, aliases, answers) values
       ('example.com', 's1._domainkey.example.com', 'TXT', 'dkim', 'absent', now(), '{}', '[]'),
       ('example.com', 'example.com', 'TXT', 'spf', 'records', now(), '{}', '[]')`,
  );
  await t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, first_seen, last_seen, gone_at, servers) values
       ('example.com', 's1._domainkey.example.com', 'TXT', 'dkim', 'v=DKIM1; p=abc', '2026-11-01', '2026-11-20 10:00Z', '2026-11-20 11:00Z', '{}'),
       ('example.com', 'example.com', 'TXT', 'spf', 'v=spf1 ip4:198.51.100.0/24 -all', '2026-11-01', '2026-11-21', null, '{}')`,
  );
}

test('a mail is found by its Message-ID and by each of its queue ids, with all that is known', async () => {
  await mail();
  for (const id of ['a.1@example.com', '<a.1@example.com>', 'A1', 'B2']) {
    const { code, text } = await ask(id);
    expect(code).toBe(0);
    expect(text).toContain('Message a.1@example.com as example.com, by eu-1/production/shop');
    expect(text).toMatch(/relay +B2 +out/);
    expect(text).toContain(
      '! mx.google.com refused it for a recipient at gmail.com, with words about DMARC, SPF or DKIM: "550 5.7.26 no".',
    );
    expect(text).toContain('! The key at s1._domainkey.example.com was gone from DNS since 2026-11-20 11:00 UTC');
    expect(text).toContain('! The SPF record of example.com did not admit 192.0.2.0/28');
    expect(text).toMatch(/2026-11-20 11:00 +dns +gone/);
    expect(text).not.toContain('b@example.com');
  }
  const { text } = await ask('A1', { json: true });
  expect(JSON.parse(text)).toMatchObject({ domain: 'example.com', hops: [{ queue_id: 'A1' }, { queue_id: 'B2' }] });
  expect(text).not.toContain('"hash"');
});

test('what no log has, and what is of a domain that the person may not see, is not found', async () => {
  expect(await ask('nobody@example.com')).toMatchObject({ code: 1, text: expect.stringContaining('No log has a message') });
  await mail();
  const reader = (domain: string) => ({ db: t.db, scope: { all: false, domains: [domain] } });
  expect(await messagesOf(reader('other.example'), 'A1')).toEqual([]);
  expect(await messagesOf(reader('example.com'), 'A1')).toHaveLength(1);
});
