import { afterAll, beforeAll, expect, test } from 'vitest';
import { Acts } from './acts.ts';
import { busyWorld } from './busy-world.ts';
import type { World } from './world.ts';

let busy: World;
beforeAll(async () => {
  busy = await busyWorld();
});
afterAll(() => busy?.c.close());

test('what people decide about requests, rights and held mail', async () => {
  const acts = await Acts.in(busy);
  const { ada, viewer, c } = busy;
  // Open for long, whatever the clock of the database says.
  await c.t.db.query("update ruawatch.requests set expires_at = '2099-01-01' where state = 'pending'");
  const digestOn = async (page: string) =>
    /name="digest" value="([0-9a-f]{64})"/.exec((await ada.get(page)).body)?.[1] ?? 'a'.repeat(64);
  const { rows } = await c.t.db.query<{ key: number; state: string }>(
    'select request_key as key, state from ruawatch.requests order by 1',
  );
  for (const { key } of rows.slice(0, 14)) {
    const page = `/requests/${key}`;
    const digest = await digestOn(page);
    for (const verb of ['withdraw', 'deny', 'approve', 'override'])
      await acts.post(ada, `${page}/${verb}`, { why: `to ${verb}`, digest }, page);
  }
  await acts.post(ada, '/requests/1/approve', { why: '', digest: 'x' }, '/requests/1');
  await acts.post(viewer, '/requests/1/approve', { why: 'may I?', digest: 'a'.repeat(64) });
  const { rows: grants } = await c.t.db.query<{ key: number }>('select grant_key as key from ruawatch.grants order by 1');
  for (const { key } of [...grants, { key: 99 }]) await acts.post(ada, `/access/${key}/end`, { why: 'enough' }, '/access');
  await acts.post(viewer, `/access/${grants[0]!.key}/end`, { why: 'may I?' });
  await acts.page(ada, '/access?show=all');
  for (const key of [1, 2, 3]) {
    const page = `/held/${key}`;
    const digest = await digestOn(page);
    await acts.post(ada, `${page}/text`, {}, page);
    await acts.post(ada, `${page}/ask-text`, { why: 'to read it' }, page);
    await acts.post(ada, `${page}/resolve`, { why: 'it came', arrived: 'yes' }, page);
    await acts.post(ada, `${page}/decide`, { why: 'x', verb: 'release', from_now_on: 'deny', digest }, page);
    await acts.post(ada, `${page}/decide`, { why: 'x', verb: 'release', digest: 'b'.repeat(64) }, page);
    const verb = ['release', 'reject', 'delete'][key - 1]!;
    await acts.post(ada, `${page}/decide`, { why: 'known', verb, from_now_on: key === 1 ? 'approve' : 'deny', digest }, page);
    await acts.page(ada, page);
  }
  const sender = { sender: 'unauthorized.example', source: 'unauthorized.example', why: 'seen' };
  await acts.post(ada, '/domains/example.com/decide', { ...sender, decision: 'deny', days: '90' });
  await acts.post(ada, '/domains/example.com/decide', { ...sender, decision: 'approve', source: '*' });
  await acts.post(ada, '/domains/example.com/decide', { ...sender, decision: 'end' });
  const program = await c.person('operator', ['example.com']);
  const wish = { domain: 'example.com', why: 'by a program' };
  for (const body of [
    { ...wish, kind: 'sender.approve' },
    { ...wish, kind: 'sender.approve', source: 'misaligned.example', until: '2026-10-07T11:00:00Z' },
    { ...wish, kind: 'sender.deny', source: 'misaligned.example', until: '2027-01-01T00:00:00Z' },
    { ...wish, kind: 'policy.step' },
    { ...wish, kind: 'policy.step', domain: 'other.example', to: 'reject' },
    { ...wish, kind: 'dns.change' },
  ])
    await acts.api(program, 'POST', '/requests', body);
  await acts.page(ada, '/requests?state=all');
  await expect(acts.text()).toMatchFileSnapshot('golden/acts-requests.txt');
});
