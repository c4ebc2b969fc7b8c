import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DemoIncident } from '../../demo/world.ts';
import { ensurePartitions } from '../../services/store/schema/partitions.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Archive, BOOKS, CORRECTED, fillArchive, LAB, PAY, STEADY, TODAY, type TrueRecord, WRONG } from './archive.ts';
import { promisedColumns, readDocument, sections, sqlBlocks } from './markdown.ts';

type Row = Record<string, unknown>;

const parts = sections(readDocument('queries.md'));
const questions = parts.filter(({ level }) => level === 2);
const preamble = sqlBlocks(parts[0]!.text);

/** What psql makes of a block: `\set name 'value'` defines, `:'name'` is the value as a literal. */
function asPsql(block: string): string {
  const values = new Map<string, string>();
  const sql = block.replace(/^\\set (\w+) '(.*)'\n/gm, (_, name: string, value: string) => {
    values.set(name, value);
    return '';
  });
  return sql.replace(/:'(\w+)'/g, (_, name: string) => `'${values.get(name)!.replaceAll("'", "''")}'`);
}

let t: TestDatabase;
let client: pg.PoolClient;
let archive: Archive;
beforeAll(async () => {
  t = await testDatabase();
  archive = await fillArchive(t);
  client = await t.db.connect();
  for (const sql of preamble) await client.query(sql);
});
afterAll(async () => {
  client?.release();
  await t?.drop();
});

/** The answer to question `n` on the archive's day. The clock is the only thing changed in the query. */
async function answer(n: number): Promise<Row[]> {
  const { rows } = await client.query<Row>(onTheDay(n));
  return rows;
}

function onTheDay(n: number): string {
  const question = questions.find(({ title }) => title.startsWith(`${n}. `))!;
  return asPsql(sqlBlocks(question.text)[0]!).replaceAll(/\bcurrent_date\b/g, `date '${TODAY}'`);
}

const daysAgo = (n: number): string => new Date(Date.parse(TODAY) - n * 86_400_000).toISOString().slice(0, 10);
const incident = (name: DemoIncident['name']): DemoIncident => archive.world.incidents.find((i) => i.name === name)!;
const truth = (test: (r: TrueRecord) => boolean, days = 30): TrueRecord[] =>
  archive.records.filter((r) => r.day >= daysAgo(days) && test(r));
const sum = (records: readonly TrueRecord[]): number => records.reduce((n, r) => n + r.count, 0);
const of = (rows: readonly Row[], key: string): number => rows.reduce((n, row) => n + Number(row[key] ?? 0), 0);

function groups(records: readonly TrueRecord[], key: (r: TrueRecord) => string): Map<string, TrueRecord[]> {
  const map = new Map<string, TrueRecord[]>();
  for (const r of records) {
    const group = map.get(key(r));
    if (group) group.push(r);
    else map.set(key(r), [r]);
  }
  return map;
}

describe('docs/queries.md', () => {
  test('asks fifteen questions, each with one query, the columns it gives, and how to read them', () => {
    expect(questions.map(({ title }) => Number.parseInt(title, 10))).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    for (const { title, text } of questions) {
      expect(sqlBlocks(text), title).toHaveLength(1);
      expect(promisedColumns(text), title).not.toBeNull();
      const reading = text.slice(text.indexOf('\n', text.indexOf('Columns: '))).trim();
      expect(reading.length, title).toBeGreaterThan(80);
    }
    // No SQL stands outside of the questions but the preamble, so none of it is left untried.
    expect(sqlBlocks(readDocument('queries.md'))).toHaveLength(questions.length + preamble.length);
  });

  test('gives queries that run as they stand, and the promised columns', async () => {
    for (const { title, text } of questions) {
      const { fields } = await client.query(asPsql(sqlBlocks(text)[0]!));
      expect(
        fields.map(({ name }) => name),
        title,
      ).toEqual(promisedColumns(text));
    }
  });

  test('reads views alone', () => {
    for (const { title, text } of questions) expect(sqlBlocks(text)[0], title).not.toMatch(/ruawatch\./);
  });

  test('reads records of the months concerned alone, and their reports by an index', async () => {
    const made = await ensurePartitions(t.db, 'records', [], { strays: 12, tries: 3 });
    expect(made!.length).toBeGreaterThan(1);
    const plain = await t.db.connect();
    try {
      // Against a database this small a planner would read everything; what is asked is whether it could do
      // better.
      for (const name of ['seqscan', 'hashjoin', 'mergejoin']) await plain.query(`set enable_${name} = off`);
      await plain.query('analyze ruawatch.reports, ruawatch.records');
      for (const n of [8, 9]) {
        // A day is to six weeks what a month is to years.
        const sql = onTheDay(n).replace(' - 30', ' - 1');
        const { rows } = await plain.query<{ 'QUERY PLAN': string }>(`explain ${sql}`);
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
        // The oldest month is over by then, whichever day it is.
        expect(plan, `question ${n}`).toMatch(/ on records_\d{4}_\d\d/);
        expect(plan, `question ${n}`).not.toContain(made![0]);
        expect(plan, `question ${n}`).toMatch(/Index Scan using reports_\w+ on reports/);
      }
    } finally {
      await plain.query('reset all');
      plain.release();
    }
  });
});

describe('the answers are those of the demo', () => {
  const failing = (r: TrueRecord) => !r.pass;

  test('1: who fails, how much, since when', async () => {
    const rows = await answer(1);
    const expected = [
      ...groups(
        truth(() => true),
        (r) => `${r.domain} ${r.source}`,
      ),
    ].flatMap(([, all]) => {
      const failed = all.filter(failing);
      if (failed.length === 0) return [];
      const days = failed.map(({ day }) => day).sort();
      return [
        {
          domain: all[0]!.domain,
          source: all[0]!.source,
          failed: sum(failed),
          messages: sum(all),
          delivered: sum(failed.filter((r) => r.disposition === 'none')),
          since: days[0],
          last_day: days.at(-1),
        },
      ];
    });
    expected.sort((a, b) => b.failed - a.failed);
    expect(rows.map(({ class: _, why: __, ...row }) => row)).toEqual(expected);
    expect(expected).toHaveLength(11);
    const classes = Object.fromEntries(rows.map((row) => [row.source, row.class]));
    expect(classes).toMatchObject({
      'postbird.example': 'misaligned',
      'lettercraft.example': 'authorized',
      'groveport.example': 'forwarded',
      '198.18.23.0/24': 'unauthorized',
      '2001:db8:bad::/48': 'unauthorized',
    });
  });

  test('2: p=reject would reject the incidents, and the mailing list', async () => {
    const rows = await answer(2);
    const list = sum(truth((r) => r.forwarded));
    const books = sum(truth((r) => r.domain === BOOKS));
    const pay = sum(truth((r) => r.domain === PAY));
    const percent = (part: number, whole: number) => Math.round((10_000 * part) / whole) / 100;
    const row = (domain: string, kind: string, messages: number, forwarders: number, delivered: number, of: number) => ({
      domain,
      class: kind,
      would_reject: messages,
      of_it_forwarders: forwarders,
      delivered_so_far: delivered,
      percent_of_mail: percent(messages, of),
    });
    const broken = incident('broken_dkim_key').messages;
    const campaign = incident('spoofing_campaign').messages;
    const service = incident('misaligned_service').messages;
    const arrived = sum(truth((r) => r.domain === PAY && failing(r) && r.disposition === 'none'));
    expect(list).toBeGreaterThan(0);
    expect(rows).toEqual([
      row(BOOKS, 'authorized', broken, 0, 0, books),
      row(BOOKS, 'unauthorized', campaign, 0, 0, books),
      row(BOOKS, 'forwarded', list, list, list, books),
      row(PAY, 'misaligned', service, 0, arrived, pay),
    ]);
  });

  test('3: the service that was bought and not set up', async () => {
    const { messages, since } = incident('misaligned_service');
    expect(await answer(3)).toEqual([
      {
        domain: PAY,
        source: 'postbird.example',
        signing_domain: 'postbird.example',
        class: 'misaligned',
        failed: messages,
        messages,
        since,
        last_day: archive.world.lastDay,
      },
    ]);
    expect(messages).toBe(sum(truth((r) => r.foreignDkim && !r.forwarded)));
  });

  test('4: every reporter with its reports, and the one that fell silent', async () => {
    const rows = await answer(4);
    const demo = rows.filter(({ domain }) => domain !== LAB);
    expect(demo).toHaveLength(16);
    for (const { domain, reports, messages } of archive.world.truth) {
      const own = demo.filter((row) => row.domain === domain);
      expect({ reports: of(own, 'reports'), messages: of(own, 'messages') }).toEqual({ reports, messages });
    }
    // The large reporters are told by their first names, the small one by its domain.
    const named = (name: string) => (name === 'linden university postmaster' ? 'linden-university.example' : name);
    const seen = groups(archive.records, (r) => `${r.domain} ${named(r.reporter)}`);
    expect(demo.map((row) => [`${row.domain} ${row.reporter}`, row.messages]).sort()).toEqual(
      [...seen].map(([key, records]) => [key, sum(records)]).sort(),
    );
    const { count, first, last } = STEADY;
    expect(rows[0]).toEqual({
      domain: LAB,
      reporter: 'tern.example',
      reports: 8,
      messages: 8 * count,
      first_day: first,
      last_day: last,
      usual_gap: 1,
      silent_since: '2026-05-21',
    });
    expect(rows.slice(1).filter((row) => row.silent_since !== null)).toEqual([]);
  });

  test('5: the rates of every week', async () => {
    const rows = (await answer(5)).filter(({ domain }) => domain !== LAB);
    const monday = (day: string) => {
      const at = Date.parse(day);
      return new Date(at - ((new Date(at).getUTCDay() + 6) % 7) * 86_400_000).toISOString().slice(0, 10);
    };
    const expected = [...groups(archive.records, (r) => `${r.domain} ${monday(r.day)}`)].map(([key, all]) => ({
      key,
      messages: sum(all),
      passed: sum(all.filter(({ pass }) => pass)),
      dkim: Math.round((10_000 * sum(all.filter((r) => r.dkim))) / sum(all)) / 100,
      spf: Math.round((10_000 * sum(all.filter((r) => r.spf))) / sum(all)) / 100,
    }));
    expected.sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(
      rows.map((row) => ({
        key: `${row.domain} ${row.week}`,
        messages: row.messages,
        passed: row.passed,
        dkim: row.dkim_percent,
        spf: row.spf_percent,
      })),
    ).toEqual(expected);
    expect(rows).toHaveLength(14);
    expect(of(rows, 'messages')).toBe(archive.world.truth.reduce((n, { messages }) => n + messages, 0));
  });

  test('6: the subdomain', async () => {
    expect(await answer(6)).toEqual([
      {
        domain: LAB,
        header_from: WRONG.header_from.toLowerCase(),
        messages: WRONG.count,
        passed: WRONG.count,
        delivered: 0,
        last_day: WRONG.day,
      },
    ]);
  });

  test('7: the policy that was lowered, as all reporters tell', async () => {
    const rows = await answer(7);
    const { since } = incident('policy_lowered');
    expect(rows[0]).toEqual({ domain: PAY, tag: 'p', before: 'reject', after: 'none', since, reporters: 8 });
    // Some reporters repeat p where no sp and np is published.
    expect(new Set(rows.slice(1).map(({ domain, tag }) => `${domain} ${tag}`))).toEqual(new Set([`${PAY} sp`, `${PAY} np`]));
  });

  test('8: the addresses of the service, with every message', async () => {
    const rows = await answer(8);
    const { messages, addresses, since } = incident('misaligned_service');
    expect([...new Set(rows.map(({ source_ip }) => source_ip as string))].sort()).toEqual(addresses);
    expect(of(rows, 'messages')).toBe(messages);
    expect(rows.map(({ first_day }) => first_day as string).sort()[0]).toBe(since);
    const expected = groups(
      truth((r) => r.source === 'postbird.example'),
      (r) => `${r.ip} ${r.reporter} ${r.disposition}`,
    );
    expect(rows.map((r) => [`${r.source_ip} ${String(r.reporter).toLowerCase()} ${r.disposition}`, r.messages]).sort()).toEqual(
      [...expected].map(([key, records]) => [key, sum(records)]).sort(),
    );
  });

  test('9: the reporter that judged wrongly, and no other', async () => {
    expect(await answer(9)).toEqual([
      {
        domain: LAB,
        reporter: 'Plover Mail',
        dkim_result: 'fail',
        dkim_aligned: true,
        spf_result: 'fail',
        spf_aligned: true,
        records: 1,
        messages: WRONG.count,
        last_day: WRONG.day,
      },
    ]);
  });

  test('10: what could not be read', async () => {
    const rows = await answer(10);
    expect(rows.map(({ state, code, mails }) => [state, code, mails])).toEqual([
      ['quarantined', 'metadata_missing', 2],
      ['quarantined', 'doctype_refused', 1],
      ['ignored', 'no_report', 1],
    ]);
    const [missing] = rows;
    expect(missing!.first_at).toEqual(new Date('2026-06-07T08:00:00Z'));
    expect(missing!.last_at).toEqual(new Date('2026-06-08T08:00:00Z'));
    expect(missing!.newest_reason).toContain('nor its id');
  });

  test('11: what came twice, and what was replaced', async () => {
    const rows = await answer(11);
    const replaced = rows.filter(({ what }) => what === 'replaced');
    expect(replaced).toMatchObject([
      { domain: LAB, report_id: 'corrected', messages_before: CORRECTED.before, messages_now: CORRECTED.now, times: 1 },
    ]);
    const again = rows.filter(({ what }) => what === 'came again');
    expect(again.filter(({ domain }) => domain === LAB)).toMatchObject([{ report_id: 'wrong', times: 1 }]);
    // Over all time: every mail more than there are reports.
    const { rows: all } = await client.query('select sum(duplicates) as n from dmarc.reports where domain <> $1', [LAB]);
    const reports = archive.world.truth.reduce((n, each) => n + each.reports, 0);
    expect(all[0].n).toBe(archive.world.mails.length - reports);
    expect(again.length).toBeGreaterThan(5);
  });

  test('12: the days, without forwarders', async () => {
    const rows = (await answer(12)).filter(({ domain }) => domain !== LAB);
    expect(rows).toHaveLength(60);
    const own = (domain: string) => rows.filter((row) => row.domain === domain);
    expect(of(own(BOOKS), 'unauthorized')).toBe(incident('spoofing_campaign').messages);
    expect(of(own(BOOKS), 'to_mend')).toBe(incident('broken_dkim_key').messages);
    expect(of(own(BOOKS), 'forwarders')).toBe(sum(truth((r) => r.forwarded)));
    expect(of(own(PAY), 'to_mend')).toBe(incident('misaligned_service').messages);
    expect(of(own(PAY), 'unauthorized') + of(own(PAY), 'forwarders')).toBe(0);
    for (const [domain, name] of [
      [BOOKS, 'broken_dkim_key'],
      [PAY, 'misaligned_service'],
    ] as const) {
      const { since } = incident(name);
      for (const row of own(domain)) {
        expect(row.own_pass_percent === 100, `${domain} ${row.day}`).toBe((row.day as string) < since);
      }
    }
    const day = archive.world.lastDay;
    const forwarders = new Set(['groveport.example', 'alumni-forward.example', '203.0.113.0/24']);
    const campaign = new Set(incident('spoofing_campaign').addresses);
    const last = truth((r) => r.domain === BOOKS && r.day === day && !forwarders.has(r.source));
    const rest = last.filter((r) => !campaign.has(r.ip));
    const rate = (all: TrueRecord[]) => Math.round((10_000 * sum(all.filter(({ pass }) => pass))) / sum(all)) / 100;
    expect(own(BOOKS).at(-1)).toMatchObject({ day, pass_percent: rate(last), own_pass_percent: rate(rest) });
  });

  test('13: the networks of the campaign are new', async () => {
    const rows = await answer(13);
    const { messages, since, domain } = incident('spoofing_campaign');
    expect(rows).toHaveLength(8);
    expect(of(rows, 'messages')).toBe(messages);
    for (const row of rows) expect(row).toMatchObject({ domain, class: 'unauthorized', pass_percent: 0 });
    expect(rows.map(({ first_seen }) => first_seen as string).sort()[0]).toBe(since);
  });

  test('14: the four incidents are open, the worst first', async () => {
    // The list that keeps the author's From is for information, and stands last.
    const rows = (await answer(14)).filter(({ severity }) => severity !== 'info');
    const planted = archive.world.incidents.map(({ finding, domain, since }) => [finding, domain, since]);
    expect(rows.map(({ kind, domain, first_day }) => [kind, domain, first_day]).sort()).toEqual(planted.sort());
    const ranks = rows.map(({ severity }) => ['critical', 'high', 'medium', 'low', 'info'].indexOf(severity as string));
    expect(ranks).toEqual([...ranks].sort());
    expect(ranks).not.toContain(-1);
  });

  test('15: the mailboxes and their bytes', async () => {
    const rows = await answer(15);
    for (const domain of [BOOKS, PAY]) {
      const mails = archive.world.mails.filter((mail) => mail.domain === domain);
      const recent = mails.filter(({ received }) => received >= new Date(daysAgo(30)));
      expect(rows.find(({ mailbox }) => mailbox === `dmarc@${domain}`)).toMatchObject({
        mails: mails.length,
        bytes: mails.reduce((n, { raw }) => n + raw.length, 0),
        last_30_days: recent.length,
        stored: mails.length,
        waiting: 0,
        unread: 0,
        oldest: mails[0]!.received,
        newest: mails.at(-1)!.received,
      });
    }
    expect(rows.find(({ mailbox }) => mailbox === 'import')).toMatchObject({ mails: 19, stored: 15, unread: 3 });
    expect(rows.at(-1)).toMatchObject({ mailbox: 'all', mails: archive.world.mails.length + 19 });
  });
});
