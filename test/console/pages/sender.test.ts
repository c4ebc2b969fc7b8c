import { afterAll, beforeAll, expect, test } from 'vitest';
import { meaning } from '../../../services/console/pages/sender.ts';
import { addDays } from '../../../services/shared/days.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { type SourceClass, saveClasses } from '../../../services/store/analysis/window-reads.ts';
import type { SourceLine } from '../../../services/store/console/sender.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { putSender } from '../../../services/store/sources/sender-list.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole();
  await syncGroups(c.t.db, { groups: GROUPS, deputies: [] });
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now());
     insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as)
     values ('example.com', '192.0.2.0/24', '2026-10-01', '2026-10-02', 5, 5, 'postbird.example')`,
  );
});
afterAll(() => c.close());

const classified = (name: SourceClass['class'], why: string, day: string) =>
  transaction(c.t.db, (tx) =>
    saveClasses(tx, 'example.com', new Date(`2026-11-${day}T08:00:00Z`), [
      { source: '192.0.2.0/24', class: name, confidence: 1, why },
    ]),
  );

test('a sender has the history of its class: what changed, and neither its first class nor one that stayed', async () => {
  await classified('unknown', 'too little', '01');
  await classified('authorized', 'it passes', '02');
  await classified('authorized', 'it still passes', '03');
  await classified('misaligned', 'it signs as itself', '04');
  const person = await c.person('viewer', ['example.com']);
  const page = (await person.get('/domains/example.com/senders/postbird.example')).body;
  expect(page).toContain('How its class changed');
  expect(page).toContain('How to align it');
  expect(page).toContain('Nobody has approved or denied it');
  // Networks that nothing names have no settings that somebody could open.
  const shown = async (name: string | null, by: string | null) => {
    const set =
      "update ruawatch.sources set name = $1, identified_by = $2 where domain = 'example.com' and source = '192.0.2.0/24'";
    await c.t.db.query(set, [name, by]);
    return (await person.get('/domains/example.com/senders/postbird.example')).body;
  };
  expect(await shown('Postbird', 'dkim')).toContain('Have Postbird sign with DKIM as example.com: its settings');
  // A service that nothing knows has the name of its domain, and settings as well.
  for (const by of ['dkim', 'spf']) expect(await shown(null, by)).toContain('sign with DKIM as example.com: its settings');
  expect(await shown(null, 'network')).toContain('Find out which of your servers send from these networks');
  const networks = await shown('unauthenticated networks', 'unauthenticated');
  expect(networks).toContain('Find out which of your servers send from these networks');
  expect(networks).not.toContain('its settings');
  expect(await shown(null, null)).toContain('Find out which of your servers send from these networks');
  const { items } = (await person.api('GET', '/api/v1/domains/example.com/class-changes')).json() as { items: object[] };
  expect(items).toMatchObject([
    { source: '192.0.2.0/24', was: 'authorized', class: 'misaligned', why: 'it signs as itself', at: '2026-11-04T08:00:00.000Z' },
    { source: '192.0.2.0/24', was: 'unknown', class: 'authorized', why: 'it passes' },
  ]);
  const file = await person.get('/domains/example.com/senders/postbird.example?table=class-changes&as=json');
  expect(file.json()).toHaveLength(2);
});

/** A day of the sender, as a reporter tells it. */
const reported = (day: string, reporter: string, given: { trust?: string; messages: number; passed: number }) =>
  c.t.db.query(
    `insert into ruawatch.source_days (domain, source, day, reporter, trust, messages, passed, dkim_aligned, spf_aligned, forwarded,
            failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined,
            rejected, failed_delivered)
     values ('example.com', '192.0.2.0/24', $1, $2, $3, $4::bigint, $5::bigint, $5::bigint, $5::bigint, 0, 0, 0, 0, 0, 0, $4::bigint, 0, 0, $4::bigint - $5::bigint)`,
    [day, reporter, given.trust ?? 'ok', given.messages, given.passed],
  );

test('the totals of a sender are those of the reports that count, and the others are named beside them', async () => {
  const today = c.context.clock.now().toISOString().slice(0, 10);
  const day = addDays(today, -3);
  await reported(day, 'google.com', { messages: 400, passed: 300 });
  await reported(day, 'mx.example.net', { messages: 30, passed: 30 });
  await reported(day, 'forged.example', { trust: 'bad', messages: 7, passed: 7 });
  await c.t.db.query(
    "insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ('example.com', 'mx.example.net', 'new', false)",
  );
  const person = await c.person('viewer', ['example.com']);
  const page = (await person.get('/domains/example.com/senders/postbird.example')).body;
  expect(page).toContain('<dt>Messages, 90 days</dt><dd>400 and 37 in reports that do not count</dd>');
  expect(page).toContain('<dd>75%</dd>');
  expect(page).toContain('Passing 300');
  expect(page).toContain('does not count');
  expect(page).not.toContain('decides nothing');
});

test('what passes, fails and is delivered, and is stopped each have a colour and a label of their own', async () => {
  const person = await c.person('viewer', ['example.com']);
  await c.t.db.query("update ruawatch.source_days set failed_delivered = 40 where reporter = 'google.com'");
  const page = (await person.get('/domains/example.com/senders/postbird.example')).body;
  const css = (await person.get(/rel="stylesheet" href="([^"]+)"/.exec(page)![1]!)).body;
  const layers = [...page.matchAll(/class="layer ([a-z-]+)"/g)].map(([, key]) => key!);
  expect(layers).toEqual(['all-delivered', 'all-quarantined', 'all-rejected']);
  const fills = layers.map((key) => new RegExp(`\\.layer\\.${key}[^{]*\\{\\s*fill: ([^;]+);`).exec(css)?.[1]);
  expect(new Set(fills).size).toBe(3);
  expect(fills).not.toContain(undefined);
});

test('a finding in whose evidence a sender is found leads to its page, and back', async () => {
  const key = await c.finding('unauthorized_source', 'example.com', 'networks');
  const who = JSON.stringify([
    { source: '192.0.2.0/24', messages: 5 },
    { source: 'gone.example', messages: 1 },
  ]);
  await c.t.db.query(
    "update ruawatch.findings set evidence = evidence || jsonb_build_object('who', $2::jsonb) where finding_key = $1",
    [key, who],
  );
  const person = await c.person('viewer', ['example.com']);
  const page = (await person.get(`/findings/${key}`)).body;
  expect(page).toContain('href="/domains/example.com/senders/postbird.example"');
  expect(page).not.toContain('senders/gone.example');
  expect(page).not.toContain('Messages a day of those named');
  const since = addDays(c.context.clock.now().toISOString().slice(0, 10), -2);
  await c.t.db.query(
    "update ruawatch.findings set evidence = evidence || jsonb_build_object('since', $2::text, 'last_day', $2::text) where finding_key = $1",
    [key, since],
  );
  const charted = (await person.get(`/findings/${key}`)).body;
  expect(charted).toContain('Messages a day of those named below');
  // The day before it began, which tells what was usual; of reports that count alone.
  expect(charted).toContain('Passing 300, Fails, delivered 40, Fails, stopped 60');
  await c.t.db.query("update ruawatch.findings set subject = '192.0.2.0/24' where finding_key = $1", [key]);
  expect((await person.get('/domains/example.com/senders/postbird.example')).body).toContain(`href="/findings/${key}"`);
});

test('all sources of a sender are denied at once, and one that a person has denied before keeps who said it', async () => {
  await c.t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as, class)
     select 'example.com', '198.51.' || n || '.0/24', '2026-10-01', '2026-10-02', 5, 0, 'networks', 'unauthorized' from generate_series(1, 3) n`,
  );
  const [ada, ben] = [await c.person('operator', ['example.com']), await c.person('operator', ['example.com'])];
  const decide = (person: typeof ada, source: string, more = {}) =>
    person.post('/domains/example.com/decide', { sender: 'networks', source, decision: 'deny', why: 'forged', ...more });
  expect((await decide(ada, '198.51.1.0/24')).statusCode).toBe(303);
  const page = (await ben.get('/domains/example.com/senders/networks')).body;
  expect(page).toContain('All 3 sources together');
  expect(page).toContain('None of it is mine');
  // One reason for all, and the others folded away.
  expect(page.match(/<details class="source">/g)).toHaveLength(3);
  expect((await decide(ben, '*')).statusCode).toBe(303);
  const { rows } = await c.t.db.query(
    "select source, verdict, by_name from dmarc.sender_list where domain = 'example.com' and source like '198.51.%' order by source",
  );
  expect(rows.map(({ source, verdict }) => `${source} ${verdict}`)).toEqual([1, 2, 3].map((n) => `198.51.${n}.0/24 denied`));
  expect(new Set(rows.map(({ by_name }) => by_name)).size).toBe(2);
  expect((await ben.get('/domains/example.com/senders/networks')).body).not.toContain('None of it is mine');
  // Another sender's sources are not meant by it, and a sender that is not there has none.
  expect((await decide(ben, '*', { sender: 'nobody' })).statusCode).toBe(404);
  const left = await c.t.db.query("select from dmarc.sender_list where source = '192.0.2.0/24'");
  expect(left.rowCount).toBe(0);
});

test('a sender whose mail passes no more is said to have passed', () => {
  const source = { class: 'authorized', verdict: null, failing_since: null as string | null } as SourceLine;
  const day = (n: number, passed: number) => ({ day: addDays('2026-10-01', n), messages: 100, passed, delivered: 0 });
  const good = Array.from({ length: 20 }, (_, i) => day(i, 100));
  const bad = Array.from({ length: 9 }, (_, i) => day(20 + i, 0));
  expect(meaning([source], good)).toBe('Yours: most of its mail passes.');
  // The day is that of the analyzer, which the sentence about its class has.
  const failing = { ...source, failing_since: '2026-10-21' };
  expect(meaning([failing], [...good, ...bad])).toBe(
    'Yours: most of its mail used to pass. Since 2026-10-21, none of 900 messages passes.',
  );
  expect(meaning([source, failing], [...good, ...bad, { ...day(29, 0), messages: 40 }])).toContain('none of 940');
  // A handful says nothing, and a person's word stands.
  expect(meaning([failing], [...good, { ...day(20, 0), messages: 19 }])).toBe('Yours: most of its mail passes.');
  for (const [messages, passed, fails] of [
    [20, 9, true],
    [20, 10, false],
    [19, 0, false],
    [900, 449, true],
    [900, 450, false],
  ] as const)
    expect(meaning([failing], [{ ...day(20, 0), messages, passed }]).includes('used to pass')).toBe(fails);
  expect(meaning([{ ...failing, verdict: 'approved' }], bad)).toBe('Yours: a person approved it.');
});

test('the day since which a sender fails is stored with its class, and goes with it', async () => {
  const save = (failing_since: string | null) =>
    transaction(c.t.db, (tx) =>
      saveClasses(tx, 'example.com', new Date('2026-11-05T08:00:00Z'), [
        { source: '192.0.2.0/24', class: 'authorized', confidence: 1, why: 'it passes', failing_since },
      ]),
    );
  const stored = async () =>
    (await c.t.db.query("select failing_since from dmarc.sources where source = '192.0.2.0/24'")).rows[0].failing_since;
  await save('2026-11-02');
  expect(await stored()).toBe('2026-11-02');
  await save(null);
  expect(await stored()).toBeNull();
});

test('a decision that resolved a finding is named on it, and taken back there; its term is in the history', async () => {
  const key = await c.finding('alignment_failure', 'example.com', 'networks');
  await c.t.db.query(
    `update ruawatch.findings set subject = '198.51.3.0/24', state = 'resolved', resolved_at = now(),
            evidence = evidence || '{"ended": {"reason": "denied"}}' where finding_key = $1`,
    [key],
  );
  const operator = await c.person('operator', ['example.com']);
  const decide = (more: object) =>
    operator.post('/domains/example.com/decide', { sender: 'networks', source: '198.51.3.0/24', why: 'forged', ...more });
  await decide({ decision: 'deny', days: '90' });
  const until = addDays(c.context.clock.now().toISOString().slice(0, 10), 90);
  const page = (await operator.get(`/findings/${key}`)).body;
  expect(page).toContain(`Denied by ${operator.name} on`);
  expect(page).toContain(`UTC, until <time>${until}</time>`);
  expect(page).toContain('Take the decision about 198.51.3.0/24 back');
  expect(page).not.toContain('What to do');
  const sender = (await operator.get('/domains/example.com/senders/networks')).body;
  expect(sender).toMatch(new RegExp(`<strong>denied</strong> until ${until} [0-9:]+`));
  const answer = await decide({ decision: 'end', finding: `${key}` });
  expect(answer.headers.location).toBe(`/findings/${key}`);
  const after = (await operator.get(`/findings/${key}`)).body;
  expect(after).toContain('The decision is taken back.');
  expect(after).not.toContain('Take the decision about');
});

test('a decision from a page that is older than another decision is refused, and says who decided what', async () => {
  const [ada, ben] = [await c.person('operator', ['example.com']), await c.person('operator', ['example.com'])];
  const place = '/domains/example.com/senders/postbird.example';
  const fieldsOf = async (decision: string) => {
    const { body } = await ben.get(place);
    const form = body.split('<form').find((one) => one.includes(`value="${decision}"`))!;
    const basis = /name="basis" value="([^"]*)"/.exec(form)![1]!.replaceAll('&quot;', '"');
    return { sender: 'postbird.example', source: '192.0.2.0/24', decision, why: 'ours', basis };
  };
  const stale = await fieldsOf('approve');
  await ada.post('/domains/example.com/decide', { ...stale, decision: 'deny', why: 'forged' });
  const answer = await ben.post('/domains/example.com/decide', stale, { from: place });
  expect(answer.statusCode).toBe(409);
  expect(answer.body).toContain(`Something else was decided about 192.0.2.0/24 after what you saw: denied by ${ada.name} on `);
  expect(answer.body).toContain('Nothing was changed: look at it, and decide again if you still mean it.');
  const standing = async () =>
    (await c.t.db.query("select verdict, by_name from dmarc.sender_list where source = '192.0.2.0/24' and ended_at is null"))
      .rows;
  expect(await standing()).toEqual([{ verdict: 'denied', by_name: ada.name }]);
  // Whoever has seen it may decide otherwise; and an entry that has ended since is another state as well.
  expect((await ben.post('/domains/example.com/decide', await fieldsOf('approve'))).statusCode).toBe(303);
  expect(await standing()).toEqual([{ verdict: 'approved', by_name: ben.name }]);
  const late = await fieldsOf('deny');
  await ada.post('/domains/example.com/decide', await fieldsOf('end'));
  expect((await ben.post('/domains/example.com/decide', late)).statusCode).toBe(409);
  const api = await ben.api('POST', '/api/v1/domains/example.com/senders', {
    source: '192.0.2.0/24',
    decision: 'deny',
    why: 'forged',
    basis: '0',
  });
  expect(api.statusCode).toBe(409);
  expect(api.json()).toMatchObject({ code: 'decided_meanwhile' });
  await c.t.db.query("delete from ruawatch.sender_list where source = '192.0.2.0/24'");
});

test('a decision about a service or for all domains is named on the finding that it resolved, and taken back there', async () => {
  const key = await c.finding('alignment_failure', 'example.com', 'postbird');
  await c.t.db.query(
    `update ruawatch.findings set subject = '192.0.2.0/24', state = 'resolved', resolved_at = now(),
            evidence = evidence || '{"ended": {"reason": "denied"}}' where finding_key = $1`,
    [key],
  );
  const operator = await c.person('operator', ['example.com']);
  const admin = await c.person('admin', null);
  const word = { by: 'ben', why: 'not our vendor' };
  const put = (domain: string, of: { source: string; service: boolean }) =>
    putSender(
      c.t.db,
      { domain, source: of.source, service: of.service ? { domains: [] } : null },
      { verdict: 'denied', word, until: null },
      c.context.clock.now(),
    );
  const endOn = async (body: string) => {
    const form = body.split('<form').find((one) => one.includes('name="entry"'))!;
    const of = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(form)![1]!.replaceAll('&quot;', '"');
    return Object.fromEntries(['sender', 'source', 'decision', 'finding', 'entry', 'basis'].map((name) => [name, of(name)]));
  };
  await put('example.com', { source: 'postbird.example', service: true });
  const page = (await operator.get(`/findings/${key}`)).body;
  expect(page).toContain('Take the decision about postbird.example back');
  expect((await operator.get('/domains/example.com/senders/postbird.example')).body).toContain('Denied by ben on');
  const end = { ...(await endOn(page)), why: 'it is ours' };
  expect((await operator.post('/domains/example.com/decide', end)).headers.location).toBe(`/findings/${key}`);
  expect((await operator.get(`/findings/${key}`)).body).not.toContain('Take the decision about');
  // It has ended: a second tab that still offers it is told so.
  expect((await operator.post('/domains/example.com/decide', end)).statusCode).toBe(409);
  await put('*', { source: '192.0.2.0/24', service: false });
  expect((await operator.get(`/findings/${key}`)).body).not.toContain('Take the decision about');
  const all = (await admin.get(`/findings/${key}`)).body;
  expect(all).toContain('Take the decision about 192.0.2.0/24 back for all domains');
  const { entry } = await endOn(all);
  const forged = { sender: 'postbird.example', source: '192.0.2.0/24', decision: 'end', why: 'mine', entry: `${entry}` };
  expect((await operator.post('/domains/example.com/decide', forged)).statusCode).toBe(409);
  await admin.post('/domains/example.com/decide', { ...(await endOn(all)), why: 'wrong' });
  const about = "source in ('postbird.example', '192.0.2.0/24')";
  expect((await c.t.db.query(`select from ruawatch.sender_list where ended_at is null and ${about}`)).rowCount).toBe(0);
  await c.t.db.query(`delete from ruawatch.sender_list where ${about}`);
});

test('what others decided meanwhile about the service of a source is compared, and where a decision opens a request', async () => {
  const operator = await c.person('operator', ['example.com']);
  const place = '/domains/example.com/senders/postbird.example';
  const fieldsNow = async () => {
    const form = (await operator.get(place)).body.split('<form').find((one) => one.includes('value="approve"'))!;
    const basis = /name="basis" value="([^"]*)"/.exec(form)![1]!.replaceAll('&quot;', '"');
    return { sender: 'postbird.example', source: '192.0.2.0/24', decision: 'approve', why: 'ours', basis };
  };
  const stale = await fieldsNow();
  await putSender(
    c.t.db,
    { domain: 'example.com', source: 'postbird.example', service: { domains: [] } },
    { verdict: 'denied', word: { by: 'ben', why: 'not our vendor' }, until: null },
    c.context.clock.now(),
  );
  const refused = await operator.post('/domains/example.com/decide', stale, { from: place });
  expect([refused.statusCode, refused.body.includes('denied by ben on')]).toEqual([409, true]);
  const { approvals } = c.context.config;
  const { rules } = approvals;
  approvals.rules = rulesOf({ name: 'one', when: { kinds: ['sender.approve'] }, stages: [{ group: 'mail' }] });
  expect((await operator.post('/domains/example.com/decide', stale)).statusCode).toBe(409);
  expect((await c.t.db.query('select from ruawatch.requests')).rowCount).toBe(0);
  approvals.rules = rules;
  expect((await operator.post('/domains/example.com/decide', await fieldsNow())).statusCode).toBe(303);
  await c.t.db.query("delete from ruawatch.sender_list where domain = 'example.com'");
});

test('where rules ask others about senders, a decision opens a request, which others decide', async () => {
  const { approvals } = c.context.config;
  const { rules } = approvals;
  approvals.rules = rulesOf({ name: 'one', when: { kinds: ['sender.approve'] }, stages: [{ group: 'mail' }] });
  const operator = await c.person('operator', ['example.com']);
  const fields = { sender: 'postbird.example', source: '192.0.2.0/24', decision: 'approve', why: 'our newsletter' };
  const answer = await operator.post('/domains/example.com/decide', fields);
  expect(answer.headers.location).toMatch(/^\/requests\/\d+$/);
  const { rows } = await c.t.db.query(
    "select kind, domain, requester, why, state from ruawatch.requests where domain = 'example.com'",
  );
  expect(rows).toMatchObject([{ kind: 'sender.approve', requester: operator.name, why: 'our newsletter', state: 'pending' }]);
  expect((await c.t.db.query("select from ruawatch.sender_list where source = '192.0.2.0/24'")).rowCount).toBe(0);
  expect((await operator.get(answer.headers.location as string)).body).toContain('the request is open, and they have been told');
  approvals.rules = rules;
});

test('what is decided about all sources of a sender is told once, leads to its findings, and is taken back at once', async () => {
  const sources = [1, 2, 3].map((n) => `203.0.${n}.0/24`);
  await c.t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as, name, class, classified_at)
     select 'example.com', source, '2026-10-01', '2026-10-02', 5, 0, 'strangers', 'strangers', 'misaligned', now() - interval '1 year'
       from unnest($1::text[]) source`,
    [sources],
  );
  const key = await c.finding('unauthorized_source', 'example.com', 'strangers-as-example');
  await c.t.db.query(
    `update ruawatch.findings set evidence = evidence || jsonb_build_object('who',
            (select jsonb_agg(jsonb_build_object('source', s, 'messages', 4)) from unnest($2::text[]) s)) where finding_key = $1`,
    [key, sources],
  );
  const operator = await c.person('operator', ['example.com']);
  const place = '/domains/example.com/senders/strangers';
  const basisIn = (page: string, decision: string) => {
    const form = page.split('<form').find((one) => one.includes(`value="${decision}"`) && one.includes('value="*"'))!;
    return /name="basis" value="([^"]*)"/.exec(form)![1]!.replaceAll('&quot;', '"');
  };
  const decide = (decision: string, basis: string, more = {}) =>
    operator.post('/domains/example.com/decide', { sender: 'strangers', source: '*', decision, why: 'not us', basis, ...more });
  const before = (await operator.get(place)).body;
  expect(before).toContain('Open findings about it');
  expect(before).toContain('Nobody has approved or denied it');
  await decide('deny', basisIn(before, 'deny'));
  const page = (await operator.get(place)).body;
  const [together] = page.split('<details class="source">') as [string];
  expect(together).toContain(`Denied by ${operator.name} on`);
  expect(together).not.toContain('203.0.1.0/24</span>:');
  expect(together).toContain('Take the decisions back');
  const history = page.slice(page.indexOf('<ol class="history">'));
  expect(history.match(/<strong>denied/g)).toHaveLength(1);
  expect(history).toContain(sources.join(', '));
  // Its class is still the one of before.
  expect(page).not.toContain('How to align it');
  expect(page).toContain('Something was just decided about it');
  const finding = (await operator.get(`/findings/${key}`)).body;
  expect(finding.match(/Denied by/g)).toHaveLength(1);
  expect(finding.match(/Take the decisions back/g)!.length).toBeGreaterThan(0);
  const ended = await decide('end', basisIn(finding, 'end'), { finding: `${key}` });
  expect([ended.statusCode, ended.headers.location]).toEqual([303, `/findings/${key}`]);
  const { rows } = await c.t.db.query("select from dmarc.sender_list where source like '203.0.%' and ended_at is null");
  expect(rows).toEqual([]);
  const after = (await operator.get(place)).body;
  expect(after).toContain('No decision about it holds any more');
  expect(after).not.toContain('Nobody has approved or denied it');
  expect(after).toContain('Something was just decided about it');
});

test('an approval is given another term on its page', async () => {
  const operator = await c.person('operator', ['example.com']);
  const place = '/domains/example.com/senders/postbird.example';
  const fields = { sender: 'postbird.example', source: '192.0.2.0/24', decision: 'approve', why: 'ours', days: '90' };
  await operator.post('/domains/example.com/decide', fields);
  const { body } = await operator.get(place);
  expect(body).toContain('Set a new term');
  await operator.post('/domains/example.com/decide', { ...fields, days: '365' });
  const until = addDays(c.context.clock.now().toISOString().slice(0, 10), 365);
  expect((await operator.get(place)).body).toContain(`until <time>${until}</time>`);
  await c.t.db.query("delete from ruawatch.sender_list where source = '192.0.2.0/24'");
});
