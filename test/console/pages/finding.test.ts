import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runFindingsList, runFindingsShow } from '../../../services/cli/commands/findings.ts';
import { daysOf, evidencePage, findingTables, type ReadFinding } from '../../../services/console/pages/finding.ts';
import { standing } from '../../../services/console/pages/findings.ts';
import type { Evidence } from '../../../services/findings/evidence.ts';
import { wordsOf } from '../../../services/findings/sentences/finding.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { FINDINGS } from '../../alerter/events.ts';
import { EVIDENCE, SAMPLES } from '../../findings/kinds/samples.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';
import { shownOf } from '../shown.ts';

const AT = new Date('2026-10-06T07:30:00Z');
const LISTED = {
  finding_key: 7,
  domain: 'example.com',
  severity: 'high',
  subject: 'mail.example',
  state: 'open',
  phase: 'open',
  summary: 'Stored summary.',
  first_day: '2026-10-03',
  since: '2026-10-03',
  opened_at: AT,
  changed_at: AT,
  resolved_at: null,
  acknowledged_at: null,
  acknowledged_by: null,
  snoozed_until: null,
  snoozed_by: null,
  reopened: 0,
  assigned_to: null,
} as const;
/** A finding of a rule, with some figures and events; the mail of days, and what belongs to it. */
interface Case {
  evidence?: Partial<Evidence>;
  listed?: Partial<ReadFinding>;
  rest?: Partial<Omit<Parameters<typeof evidencePage>[2], 'tables'>>;
  senders?: Record<string, string>;
  reporters?: Parameters<typeof findingTables>[2];
}
const findingOf = (rule: keyof typeof SAMPLES | null, { evidence = {}, listed = {} }: Case = {}): ReadFinding => ({
  ...LISTED,
  kind: rule ?? 'of_a_later_version',
  events: [],
  ...listed,
  evidence: { ...EVIDENCE, facts: rule === null ? null : SAMPLES[rule], ...evidence },
});
function shownFinding(rule: keyof typeof SAMPLES | null, given: Case = {}): string {
  const finding = findingOf(rule, given);
  const tables = findingTables(finding, new Map(Object.entries(given.senders ?? {})), given.reporters ?? null);
  const shown = shownOf(String(evidencePage(finding, wordsOf(finding), { days: [], related: [], ...given.rest, tables })));
  return `${JSON.stringify(daysOf(finding))}\n${shown}`;
}
const event = (
  event: string,
  minute: number,
  more: Partial<ReadFinding['events'][number]> = {},
): ReadFinding['events'][number] => ({
  ...{ at: new Date(AT.getTime() + minute * 60_000), event, by_name: null, why: null, until: null, revision: 1 },
  ...{ severity: 'high', summary: '', notify: false, assigned_to: null, verdict: null },
  ...more,
});
const NO_MAIL = { messages: 0, of: 0, reporters: [], who: [], broken: [], names: [], tags: [], delivered: 0 };
const someone = (n: number) => Array.from({ length: n }, (_, i) => ({ source: `s${i}.example`, messages: n - i }));

test('what findings of all kinds rest on, of a domain and of all of them', async () => {
  const rules = Object.keys(SAMPLES) as (keyof typeof SAMPLES)[];
  const lines = [null, ...rules].flatMap((rule) => [
    `${rule}\n${shownFinding(rule)}`,
    `${rule} of all domains\n${shownFinding(rule, { listed: { domain: '*' }, evidence: NO_MAIL })}`,
  ]);
  await expect(`${lines.join('\n\n')}\n`).toMatchFileSnapshot('golden/findings-of-kinds.txt');
});

const REPORTER_LINE = {
  messages: 3,
  passed: 1,
  delivered: 2,
  quarantined: 0,
  rejected: 1,
  last_day: '2026-10-05',
  decides: true,
};
const DAY = { messages: 4, passed: 1, delivered: 3 };
const broken = (more: object) => ({ ...EVIDENCE.broken![0]!, ...more });
test.each<[string, Case]>([
  ['nothing but when it began', { evidence: { ...NO_MAIL, per_day: 0, query: '' } }],
  ['one message alone', { evidence: { ...NO_MAIL, messages: 1 } }],
  ['a part of nothing yet', { evidence: { ...NO_MAIL, of: 1, per_day: 1 } }],
  [
    'a reporter alone',
    { evidence: { ...NO_MAIL, reporters: ['google.com'], reporter_names: { 'google.com': 'Google' }, last_day: '' } },
  ],
  ['what receivers did', { evidence: { delivered: 1, quarantined: 1, rejected: 2 } }],
  ['one quarantined', { evidence: { delivered: 0, quarantined: 1, rejected: 0 } }],
  ['one rejected', { evidence: { delivered: 0, quarantined: 0, rejected: 1 } }],
  [
    'how sure it is, and who has not reported yet',
    { listed: { confidence: 0.931 }, evidence: { missing: ['yahoo.com', 'gmx.de'] } },
  ],
  ['one who has not reported yet', { evidence: { missing: ['yahoo.com'] } }],
  [
    'two senders of which one has a page',
    { evidence: { who: someone(2), senders: 2, broken: [] }, senders: { 's1.example': 's1' } },
  ],
  ['one sender of several', { evidence: { who: someone(1), senders: 2, broken: [] }, senders: { 's0.example': 's0' } }],
  ['one sender', { evidence: { who: someone(1), senders: 1, broken: [] }, senders: { 's0.example': 's0' } }],
  ['a sender twice', { evidence: { who: [...someone(1), ...someone(1)], senders: 1, broken: [] } }],
  ['senders that fit, without what was delivered', { evidence: { who: someone(9), senders: 9, broken: [] } }],
  [
    'senders that fold, one of them unproven',
    {
      evidence: {
        who: [...someone(9), { source: 'u.example', messages: 0, reports: 3, unproven: true, delivered: 0 }],
        senders: 12,
        broken: [],
      } as Partial<Evidence>,
    },
  ],
  [
    'broken senders',
    { evidence: { who: [], broken: [broken({}), broken({ sender: 'b.example', names: ['x', 'y'] })], senders: 2 } },
  ],
  ['one broken sender', { evidence: { broken: [broken({ sender: 'b.example' })], senders: 1 }, senders: { 'b.example': 'b' } }],
  ['receivers, of mail of one sender', { reporters: [{ ...REPORTER_LINE, reporter: 'google.com' }], evidence: { broken: [] } }],
  ['receivers, of mail of several', { reporters: [{ ...REPORTER_LINE, reporter: 'google.com' }] }],
  ['names, and more of them', { evidence: { names_in_all: 3 } }],
  ['no name', { evidence: { names: [], names_in_all: 0 } }],
  [
    'days from before it began',
    {
      rest: {
        days: [
          { ...DAY, day: '2026-10-01' },
          { ...DAY, day: '2026-10-05' },
        ],
      },
    },
  ],
  [
    'days from the day before',
    {
      rest: {
        days: [
          { ...DAY, day: '2026-10-02' },
          { ...DAY, day: '2026-10-05' },
        ],
      },
    },
  ],
  [
    'days from the day on which it began',
    {
      rest: {
        days: [
          { ...DAY, day: '2026-10-03' },
          { ...DAY, day: '2026-10-05' },
        ],
      },
    },
  ],
  ['what belongs to it', { rest: { related: [{ finding_key: 9, severity: 'low', title: '<Related>' } as never] } }],
  ['a query', { evidence: { query: 'select 1' } }],
  ['that it is over', { evidence: { ended: { reason: 'closed', by: 'ada', why: 'was a test' } as never } }],
  [
    'a history',
    {
      listed: {
        events: [
          event('opened', 0),
          event('acknowledged', 1, { by_name: 'ada', why: 'asked <them>', until: AT }),
          event('assigned', 2, { by_name: 'ada', assigned_to: 'ben' }),
          event('closed', 3, { by_name: 'ada', verdict: 'false' }),
          event('resolved', 3),
          event('unclosed', 4, { by_name: 'ada' }),
          event('reopened', 4),
          event('resolved', 5),
          event('reopened', 6),
          event('of_a_later_version', 7),
        ],
      },
    },
  ],
])('a finding shows %s', async (what, given) => {
  await expect(`${shownFinding('unauthorized_source', given)}\n`).toMatchFileSnapshot(
    `golden/findings/${what.replaceAll(/\W+/g, '-')}.txt`,
  );
});

test('links to other sites are those that are named in the advice, each where it stands', () => {
  const finding = findingOf('unauthorized_source');
  const links = ['javascript:alert(1)', 'https://b.example/x', 'https://a.example/', 'https://a.example/y'];
  const advice = [
    'See https://a.example/y or https://b.example/x, then https://a.example/y.',
    'Not javascript:alert(1), but https://a.example/.',
    'Since 2026-10-01.',
  ];
  const tables = findingTables(finding, new Map(), null);
  const rest = { days: [], related: [], tables };
  const body = String(evidencePage(finding, { ...wordsOf(finding), advice, links, pages: [null, null, 'senders'] }, rest));
  const [shown] = /<ol class="advice">.*?<\/ol>/.exec(body)!;
  expect(shown.replaceAll(' rel="noreferrer"', '').split(/(?<=<\/li>)/)).toMatchInlineSnapshot(`
    [
      "<ol class="advice"><li>See <a href="https://a.example/y">https://a.example/y</a> or <a href="https://b.example/x">https://b.example/x</a>, then <a href="https://a.example/y">https://a.example/y</a>.</li>",
      "<li>Not javascript:alert(1), but <a href="https://a.example/">https://a.example/</a>.</li>",
      "<li>Since <time>2026-10-01</time>. <a class="button" href="/domains/example.com#senders">Choose the sender and approve it</a></li>",
      "</ol>",
    ]
  `);
  expect(String(evidencePage(finding, { ...wordsOf(finding), advice: [], what: '' }, rest))).not.toContain('What to do');
});

test('the state of a finding in words', () => {
  const of = (more: Partial<ReadFinding>) => standing({ ...findingOf(null), ...more });
  const acknowledged = { acknowledged_at: AT, acknowledged_by: 'ada' };
  const snoozed = { snoozed_until: AT, snoozed_by: 'ben' };
  const resolved = { phase: 'resolved', resolved_at: AT } as const;
  expect([
    of({}),
    of({ phase: 'of a later version' as never }),
    of({ phase: 'changed', assigned_to: 'eve' }),
    of({ ...acknowledged, ...snoozed, assigned_to: 'eve' }),
    of({ ...acknowledged, acknowledged_by: null }),
    of({ ...snoozed, phase: 'reopened' }),
    of({ ...snoozed, snoozed_by: null }),
    of(resolved),
    of({ ...resolved, resolved_by: 'ada', goes_on: true, assigned_to: 'eve' }),
    of({ ...resolved, resolved_by: null, goes_on: false, assigned_to: 'eve' }),
  ]).toMatchInlineSnapshot(`
    [
      "open",
      "of a later version",
      "changed, assigned to eve",
      "open, assigned to eve, acknowledged by ada",
      "open, acknowledged by ",
      "reopened, snoozed until 2026-10-06 07:30 by ben",
      "open, snoozed until 2026-10-06 07:30 by ",
      "resolved 2026-10-06",
      "resolved 2026-10-06 by ada, still going on, assigned to eve",
      "resolved 2026-10-06, assigned to eve",
    ]
  `);
});

let c: TestConsole;
let operator: TestPerson;
beforeAll(async () => {
  c = await testConsole();
  operator = await c.person('operator', ['example.com']);
});
afterAll(() => c.close());

describe.each(Object.keys(FINDINGS))('a finding of the kind %s', (kind) => {
  test('has a page with what happened, what to do and what it rests on', async () => {
    const key = await c.finding(kind, 'example.com', `${kind}.example`);
    const { body, statusCode } = await operator.get(`/findings/${key}`);
    expect(statusCode).toBe(200);
    for (const heading of ['What happened', 'What to do', 'Evidence', 'History', 'Act on it'])
      expect(body).toContain(`<h2>${heading}`);
    expect(body).not.toMatch(/undefined|NaN|\[object/);
  });
});

test('what a person does is kept with the name and the reason, and shown', async () => {
  const key = await c.finding('unauthorized_source', 'example.com');
  const until = new Date(c.context.clock.now().getTime() + 180 * 86_400_000).toISOString().slice(0, 10);
  expect((await operator.get(`/findings/${key}`)).body).toContain(`No mails about it until ${until}`);
  const done = await operator.post(`/findings/${key}/acknowledge`, { why: 'asked the <vendor>' });
  expect(done.headers.location).toBe(`/findings/${key}`);
  const shown = await operator.get(String(done.headers.location));
  expect(shown.body).toContain('role="status"');
  expect(shown.body).toContain('asked the &lt;vendor&gt;');
  expect(shown.body).toContain(`acknowledged by ${operator.name}`);
  await operator.post(`/findings/${key}/snooze`, { why: 'a week', days: '7' });
  expect((await operator.post(`/findings/${key}/resolve`, { why: 'done', verdict: 'right' })).statusCode).toBe(303);
  const resolved = (await operator.get(`/findings/${key}`)).body;
  expect(resolved.match(/<strong>resolved/g)).toHaveLength(1);
  expect(resolved).toContain('<strong>resolved by hand</strong>: as the finding says');
  const today = c.context.clock.now().toISOString().slice(0, 10);
  expect(resolved).toContain(`· resolved <time>${today}</time> by ${operator.name}<`);
  expect(resolved).toContain(`action="/findings/${key}/reopen"`);
  expect((await operator.get('/findings?state=resolved')).body).toContain(`resolved <time>${today}</time> by ${operator.name}`);
  expect(resolved).toContain('<summary>Say what it was</summary>');
  expect(resolved).not.toContain('<summary>Resolve</summary>');
  expect((await operator.post(`/findings/${key}/resolve`, { why: 'done', verdict: 'none' })).statusCode).toBe(409);
  expect((await operator.post(`/findings/${key}/resolve`, { why: 'no', verdict: 'false' })).statusCode).toBe(303);
  expect((await operator.get('/findings')).body).toContain('Your verdict is kept with the finding.');
  const { rows } = await c.t.db.query(
    'select act, by_name, domain from ruawatch.console_acts where object = $1 order by act_key',
    [String(key)],
  );
  expect(rows.map(({ act }) => act)).toEqual(['finding_acknowledge', 'finding_snooze', 'finding_resolve', 'finding_resolve']);
  expect(rows[0]).toMatchObject({ by_name: operator.name, domain: 'example.com' });
});

test('a reason is needed', async () => {
  const key = await c.finding('unauthorized_source', 'reason.example.com').catch(() => null);
  expect(key).not.toBeNull();
  const answer = await operator.post(`/findings/${key}/acknowledge`, { why: '  ' });
  expect(answer.statusCode).toBe(400);
});

test('the list is filtered, and searched without case', async () => {
  const all = await operator.get('/findings?state=all&q=EXAMPLE');
  expect(all.body).toContain('/findings/');
  expect((await operator.get('/findings?q=nothing-like-this')).body).toContain('No finding matches.');
  const critical = await operator.get('/findings?severity=critical&state=all');
  expect(critical.body).not.toContain('severity medium');
});

test('it is given to somebody who may act on its domain, and to nobody else', async () => {
  const key = await c.finding('unauthorized_source', 'example.com', 'given.example');
  const ben = await c.person('operator', ['example.com']);
  for (const person of [await c.person('viewer', ['example.com']), await c.person('admin', ['example.net'])])
    expect((await operator.post(`/findings/${key}/assign`, { why: 'w', to: person.name })).statusCode).toBe(400);
  const done = await operator.post(`/findings/${key}/assign`, { why: 'knows the vendor', to: ben.name });
  expect(done.statusCode).toBe(303);
  const page = (await operator.get(`/findings/${key}`)).body;
  expect(page).toContain('The finding is assigned to that person.');
  expect(page).toContain(`assigned to ${ben.name}`);
  expect(page).toContain(`<option value="${ben.name}" selected>`);
  expect((await operator.get(`/findings?q=${ben.name}`)).body).toContain(`/findings/${key}"`);
  const { events, assigned_to } = (await operator.api('GET', `/api/v1/findings/${key}`)).json() as {
    events: object[];
    assigned_to: string;
  };
  expect(assigned_to).toBe(ben.name);
  expect(events.at(-1)).toMatchObject({ event: 'assigned', assigned_to: ben.name, why: 'knows the vendor' });
  await operator.post(`/findings/${key}/assign`, { why: 'on holiday', to: '' });
  expect((await operator.get(`/findings/${key}`)).body).not.toContain(`assigned to ${ben.name}`);
});

test('what was done is told once, to whoever did it, and by no address', async () => {
  const key = await c.finding('unauthorized_source', 'example.com', 'told.example');
  const ada = await c.person('operator', ['example.com']);
  const told = async (person: TestPerson, query = '') =>
    /class="notice" role="status">([^<]*)</.exec((await person.get(`/findings/${key}${query}`)).body)?.[1];
  expect(await told(ada, '?done=resolved')).toBeUndefined();
  const { cookies } = await ada.post(`/findings/${key}/snooze`, { why: 'later', days: '7' });
  const cookie = cookies.find(({ name }) => name === 'ruawatch-told')!;
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', maxAge: 60 });
  // What a script asks for is no page that somebody sees.
  await ada.raw({ method: 'GET', url: '/account', headers: { 'sec-fetch-dest': 'empty' } });
  expect(await told(ada)).toBe('The finding is snoozed.');
  expect(await told(ada)).toBeUndefined();
});

test('each choice of what a finding was says what it does, and until when', async () => {
  const key = await c.finding('unauthorized_source', 'example.com', 'choices.example');
  const { body } = await operator.get(`/findings/${key}`);
  const choices = [
    ...body.matchAll(
      /<label class="check"><input type="radio" name="verdict" value="(\w+)"( checked)?>[\s\S]*?class="hint">([^<]+)</g,
    ),
  ];
  expect(choices.map(([, name, checked, says]) => `${name}${checked ?? ''}: ${says!.length > 20}`)).toEqual([
    'none checked: true',
    'right: true',
    'false: true',
  ]);
  const changed = await c.finding('policy_change', 'example.com');
  const until = new Date(c.context.clock.now().getTime() + 180 * 86_400_000).toISOString().slice(0, 10);
  expect((await operator.get(`/findings/${changed}`)).body).toContain(
    `It is so and meant to be, such as a planned change: no mails about it until ${until}, unless it gets graver.`,
  );
});

test('one that came back has one day since when, in lists, on its page, in the API and in commands', async () => {
  const key = await c.finding('unauthorized_source', 'example.com', 'back.example');
  await c.t.db.query(
    `update ruawatch.findings set first_day = '2026-01-05', evidence = evidence || '{"since": "2026-03-09", "again": "2026-03-09"}'
      where finding_key = $1`,
    [key],
  );
  const page = (await operator.get(`/findings/${key}`)).body;
  expect(page).toContain('<dt>Since</dt><dd><time>2026-03-09</time></dd>');
  expect(page).toContain('from=2026-03-09');
  const listed = JSON.parse((await operator.get('/findings?q=back.example&table=findings&as=json')).body);
  expect(listed.map((one: { since: string }) => one.since)).toEqual(['2026-03-09']);
  const told = JSON.parse((await operator.api('GET', `/api/v1/findings/${key}`)).body);
  expect(told).toMatchObject({ first_day: '2026-01-05', since: '2026-03-09' });
  const lines: string[] = [];
  const config = loadConfig({ DATABASE_URL: c.t.url, HTTP_LISTEN: 'off' }, '/nowhere');
  await runFindingsList(config, { domain: 'example.com' }, (line) => lines.push(line));
  await runFindingsShow(config, String(key), {}, (line) => lines.push(line));
  expect(lines.join('\n')).toMatch(new RegExp(`^${key} .* 2026-03-09 +example\\.com`, 'm'));
  expect(lines.join('\n')).toContain('Since 2026-03-09, found on ');
});

/** The page of a finding with something else in its evidence, and the lines of the command about it. */
async function changed(kind: string, subject: string, evidence: object): Promise<{ body: string; lines: string }> {
  const key = await c.finding(FINDINGS[kind] ? kind : 'alignment_failure', 'example.com', subject);
  await c.t.db.query('update ruawatch.findings set kind = $2, evidence = evidence || $3 where finding_key = $1', [
    key,
    kind,
    evidence,
  ]);
  const lines: string[] = [];
  const config = loadConfig({ DATABASE_URL: c.t.url, HTTP_LISTEN: 'off' }, '/nowhere');
  await runFindingsShow(config, String(key), {}, (line) => lines.push(line));
  return { body: (await operator.get(`/findings/${key}`)).body, lines: lines.join('\n') };
}

test('where the days that were looked at begin with it, its page and the command say so', async () => {
  const { body, lines } = await changed('alignment_failure', 'before.example', { since: '2026-09-28', sent_since: '2026-08-01' });
  expect(body).toContain('<time>2026-09-28</time> or before (it has sent since <time>2026-08-01</time>)');
  expect(lines).toContain('Since 2026-09-28 or before (it has sent since 2026-08-01), found on ');
});

test('what a domain is ready by leads to the reports of all the days that it rests on', async () => {
  const facts = { ...SAMPLES.policy_ready, from: '2026-09-06' };
  const of = { who: [], last_day: '2026-10-05' };
  const { body } = await changed('policy_ready', 'example.com', { ...of, since: '2026-10-05', facts });
  expect(body).toContain('href="/reports?domain=example.com&amp;from=2026-09-06&amp;to=2026-10-05"');
  expect(body).toContain('<dt>Since</dt><dd><time>2026-10-05</time></dd>');
  const { from: _, ...older } = facts;
  const before = await changed('policy_ready', 'old.example', { ...of, since: '2026-09-06', facts: older });
  expect(before.body).toContain('from=2026-09-06&amp;to=2026-10-05"');
});

test('of several senders, the link to the reports says that these are all of the domain', async () => {
  const several = await changed('unauthorized_source', 'several.example', {});
  expect(several.body).toContain('>All reports on the domain of these days</a>');
  expect(several.body).not.toContain('The reports that prove it');
  const who = [{ source: 'one.example', messages: 9, delivered: 9 }];
  const single = await changed('alignment_failure', 'one.example', { who, senders: 1 });
  expect(single.body).toMatch(/sender=one.example&amp;from=[^"]*">The reports that prove it/);
  expect(single.body).not.toContain('of these days');
});

const SILENT = { who: [], messages: 0, of: 786 };

test('of reports that do not come, it says how many were expected, and leads to the last', async () => {
  const { body } = await changed('reports_stopped', 'stopped.example', {
    ...SILENT,
    facts: SAMPLES.reports_stopped,
  });
  expect(body).toContain('<dd>0 of about 786 expected messages</dd>');
  expect(body).toContain('<a href="/reports?domain=example.com">Its last reports</a>');
  const { body: one } = await changed('reporter_silent', 'google.com', { ...SILENT, facts: SAMPLES.reporter_silent });
  expect(one).toContain('<dd>0 of about 786 expected messages</dd>');
});
