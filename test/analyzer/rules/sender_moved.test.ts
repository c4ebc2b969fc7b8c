import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { DOMAIN, REPORTERS, span } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const found = async () =>
  (await f.findings())
    .filter(({ kind }) => kind === 'new_source' || kind === 'sender_moved')
    .map(({ kind, subject, severity }) => `${kind} ${subject} ${severity}`);
/** Rows, and the key that they are signed with. */
async function put(rows: readonly SourceDay[], selector: string | null = null): Promise<void> {
  await f.put(rows);
  if (selector === null) return;
  await f.t.db.query(
    `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
     select $1, source, $1, $2, day, reporter, 'ok', messages, dkim_aligned from jsonb_to_recordset($3::jsonb)
       as r(source text, day date, reporter text, messages bigint, dkim_aligned bigint)`,
    [DOMAIN, selector, JSON.stringify(rows)],
  );
}
const [OLD, NEW, OTHER] = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'] as const;
const sent = (source: string, from: number, to: number, kind: 'both' | 'dkim' | 'spf' = 'both', n = 50) =>
  span(from, to, kind, n, REPORTERS, { source });

describe('a sender that moved is for information', () => {
  test.each([
    ['another hoster', NEW, 'both'],
    ['another hoster, by SPF alone', NEW, 'spf'],
    ['a renumbered IPv6 network', '2001:db8:7::/48', 'both'],
    ['a key that nobody else uses any more, from outside the SPF record', NEW, 'dkim'],
  ] as const)('%s', async (_, source, kind) => {
    await put(sent(OTHER, 41, 0, 'both', 20), 's9');
    await put(sent(OLD, 41, 6, kind), kind === 'spf' ? null : 'mail');
    await put(sent(source, 6, 0, kind), kind === 'spf' ? null : 'mail');
    await f.analyze();
    expect(await found()).toEqual([`sender_moved ${source} info`]);
    const [finding] = (await f.findings()).filter(({ kind: one }) => one === 'sender_moved');
    expect(finding).toMatchObject({ state: 'resolved', evidence: { facts: { from: OLD, to: source, how: 'moved' } } });
    // However long it goes on, it is recorded once.
    await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
    await f.analyze();
    expect(await found()).toHaveLength(1);
  });

  test('a migration between services: one falls as the other rises', async () => {
    await put(sent(OLD, 41, 0, 'both', 100), 'mail');
    await put(sent('mailgun.org', 41, 8, 'dkim', 40), 'old');
    await put(sent('mailgun.org', 7, 0, 'dkim', 4), 'old');
    await put(sent('sendgrid.net', 7, 0, 'dkim', 36), 's1');
    await f.analyze();
    expect(await found()).toEqual(['sender_moved sendgrid info']);
  });
});

describe('a slow migration between services', () => {
  /** One service falls by a twentieth of its mail a day as another rises by as much. */
  const migrate = async (days: number) => {
    await put(sent(OLD, 41, 0, 'both', 100), 'mail');
    await put(sent('mailgun.org', 41, days, 'dkim', 200), 'old');
    for (let day = days - 1; day >= 0; day--) {
      const moved = 10 * (days - day);
      await put(sent('mailgun.org', day, day, 'dkim', 200 - moved), 'old');
      await put(sent('sendgrid.net', day, day, 'dkim', moved), 's1');
    }
  };

  test.each([6, 7, 9, 12])('is one line, for information, also %i days after its begin', async (days) => {
    await migrate(days);
    await f.analyze();
    expect((await found()).filter((line) => !line.endsWith('info'))).toEqual([]);
    if (days === 12) expect(await found()).toEqual(['sender_moved sendgrid info']);
  });
});

/** Looked up as addresses of one hoster's. */
async function ofHoster(...addresses: string[]): Promise<void> {
  for (const address of addresses)
    await f.t.db.query(
      `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, looked_up_at)
       values ($1, '2026-01-01', '2026-05-29', '7.mo7.mail-out.ovh.net', true, 'ovh.net', now())`,
      [address],
    );
}

test('new relays of a hoster that pass by SPF alone are waited with until the old ones are silent', async () => {
  await ofHoster('192.0.2.7', '198.51.100.7', '198.18.7.7');
  await put(sent(OTHER, 41, 0, 'both', 100), 'mail');
  await put(sent(OLD, 41, 3, 'spf', 60));
  for (const source of [NEW, '198.18.7.0/24']) await put(sent(source, 4, 0, 'spf', 30));
  await f.analyze();
  expect((await found()).filter((line) => line.startsWith('new_source'))).toEqual([]);
});

test('another network of the hoster that sends on top of the relays is told at once: strangers rent there too', async () => {
  await ofHoster('192.0.2.7', '198.51.100.7');
  await put(sent(OTHER, 41, 0, 'both', 100), 'mail');
  await put(sent(OLD, 41, 0, 'spf', 60));
  await put(sent(NEW, 2, 0, 'spf', 200));
  await f.analyze();
  expect((await found()).filter((line) => line.startsWith('new_source'))).toEqual([expect.stringContaining('medium')]);
});

test('a service that is warmed up for weeks before it replaces another is for information while it grows', async () => {
  await put(sent(OLD, 41, 0, 'both', 100), 'mail');
  await put(sent('mailgun.org', 41, 0, 'dkim', 200), 'old');
  for (let day = 11; day >= 0; day--) await put(sent('sendgrid.net', day, day, 'dkim', Math.round(1.25 ** (12 - day))), 's1');
  await f.analyze();
  expect(await found()).toEqual(['new_source sendgrid info']);
});

describe('what has not moved is told', () => {
  test('a service beside another one that goes on as before, once it cannot be its replacement', async () => {
    await put(sent(OLD, 41, 0, 'both', 100), 'mail');
    await put(sent('mailgun.org', 41, 0, 'dkim', 40), 'old');
    await put(sent('sendgrid.net', 6, 0, 'dkim', 36), 's1');
    await f.analyze();
    expect(await found()).toEqual(['new_source sendgrid low']);
  });

  test('a service with little mail beside a large one, however that varies, after nine days', async () => {
    await put(sent(OLD, 41, 0, 'both', 100), 'mail');
    await put(sent('mailgun.org', 41, 0, 'dkim', 400), 'old');
    await put(sent('sendgrid.net', 7, 0, 'dkim', 5), 's1');
    await f.analyze();
    expect(await found()).toEqual([]);
    await put(sent('sendgrid.net', 10, 8, 'dkim', 5), 's1');
    await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, 'sendgrid.net')", [DOMAIN]);
    await f.analyze();
    expect(await found()).toEqual(['new_source sendgrid low']);
  });

  test('a new network beside an old one that goes on', async () => {
    await put(sent(OLD, 41, 0));
    await put(sent(NEW, 6, 0, 'spf'));
    await f.analyze();
    expect(await found()).toEqual([`new_source ${NEW} medium`]);
  });

  test('a key that was published for it is low, with how to find out who did it', async () => {
    await put(sent(OLD, 41, 0, 'both', 100), 'mail');
    await put(sent(NEW, 6, 0, 'dkim'), 'gw1');
    await f.analyze();
    expect(await found()).toEqual([`new_source ${NEW} low`]);
    const [{ evidence }] = (await f.findings()) as unknown as [{ evidence: { what: string; advice: string[] } }];
    expect(evidence.what).toContain('gw1._domainkey.example.com, which nobody signed with before');
    expect(evidence.advice.join(' ')).toContain('change log of your DNS provider');
    expect(evidence.advice.join(' ')).not.toMatch(/copied/);
  });

  test('an old key of a sender that goes on may have been copied, and is not to be removed while it signs the most', async () => {
    await put(sent(OLD, 41, 0, 'both', 100), 'mail');
    await put(sent(NEW, 6, 0, 'dkim', 400), 'mail');
    await f.analyze();
    expect(await found()).toEqual([`new_source ${NEW} medium`]);
    const [{ evidence }] = (await f.findings()) as unknown as [{ evidence: { advice: string[] } }];
    expect(evidence.advice.join(' ')).toMatch(
      /again and again \(a replay\).*copied.*Do not remove the key yet: it signs .* of your mail/,
    );
  });

  test('the same key from a network that the SPF record admits is no news', async () => {
    await put(sent(OLD, 41, 0, 'both', 100), 'mail');
    await put(sent(NEW, 6, 0, 'both'), 'mail');
    await f.analyze();
    expect(await found()).toEqual([]);
  });
});

test('what it says of invented senders is as it was', () => expectLives('sender_moved'));
