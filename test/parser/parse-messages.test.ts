import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BatchResult } from '../../services/parser/batch-result.ts';
import { parseMessages, sorted } from '../../services/parser/parse-messages.ts';
import { replayMessages } from '../../services/store/messages/messages.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { BEGIN, DAY, receive, reportMail, reportXml, type TestReport, trusting } from '../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const parse = (keys: number[]) => parseMessages(t.db, keys, { trust: trusting('verify') });
/** The outcomes in the order of `keys`. */
const inOrder = (result: BatchResult, keys: number[]) => keys.map((key) => result.messages.find((m) => m.message_key === key)!);
const mail = (report: TestReport, unique = 'm') => reportMail(reportXml(report), { unique });

/** Everything the pipeline stores, without keys that depend on the order of work. */
async function totals() {
  const one = async (sql: string) => (await t.db.query(sql)).rows;
  return {
    records: await one(
      'select domain, source_ip, sum(count) as n, dmarc_pass from dmarc.records group by 1, 2, 4 order by 1, 2, 4',
    ),
    days: await one(
      'select domain, source, day, reporter, messages, passed, failed_authenticated, failed_unauthenticated, delivered, rejected from ruawatch.source_days where messages <> 0 order by 1, 2, 3, 4',
    ),
    sources: await one('select domain, source, messages, passed from ruawatch.sources where messages <> 0 order by 1, 2'),
    policies: await one(
      'select domain, day, reporter, policy, reports from ruawatch.policy_days where reports <> 0 order by 1, 2, 3, 4',
    ),
  };
}

test('a report becomes rows, rollups, a settled message and work for the analyzer, at once', async () => {
  const rows = [
    { ip: '192.0.2.1', count: 10 },
    {
      ip: '198.51.100.7',
      count: 5,
      dkim: 'fail',
      spf: 'fail',
      disposition: 'reject',
      auth_dkim: null,
      auth_spf: ['example.com', 'fail'],
    },
    {
      ip: '203.0.113.9',
      count: 3,
      dkim: 'fail',
      spf: 'fail',
      auth_dkim: ['service.example', 'pass'],
      auth_spf: ['bounce.service.example', 'pass'],
    },
  ] satisfies TestReport['rows'];
  const [key] = await receive(t, [mail({ rows })]);
  const result = await parse([key!]);
  expect(result.messages).toMatchObject([
    { state: 'stored', code: null, reports: [{ outcome: 'stored', records: 3, messages: 18 }] },
  ]);
  expect(result.domains).toEqual(['example.com']);

  const { rows: records } = await t.db.query(
    'select source_ip, count, dkim_aligned, spf_aligned, dmarc_pass, source, auth from dmarc.records order by n',
  );
  expect(records).toMatchObject([
    { source_ip: '192.0.2.1', count: 10, dkim_aligned: true, spf_aligned: true, dmarc_pass: true },
    { source_ip: '198.51.100.7', count: 5, dmarc_pass: false, source: '198.51.100.0/24' },
    {
      source_ip: '203.0.113.9',
      count: 3,
      dmarc_pass: false,
      source: 'service.example',
      auth: { dkim: [{ domain: 'service.example', result: 'pass' }] },
    },
  ]);
  const { rows: days } = await t.db.query(
    "select source, day, messages, passed, failed_authenticated as other, failed_unauthenticated as nothing, rejected from dmarc.source_days where source not like '192%' order by source",
  );
  expect(days).toEqual([
    { source: '198.51.100.0/24', day: '2026-09-01', messages: 5, passed: 0, other: 0, nothing: 5, rejected: 5 },
    { source: 'service.example', day: '2026-09-01', messages: 3, passed: 0, other: 3, nothing: 0, rejected: 0 },
  ]);
  const { rows: policies } = await t.db.query('select policy, reporter, reports from dmarc.policy_days');
  expect(policies).toEqual([
    { policy: 'p=reject; sp=reject; adkim=r; aspf=r; pct=100', reporter: 'reporter.example', reports: 1 },
  ]);
  const { rows: work } = await t.db.query('select distinct source from ruawatch.analysis_work order by 1');
  expect(work.map((w) => w.source)).toEqual(['', '192.0.2.0/24', '198.51.100.0/24', 'service.example']);
});

test('a job delivered again, and by four workers at once, stores nothing twice', async () => {
  const keys = await receive(
    t,
    Array.from({ length: 40 }, (_, i) => mail({ id: `r${i}`, rows: [{ count: i + 1 }] }, `m${i}`)),
  );
  await Promise.all([parse(keys), parse(keys), parse([...keys].reverse()), parse(keys)]);
  await parse(keys);
  const { rows } = await t.db.query('select count(*) as reports, sum(messages) as messages from dmarc.reports');
  expect(rows).toEqual([{ reports: 40, messages: 820 }]);
  const { rows: days } = await t.db.query('select sum(messages) as messages from dmarc.source_days');
  expect(days).toEqual([{ messages: 820 }]);
});

test('a message whose row somebody holds for a moment is said to be busy, and is parsed once it is let go', async () => {
  const keys = await receive(t, [mail({ id: 'held' }, 'h'), mail({ id: 'free' }, 'f')]);
  const poller = await t.db.connect();
  await poller.query('begin');
  await poller.query('update ruawatch.messages set disposed_at = now() where message_key = $1', [keys[0]]);
  expect(await parse(keys)).toMatchObject({ messages: [{ message_key: keys[1] }], busy: [keys[0]] });
  await poller.query('commit');
  poller.release();
  expect(await parse(keys)).toMatchObject({ messages: [{ message_key: keys[0], state: 'stored' }], busy: [] });
});

test('the same report in two mails is one report, and the copy is counted', async () => {
  const keys = await receive(t, [mail({}, 'first'), mail({}, 'second'), mail({}, 'third')]);
  await parse([keys[0]!]);
  const again = await parse(keys.slice(1));
  expect(again.messages.map((m) => [m.state, m.reports[0]?.outcome])).toEqual([
    ['stored', 'duplicate'],
    ['stored', 'duplicate'],
  ]);
  const { rows } = await t.db.query('select records, messages, duplicates from dmarc.reports');
  expect(rows).toEqual([{ records: 1, messages: 1, duplicates: 2 }]);
});

test('same identity, other content: the newest stands in views and rollups, whatever the order of work; the older stays visible', async () => {
  const older = mail(
    {
      rows: [
        { ip: '192.0.2.1', count: 4 },
        { ip: '198.51.100.7', count: 1, auth_dkim: null, auth_spf: null },
      ],
    },
    'older',
  );
  const newer = mail(
    {
      rows: [
        { ip: '192.0.2.1', count: 7 },
        { ip: '203.0.113.5', count: 2, auth_dkim: null, auth_spf: null },
      ],
    },
    'newer',
  );
  const seen = [];
  for (const order of [[0, 1], [1, 0], 'together'] as const) {
    const fresh = await testDatabase();
    const keys = await receive(fresh, [older, newer]);
    if (order === 'together') await parseMessages(fresh.db, keys, { trust: trusting('verify') });
    else for (const i of order) await parseMessages(fresh.db, [keys[i]!], { trust: trusting('verify') });
    const { rows: views } = await fresh.db.query('select sum(count) as n from dmarc.records');
    const { rows: days } = await fresh.db.query('select source, sum(messages) as n from dmarc.source_days group by 1 order by 1');
    const { rows: old } = await fresh.db.query('select messages from dmarc.superseded_reports');
    const { rows: oldRecords } = await fresh.db.query('select sum(count) as n from dmarc.superseded_records');
    const { rows: work } = await fresh.db.query('select distinct source from ruawatch.analysis_work order by 1');
    seen.push({ views, days, old, oldRecords, work: work.map(({ source }) => source) });
    await fresh.drop();
  }
  expect(seen[0]).toEqual({
    views: [{ n: 9 }],
    days: [
      { source: '192.0.2.0/24', n: 7 },
      { source: '203.0.113.0/24', n: 2 },
    ],
    old: [{ messages: 5 }],
    oldRecords: [{ n: 5 }],
    work: ['', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'],
  });
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
});

test('a copy of an older telling does not make it newer, whatever the order of work', async () => {
  const older = { rows: [{ count: 5 }] };
  const raws = [mail(older, 'older'), mail({ rows: [{ count: 7 }] }, 'newer'), mail(older, 'older again')];
  for (const order of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], 'together', 'backwards'] as const) {
    const fresh = await testDatabase();
    const keys = await receive(fresh, raws);
    if (order === 'together') await parseMessages(fresh.db, keys, { trust: trusting('verify') });
    else if (order === 'backwards') {
      await parseMessages(fresh.db, keys.slice(1), { trust: trusting('verify') });
      await parseMessages(fresh.db, keys.slice(0, 1), { trust: trusting('verify') });
    } else for (const i of order) await parseMessages(fresh.db, [keys[i]!], { trust: trusting('verify') });
    const { rows } = await fresh.db.query(
      `select (select json_agg(json_build_array(messages, duplicates, superseded_by is null, date_part('second', received_at))
                               order by messages) from ruawatch.reports) as reports,
              (select sum(count) from dmarc.records) as records, (select sum(messages) from dmarc.source_days) as days,
              (select sum(messages) from dmarc.sources) as sources, (select sum(reports) from dmarc.policy_days) as policies`,
    );
    // The mails were received one second apart.
    const reports = [
      [5, 1, false, 0],
      [7, 0, true, 1],
    ];
    expect({ order, ...rows[0] }).toEqual({ order, reports, records: 7, days: 7, sources: 7, policies: 1 });
    await fresh.drop();
  }
});

test('a truncated report is salvaged, and an intact copy that comes later (or came earlier) takes its place', async () => {
  const rows = Array.from({ length: 10 }, (_, i) => ({ ip: `192.0.2.${i + 1}`, count: 2 }));
  const whole = reportXml({ rows });
  const cut = whole.slice(0, whole.lastIndexOf('<record>') + 40);
  for (const first of [cut, whole]) {
    const fresh = await testDatabase();
    const keys = await receive(fresh, [
      reportMail(first, { unique: 'a' }),
      reportMail(first === cut ? whole : cut, { unique: 'b' }),
    ]);
    for (const key of keys) await parseMessages(fresh.db, [key], { trust: trusting('verify') });
    const { rows: standing } = await fresh.db.query('select records, messages, salvaged from dmarc.reports');
    expect(standing).toEqual([{ records: 10, messages: 20, salvaged: false }]);
    const { rows: older } = await fresh.db.query('select records, salvaged from dmarc.superseded_reports');
    expect(older).toEqual([{ records: 9, salvaged: true }]);
    const { rows: days } = await fresh.db.query('select messages from dmarc.source_days');
    expect(days).toEqual([{ messages: 20 }]);
    await fresh.drop();
  }
});

test('a large report is copied while it is read, beside small ones in the same job, and a copy of it leaves no row behind', async () => {
  const rows = Array.from({ length: 23_000 }, (_, i) => ({ ip: `198.51.${(i >> 8) & 255}.${i & 255}`, count: 1 }));
  const big = { id: 'big', rows };
  const keys = await receive(t, [mail({ id: 'small' }, 's1'), mail(big, 'b1'), mail({ id: 'small2' }, 's2'), mail(big, 'b2')]);
  const result = await parse(keys);
  expect(result.messages.map((m) => m.reports[0]!.outcome).sort()).toEqual(['duplicate', 'stored', 'stored', 'stored']);
  const { rows: sums } = await t.db.query('select count(*) as n, count(distinct report_key) as reports from ruawatch.records');
  expect(sums).toEqual([{ n: 23_002, reports: 3 }]);
  const { rows: dated } = await t.db.query('select distinct begin_at from ruawatch.records');
  expect(dated).toEqual([{ begin_at: new Date(BEGIN * 1000) }]);
});

test('what cannot be read is quarantined with its reason, what is no report is ignored, and neither spoils its batch', async () => {
  const keys = await receive(t, [
    mail({ id: 'good' }, 'g'),
    reportMail('<feedback><report_metadata></report_metadata></feedback>', { unique: 'empty' }),
    Buffer.from('From: a@b.example\r\nSubject: hello\r\n\r\nlunch?\r\n'),
    reportMail('<!DOCTYPE x [<!ENTITY a "b">]><feedback/>', { unique: 'doctype' }),
  ]);
  const result = inOrder(await parse(keys), keys);
  expect(result.map((m) => m.state)).toEqual(['stored', 'quarantined', 'ignored', 'quarantined']);
  for (const message of result.slice(1))
    expect(message).toMatchObject({ code: expect.any(String), reason: expect.stringMatching(/\.$/) });
  const { rows } = await t.db.query('select count(*) as n from dmarc.reports');
  expect(rows).toEqual([{ n: 1 }]);
});

test('a quarantined message is replayed after a mend; a stored one is not', async () => {
  const keys = await receive(t, [mail({ rows: [{ count: 3 }, { count: 4 }] }, 'a'), mail({ id: 'other' }, 'b')]);
  const strict = inOrder(await parseMessages(t.db, keys, { limits: { records: 1 }, trust: trusting('verify') }), keys);
  expect(strict.map((m) => m.code)).toEqual(['too_many_records', null]);
  expect(await replayMessages(t.db, { keys })).toEqual([keys[0]]);
  expect((await parse(keys)).messages).toMatchObject([{ message_key: keys[0], state: 'stored' }]);
  const { rows } = await t.db.query('select sum(messages) as n from dmarc.source_days');
  expect(rows).toEqual([{ n: 8 }]);
});

test('texts that Postgres cannot hold, and names longer than any index allows, do not stop the store', async () => {
  const long = `${'x'.repeat(3_000)}.example`;
  const keys = await receive(t, [
    mail(
      {
        org: `tab\tline\\n "quote" 😀 ${'o'.repeat(5_000)}`,
        rows: [
          { header_from: `a&#9;b\\N${long}`, auth_dkim: [`s.${long}`, 'pass'], auth_spf: null, dkim: 'fail' },
          { header_from: long },
        ],
      },
      'odd',
    ),
    // The domain is a key everywhere: what is no host name is no report.
    mail({ domain: long }, 'no domain'),
  ]);
  const { messages } = await parse(keys);
  expect(messages).toMatchObject([{ state: 'stored' }, { state: 'quarantined', code: 'policy_domain_invalid' }]);
  const { rows } = await t.db.query(
    'select length(header_from) as header_from, left(org_name, 20) as org from dmarc.records order by n',
  );
  expect(rows).toEqual([
    { header_from: 3_013, org: 'tab\tline\\n "quote" 😀' },
    { header_from: 3_008, org: 'tab\tline\\n "quote" 😀' },
  ]);
  const { rows: days } = await t.db.query('select max(length(signing_domain)) as signer from ruawatch.source_days');
  expect(days).toEqual([{ signer: 255 }]);
});

test('the totals do not depend on how the messages fall into batches', async () => {
  const raws = Array.from({ length: 30 }, (_, i) =>
    mail(
      {
        id: `r${i % 20}`,
        org: `org${i % 3}`,
        begin: BEGIN + (i % 5) * DAY,
        rows: [
          { ip: `192.0.2.${i}`, count: i + 1 },
          { ip: '203.0.113.1', count: (i % 7) + 1, auth_dkim: null, auth_spf: null, disposition: 'reject' },
        ],
      },
      `m${i}`,
    ),
  );
  const keys = await receive(t, raws);
  await parse(keys);
  const whole = await totals();
  await t.drop();
  t = await testDatabase();
  const others = await receive(t, raws);
  const shuffled = [...others].sort((a, b) => ((a * 7919) % 31) - ((b * 7919) % 31));
  await Promise.all(
    [0, 1, 2].map((w) =>
      (async () => {
        for (const key of shuffled.filter((_, i) => i % 3 === w)) await parse([key]);
      })(),
    ),
  );
  expect(await totals()).toEqual(whole);
});

const KIB = 1024;
test.each<[string, [size: number, deaths: number][], ReturnType<typeof sorted>]>([
  ['nothing', [], { batches: [], large: [], suspects: [], deadly: [] }],
  [
    'small ones together, and those above half a MiB by themselves',
    [
      [1, 0],
      [512 * KIB, 0],
      [512 * KIB + 1, 0],
    ],
    { batches: [[0, 1]], large: [2], suspects: [], deadly: [] },
  ],
  [
    'sixteen of half a MiB in a batch, whose memory is then free for the next',
    Array.from({ length: 34 }, () => [512 * KIB, 0]),
    {
      batches: [Array.from({ length: 16 }, (_, i) => i), Array.from({ length: 16 }, (_, i) => 16 + i), [32, 33]],
      large: [],
      suspects: [],
      deadly: [],
    },
  ],
  [
    'those that were being read when a worker died alone, whatever their size, and no more after the third time',
    [
      [1, 1],
      [KIB * KIB, 2],
      [1, 3],
      [1, 4],
      [1, 0],
    ],
    { batches: [[4]], large: [], suspects: [0, 1], deadly: [2, 3] },
  ],
])('waiting messages are parsed so: %s', (_, given, expected) => {
  expect(sorted(given.map(([size, worker_deaths], message_key) => ({ message_key, size, worker_deaths })))).toEqual(expected);
});
