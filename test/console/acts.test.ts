import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeAt, stepAt } from '../../services/console/people/totp.ts';
import { signInSecrets } from '../../services/store/console/people.ts';
import { makeLink } from '../../services/store/console/sessions.ts';
import { Acts, PASSWORD } from './acts.ts';
import { NOW, testWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await testWorld();
});
afterAll(() => world?.c.close());

test('what admins do with people, and people with their accounts', async () => {
  const acts = await Acts.in(world);
  const { ada, viewer, c } = world;
  const { db } = c.t;
  const people = (act: string, fields: Record<string, string>) => acts.post(ada, `/people/${act}`, fields, '/people');
  const added = { name: 'Zoe', email: 'zoe@example.com', role: 'operator', domains: 'example.com shop.example.com' };
  await people('add', { ...added, name: 'no name' });
  await people('add', { ...added, email: 'no address' });
  await people('add', { ...added, domains: '' });
  await people('add', { ...added, domains: 'not/one' });
  await people('add', { ...added, domains: 'examples.com' });
  await people('add', { ...added, domains: 'examples.com', unknown: 'yes' });
  await people('add', added);
  await people('add', { name: 'max', role: 'viewer', domains: 'not/one', all: 'yes' });
  for (const name of ['max', 'nobody']) {
    await people('link', { name });
    await people('change', { name, role: 'operator', domains: 'example.com' });
    await people('remove', { name });
  }
  await people('remove', { name: 'ada' });
  await people('change', { name: 'ada', role: 'viewer', domains: 'example.com' });
  await people('tokens/end', { key: '1' });
  await people('tokens/end', { key: '99' });
  await acts.page(ada, '/people');
  const account = (act: string, fields: Record<string, string>) => acts.post(ada, `/account/${act}`, fields, '/account');
  const token = { name: 'script', scope: 'read', days: '30', password: PASSWORD };
  await account('tokens', { ...token, password: 'wrong' });
  await account('tokens', { ...token, days: '367' });
  await account('tokens', { ...token, domains: 'not/one' });
  await account('tokens', { ...token, scope: 'decide' });
  await account('tokens', token);
  await account('tokens', { ...token, domains: 'example.com, shop.example.com', scope: 'act' });
  await acts.post(viewer, '/account/tokens', { ...token, scope: 'act' }, '/account');
  await acts.page(ada, '/account');
  await account('tokens/end', { key: '2' });
  await account('codes', { password: 'wrong' });
  await account('codes/confirm', { code: '123456' });
  await account('codes', { password: PASSWORD });
  await account('codes/confirm', { code: '12' });
  const { totp_secret } = (await signInSecrets(db, 'ada'))!;
  await account('codes/confirm', { code: codeAt(totp_secret!, stepAt(NOW)) });
  await account('codes/confirm', { code: '123456' });
  await account('codes', { password: PASSWORD });
  await acts.page(ada, '/account');
  await account('tokens', { ...token, scope: 'decide', code: codeAt(totp_secret!, stepAt(NOW)) });
  await account('tokens', { ...token, scope: 'decide', code: codeAt(totp_secret!, stepAt(NOW) + 1) });
  await account('codes/off', { password: 'wrong' });
  await account('codes/off', { password: PASSWORD });
  await account('passkeys/remove', { id: 'AAAA' });
  await acts.page(ada, '/account');
  const { rows } = await db.query<{ key: number }>("select session_key as key from ruawatch.sessions where agent = 'curl/8'");
  await account('sessions/end', { key: String(rows[0]?.key ?? 0) });
  await acts.page(ada, '/account');
  await expect(acts.text()).toMatchFileSnapshot('golden/acts-people.txt');
});

test('how people come in and leave', async () => {
  const acts = await Acts.in(world);
  const { c } = world;
  const { db } = c.t;
  const [first, again, link, another] = [c.stranger(), c.stranger(), c.stranger(), c.stranger()];
  await acts.page(first, '/sign-in?next=%2Ffindings');
  const entry = (fields: Record<string, string>) =>
    acts.post(first, '/sign-in', { name: 'eve', password: PASSWORD, ...fields }, '/sign-in');
  await entry({ password: 'wrong' });
  await entry({ name: 'nobody' });
  await entry({ name: 'x'.repeat(201) });
  await db.query("update ruawatch.people set totp_since = null where name = 'eve'");
  await entry({ next: '//evil.example' });
  await acts.page(first, '/sign-in?next=%2Ffindings');
  await acts.post(first, '/sign-out', {});
  await acts.post(again, '/sign-in', { name: 'eve', password: PASSWORD, next: '/findings?state=all' });
  await acts.post(again, '/sign-out', { everywhere: 'yes' });
  const { rows } = await db.query<{ person_key: number }>("select person_key from ruawatch.people where name = 'eve'");
  const chosen = `/link/${await makeLink(db, rows[0]!.person_key, 'password', NOW)}`;
  const at_once = `/link/${await makeLink(db, rows[0]!.person_key, 'sign_in', NOW)}`;
  const nobody = `/link/${await makeLink(db, null, 'password', NOW)}`;
  for (const page of [chosen, at_once, nobody, `/link/${'x'.repeat(43)}`]) await acts.page(link, page);
  await acts.post(link, chosen, { password: 'short', again: 'short' }, chosen);
  await acts.post(link, chosen, { password: '0123456789ab', again: '0123456789ac' }, chosen);
  await acts.post(link, chosen, { password: '0123456789ab', again: '0123456789ab' }, chosen);
  await acts.post(link, chosen, { password: '0123456789ab', again: '0123456789ab' }, chosen);
  await acts.post(another, at_once, {}, at_once);
  await acts.post(c.stranger(), at_once, {}, at_once);
  await acts.post(c.stranger(), nobody, { name: 'mia', password: '0123456789ab', again: '0123456789ab' }, nobody);
  const { rows: signed } = await db.query(
    "select name, address, agent, s.ends_at from ruawatch.sessions s join ruawatch.people using (person_key) where name = 'eve'",
  );
  acts.lines.push(...signed.map((one) => JSON.stringify(one)));
  await expect(acts.text()).toMatchFileSnapshot('golden/acts-sign-in.txt');
});

test('what people do to findings', async () => {
  const acts = await Acts.in(world);
  const { ada, viewer, c } = world;
  const finding = (act: string, fields: Record<string, string>) => acts.post(ada, `/findings/1/${act}`, fields, '/findings/1');
  await finding('acknowledge', {});
  await finding('acknowledge', { why: 'known' });
  await finding('acknowledge', { why: 'again' });
  await finding('unacknowledge', { why: 'not any more' });
  await finding('unacknowledge', { why: 'twice' });
  for (const days of ['0', '366', '7']) await finding('snooze', { why: 'later', days });
  await acts.page(ada, '/findings/1');
  await finding('unsnooze', { why: 'now' });
  for (const to of ['zed', 'vera', 'eve', '']) await finding('assign', { why: 'theirs', to });
  await finding('reopen', { why: 'it is open' });
  await finding('resolve', { why: 'was a test', verdict: 'false' });
  await finding('resolve', { why: 'no, it was not', verdict: 'right' });
  await finding('resolve', { why: 'once more' });
  await acts.page(ada, '/findings/1');
  await finding('reopen', { why: 'it goes on' });
  await acts.post(ada, '/findings/2/resolve', { why: 'repaired' });
  await acts.page(ada, '/findings/2');
  await acts.post(ada, '/findings/99/resolve', { why: 'nothing' });
  await acts.post(viewer, '/findings/1/resolve', { why: 'may I?' });
  const [program, other] = [await c.person('operator', ['example.com']), await c.person('operator', ['shop.example.com'])];
  for (const [act, more] of Object.entries({
    acknowledge: {},
    unacknowledge: {},
    snooze: { days: 3 },
    unsnooze: {},
    assign: { to: 'eve' },
    resolve: { verdict: 'expected' },
    reopen: {},
  }))
    await acts.api(program, 'POST', `/findings/1/${act}`, { why: `by a program: ${act}`, ...more });
  await acts.api(other, 'POST', '/findings/1/resolve', { why: 'of another domain' });
  await acts.page(ada, '/findings?state=all');
  await expect(acts.text()).toMatchFileSnapshot('golden/acts-findings.txt');
});

test('what people decide about senders and look-alikes, and read again', async () => {
  const acts = await Acts.in(world);
  const { ada, viewer, c } = world;
  const page = '/domains/example.com/senders/unauthorized.example';
  const sender = (fields: Record<string, string>) =>
    acts.post(
      ada,
      '/domains/example.com/decide',
      { sender: 'unauthorized.example', source: 'unauthorized.example', why: 'seen', ...fields },
      page,
    );
  await sender({ decision: 'deny', why: '' });
  await sender({ decision: 'deny', days: '3651' });
  await sender({ decision: 'deny', basis: '{' });
  await sender({ decision: 'deny', days: '90', basis: '{"unauthorized.example":"0"}' });
  await acts.page(ada, page);
  await sender({ decision: 'approve', basis: '{"unauthorized.example":"0"}' });
  await sender({ decision: 'deny', source: '*' });
  await sender({ decision: 'approve', source: '*', basis: '{}' });
  await sender({ decision: 'approve', source: '*', days: '365' });
  await sender({ decision: 'end', finding: '1' });
  await sender({ decision: 'end' });
  await sender({ decision: 'approve', source: 'nobody.example' });
  await sender({ decision: 'approve', source: '*', sender: 'nobody.example' });
  await acts.post(viewer, '/domains/example.com/decide', { sender: 'x', source: 'x', decision: 'deny', why: 'may I?' });
  await acts.page(ada, page);
  const program = await c.person('operator', ['example.com']);
  const word = (more: object) => ({ source: 'misaligned.example', decision: 'approve', why: 'by a program', ...more });
  for (const more of [
    { until: '2026-10-07T11:00:00Z' },
    { until: '2027-01-01T00:00:00Z', basis: '0' },
    { basis: '0' },
    { decision: 'end' },
    { source: 'x' },
  ])
    await acts.api(program, 'POST', '/domains/example.com/senders', word(more));
  const alike = (fields: Record<string, string>) =>
    acts.post(ada, '/look-alikes/example.com', { name: 'examp1e.com', why: 'ours', ...fields }, '/look-alikes');
  await alike({ decision: 'ignore' });
  await acts.page(ada, '/look-alikes');
  await alike({ decision: 'watch' });
  await alike({ decision: 'watch', name: 'nothing.example' });
  const { rows } = await c.t.db.query<{ message_key: number }>(
    "select message_key from ruawatch.messages where state = 'quarantined'",
  );
  for (const key of [rows[0]!.message_key, rows[0]!.message_key, 9_999])
    await acts.post(ada, `/quarantine/${key}/replay`, {}, '/quarantine');
  for (const domain of ['', 'not one', 'new.example']) await acts.post(ada, '/setup/domains', { domain }, '/setup');
  await acts.page(ada, '/setup?domain=new.example');
  await expect(acts.text()).toMatchFileSnapshot('golden/acts-senders.txt');
});
