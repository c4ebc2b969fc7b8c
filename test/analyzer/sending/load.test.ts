import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../../services/shared/days.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { noteSent } from '../../../services/store/sending/names.ts';
import { putDay, putMessage, putSource } from '../../store/sending/rows.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { DOMAIN, row, span, TODAY } from '../rows.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-declared-'));
const file = path.join(folder, 'mail-guard.yaml');
writeFileSync(file, `{version: 1, environments: {production: {domains: {${DOMAIN}: {workloads: [{name: shop}]}}}}}`);
/** The clock of the fixture: the morning after the newest report day. */
const DAY = addDays(TODAY, 1);

let f: Fixture;
beforeEach(async () => {
  f = await fixture({ RUAWATCH_CONFIG: undefined } as NodeJS.ProcessEnv);
  Object.assign(f.context.config, { guardFile: file });
  await putOwn(f.t.db, [DOMAIN], 'listed', { now: new Date(0), ignored: true });
  await f.t.db.query('update ruawatch.domains set history = false where domain = $1', [DOMAIN]);
});
afterEach(async () => {
  await f.close();
});
const note = (...names: string[]) => transaction(f.t.db, (tx) => noteSent(tx, names));
const kinds = async () => (await f.findings()).map(({ kind, subject, state }) => [kind, subject, state]).sort();

describe('what the logs show, analyzed', () => {
  test('unsigned mail and an undeclared workload, found by the names below the domain too, and resolved', async () => {
    await putSource(f.t.db, 'eu-1');
    await putDay(f.t.db, { sent: 500, first_at: `${addDays(DAY, -1)}T08:00Z`, last_at: `${addDays(DAY, -1)}T20:00Z` });
    await putDay(f.t.db, { selector: '', sent: 40, first_at: `${DAY}T06:00Z`, last_at: `${DAY}T07:00Z` });
    await putDay(f.t.db, { workload: 'debug', domain: `app.${DOMAIN}`, sent: 9, first_at: `${DAY}T06:00Z` });
    expect(await note(`app.${DOMAIN}`, DOMAIN, 'other.invalid')).toEqual([DOMAIN]);
    await f.analyze();
    expect(await kinds()).toEqual([
      ['unauthorized_workload', 'eu-1/production/debug', 'open'],
      ['unsigned_mail', 'eu-1/production/shop', 'open'],
    ]);
    expect((await f.events()).map(({ event, notify }) => [event, notify])).toEqual([
      ['opened', true],
      ['opened', true],
    ]);
    // What is shown of it can be pasted into psql.
    for (const { evidence } of await f.findings()) expect((await f.t.db.query(evidence.query)).rowCount).toBeGreaterThan(0);
    // Signed again, and the other one is gone from the sums.
    f.setNow(new Date(`${DAY}T12:00:00Z`));
    await putDay(f.t.db, { selector: 's2', sent: 90, first_at: `${DAY}T09:00Z`, last_at: `${DAY}T11:30Z` });
    await f.t.db.query("delete from ruawatch.sending_days where workload = 'debug'");
    await note(DOMAIN);
    await f.analyze();
    expect(await kinds()).toEqual([
      ['unauthorized_workload', 'eu-1/production/debug', 'resolved'],
      ['unsigned_mail', 'eu-1/production/shop', 'resolved'],
    ]);
  });

  test('a signature of another organization is none, of a name below the domain it is one', async () => {
    await putDay(f.t.db, { sent: 500, first_at: `${addDays(DAY, -1)}T08:00Z`, signing_domain: `mail.${DOMAIN}` });
    await putDay(f.t.db, { selector: 'esp', signing_domain: 'esp.example', aligned: 0, sent: 40, first_at: `${DAY}T06:00Z` });
    await putSource(f.t.db, 'eu-1');
    await note(DOMAIN);
    await f.analyze();
    expect((await f.findings()).map(({ kind, evidence }) => [kind, (evidence.facts as { keys: string[] }).keys])).toEqual([
      ['unsigned_mail', [`s1._domainkey.mail.${DOMAIN}`]],
    ]);
  });

  test('a key that is not published is asked about at once', async () => {
    const { db } = f.t;
    await putSource(db, 'eu-1');
    await putDay(db, { selector: 's2', sent: 40, first_at: `${DAY}T06:00Z` });
    const now = f.context.clock.now();
    await db.query(
      "insert into ruawatch.dns_watch (domain, due_at, asked_at) values ($1, $2::timestamptz + interval '1 hour', $2::timestamptz - interval '1 hour')",
      [DOMAIN, now],
    );
    await note(DOMAIN);
    await f.analyze();
    expect((await db.query('select due_at from ruawatch.dns_watch')).rows).toEqual([{ due_at: now }]);
    expect(await f.findings()).toEqual([]);
    await db.query(
      `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answered_at, aliases, answers)
       values ($1, $2, 'TXT', 'dkim', 'absent', $3, $3, $3, '{}', '[]')`,
      [DOMAIN, `s2._domainkey.${DOMAIN}`, now],
    );
    await note(DOMAIN);
    await f.analyze();
    expect(await kinds()).toEqual([['key_not_published', `s2._domainkey.${DOMAIN}`, 'open']]);
  });

  test('signatures that our own verifier refuses count when the logs know the message and it came from us', async () => {
    const { db } = f.t;
    const source = await putSource(db, 'eu-1', ['192.0.2.0/28']);
    const signatures = [{ domain: DOMAIN, selector: 's1' }];
    const fails = [{ program: 'opendkim', method: 'dkim' as const, result: 'fail', domain: DOMAIN, selector: 's1' }];
    for (const n of [1, 2, 3, 4]) {
      const message_id = `<${n}@${DOMAIN}>`;
      await putMessage(db, { source_id: source, queue_id: `A${n}`, message_id, started_at: `${DAY}T06:0${n}Z`, signatures });
      // Back by a mailing list, and forged by a stranger.
      const back = { source_id: source, message_id, started_at: `${DAY}T06:1${n}Z`, direction: 'in' as const, verify: fails };
      await putMessage(db, { ...back, queue_id: `B${n}`, client_ip: '203.0.113.9' });
      await putMessage(db, { ...back, queue_id: `C${n}`, message_id: `<x${n}@${DOMAIN}>`, client_ip: '192.0.2.3' });
    }
    await putDay(db, { sent: 4, first_at: `${DAY}T06:00Z` });
    await note(DOMAIN);
    await f.analyze();
    expect(await f.findings()).toEqual([]);
    for (const n of [1, 2, 3])
      await putMessage(db, {
        source_id: source,
        queue_id: `D${n}`,
        message_id: `<${n}@${DOMAIN}>`,
        started_at: `${DAY}T06:2${n}Z`,
        direction: 'in',
        verify: fails,
        client_ip: '192.0.2.3',
      });
    await note(DOMAIN);
    await f.analyze();
    expect(await kinds()).toEqual([['verify_failed', 'eu-1/production/shop', 'open']]);
  });

  test('refused signed mail, with the words of a receiver', async () => {
    const { db } = f.t;
    const source = await putSource(db, 'eu-1');
    await putMessage(db, {
      source_id: source,
      queue_id: 'A',
      started_at: `${DAY}T06:05Z`,
      signatures: [{ domain: DOMAIN, selector: 's1' }],
      recipients: [{ status: 'bounced', dmarc_words: true, words: '550 5.7.26 DMARC' }],
    });
    await putDay(db, { sent: 40, refused: 9, refused_dmarc: 9, refused_by: { 'gmail.com': 9 }, first_at: `${DAY}T06:00Z` });
    await note(DOMAIN);
    await f.analyze();
    const [{ evidence }] = (await f.findings()) as [Awaited<ReturnType<Fixture['findings']>>[number]];
    expect(evidence.facts).toMatchObject({ refused: 9, receivers: ['gmail.com'], words: '550 5.7.26 DMARC' });
  });

  test('a receiver that reports on other domains and not on this one', async () => {
    const { db } = f.t;
    await putSource(db, 'eu-1');
    const reported = span(30, 0, 'both', 100, ['gmx']);
    await f.put(reported, { domain: 'other.example', work: false });
    await db.query(
      "insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ('other.example', 'gmx', 'known', true)",
    );
    for (const n of [3, 4, 5, 6])
      await putDay(db, {
        sent: 4000,
        first_at: `${addDays(DAY, -n)}T06:00Z`,
        recipients: { 'gmx.de': 3000, 'web.example': 900 },
      });
    await note(DOMAIN);
    await f.analyze();
    expect(await kinds()).toEqual([['sending_not_reported', 'gmx', 'open']]);
    await f.put([row(addDays(DAY, -2), 'both', 3000, { reporter: 'gmx' })]);
    await f.analyze();
    expect((await f.findings()).filter(({ kind }) => kind === 'sending_not_reported')).toMatchObject([{ state: 'resolved' }]);
  });

  test('somebody else on the own egress, by complete logs alone', async () => {
    const { db } = f.t;
    const source = await putSource(db, 'eu-1', ['192.0.2.0/28']);
    const day = addDays(DAY, -3);
    await f.put(span(9, 0, 'both', 500, ['google.com'], { source: '192.0.2.0/24' }));
    await db.query(
      `insert into ruawatch.records (report_key, n, begin_at, source_ip, source, count, dkim_aligned, spf_aligned, auth, reasons, disposition, header_from, forwarded)
       select report_key, 1, begin_at, '192.0.2.5', '192.0.2.0/24', 500, false, true, '{}', '[]', 'none', $1, false
         from ruawatch.reports where domain = $1 and begin_at = $2::date::timestamp at time zone 'UTC'`,
      [DOMAIN, day],
    );
    await db.query("update ruawatch.reports set trust = 'ok'");
    await note(DOMAIN);
    await f.analyze();
    // Without any message in the logs nothing says that they are complete.
    expect((await kinds()).filter(([kind]) => kind === 'source_not_in_logs')).toEqual([]);
    for (let hour = 0; hour < 24 * 11; hour++)
      await putMessage(db, {
        source_id: source,
        queue_id: `Q${hour}`,
        started_at: new Date(Date.parse(`${addDays(day, -8)}T00:30Z`) + hour * 3_600_000).toISOString(),
      });
    await note(DOMAIN);
    await f.analyze();
    expect((await f.findings()).filter(({ kind }) => kind === 'source_not_in_logs')).toMatchObject([
      { subject: '192.0.2.5', state: 'open', severity: 'high' },
    ]);
    const [{ evidence }] = (await f.findings()).filter(({ kind }) => kind === 'source_not_in_logs') as [
      Awaited<ReturnType<Fixture['findings']>>[number],
    ];
    expect(evidence.facts).toMatchObject({
      network: '192.0.2.0/28',
      log_sources: ['eu-1'],
      days: [day],
      logged: 72,
      passed: 500,
    });
    expect((await db.query(evidence.query)).rowCount).toBe(1);
  });
});

test('without logs nothing is read of them', async () => {
  await f.put([row(TODAY, 'both', 10)]);
  await f.analyze();
  expect(await f.findings()).toEqual([]);
  rmSync(folder, { recursive: true });
});
