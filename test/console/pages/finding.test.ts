import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runFindingsList, runFindingsShow } from '../../../services/cli/commands/findings.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { FINDINGS } from '../../alerter/events.ts';
import { SAMPLES } from '../../findings/kinds/samples.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

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
