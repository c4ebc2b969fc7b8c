import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Random } from '../../demo/random.ts';
import { Calendar } from '../../simulate/calendar.ts';
import { CATALOGUE } from '../../simulate/catalogue.ts';
import { KINDS } from '../../simulate/kinds.ts';
import { mailsOf } from '../../simulate/mails.ts';
import { readyEnough } from '../../simulate/run.ts';
import { REPORTED_SEEDS, seedsOf, TUNING_SEEDS } from '../../simulate/seeds.ts';
import { buildWorld } from '../../simulate/world.ts';

async function mails(seed: number, days: readonly number[]) {
  const world = buildWorld({ seed, domains: 6, days: 90 });
  const calendar = new Calendar(90);
  const root = new Random(`simulate/${seed}/traffic`);
  const hash = createHash('sha256');
  for (const day of days)
    for (const { raw, tick } of await mailsOf(world, day, calendar, root)) hash.update(raw).update(String(tick));
  return hash.digest('hex');
}

test('the same seed gives the same bytes, another seed others', async () => {
  const first = await mails(1, [3, 40]);
  expect(await mails(1, [3, 40])).toBe(first);
  expect(await mails(2, [3, 40])).not.toBe(first);
});

test('a day does not depend on whether the days before were written', async () => {
  expect(await mails(5, [41])).toBe(await mails(5, [41]));
  const world = buildWorld({ seed: 5, domains: 6, days: 90 });
  const calendar = new Calendar(90);
  const root = new Random('simulate/5/traffic');
  await mailsOf(world, 40, calendar, root);
  const hash = createHash('sha256');
  for (const { raw, tick } of await mailsOf(world, 41, calendar, root)) hash.update(raw).update(String(tick));
  expect(hash.digest('hex')).toBe(await mails(5, [41]));
});

test.each([1, 101])('20 domains and 90 days of seed %d hold every type of incident at every strength', (seed) => {
  const { incidents } = buildWorld({ seed, domains: 20, days: 90 });
  const planted = new Set(incidents.map((one) => `${one.type} ${one.strength}`));
  const sending = CATALOGUE.filter((spec) => spec.where === 'sending');
  expect(sending.filter((spec) => !planted.has(`${spec.type} ${spec.strength}`))).toEqual([]);
  for (const type of ['parked_spoofing', 'policy_ready']) expect(incidents.some((one) => one.type === type)).toBe(true);
  for (const one of incidents) {
    expect(KINDS[one.type]).toBeDefined();
    expect(one.begin).toBeGreaterThanOrEqual(0);
    expect(one.end).toBeLessThan(90);
    expect(one.end).toBeGreaterThanOrEqual(one.begin);
  }
});

test('no address of a domain belongs to two streams of different truth', () => {
  for (const { flows } of buildWorld({ seed: 3, domains: 20, days: 90 }).domains) {
    const owner = new Map<string, string>();
    for (const { id, addresses } of flows) {
      for (const address of addresses) {
        expect(owner.get(address) ?? id).toBe(id);
        owner.set(address, id);
      }
    }
  }
});

test('a parked domain sends nothing but what others forge', () => {
  const parked = buildWorld({ seed: 1, domains: 20, days: 90 }).domains.filter((domain) => domain.parked);
  expect(parked.length).toBeGreaterThan(0);
  for (const { flows } of parked) expect(new Set(flows.map((flow) => flow.what))).toEqual(new Set(['noise', 'incident']));
});

test('a rightful sender passes by what it is aligned with, under the policy of its domain', () => {
  for (const { flows, policy, name } of [1, 2, 3].flatMap((seed) => buildWorld({ seed, domains: 20, days: 90 }).domains)) {
    for (const flow of flows.filter((one) => one.truth === 'authorized')) {
      const spf =
        flow.spf.result === 'pass' &&
        (policy.aspf === 's' ? flow.spf.domain === flow.header_from : flow.spf.domain.endsWith(name));
      expect([flow.id, spf || flow.dkim.some((one) => one.domain === name && one.result === 'pass')]).toEqual([flow.id, true]);
    }
  }
});

test('tuning and reported seeds are apart', () => {
  expect(TUNING_SEEDS.filter((seed) => REPORTED_SEEDS.includes(seed))).toEqual([]);
});

test.each([
  ['1', [1]],
  ['3-5,9', [3, 4, 5, 9]],
  ['tuning', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
])('--seed %s is %j', (text, seeds) => {
  expect(seedsOf(text)).toEqual(seeds);
});

test.each(['', 'x', '1-', '5-3', '1 2'])('--seed "%s" is refused', (text) => {
  expect(() => seedsOf(text)).toThrow(/--seed/);
});

test('policy_ready is not wrong where nothing is misaligned, but for the days around what broke', () => {
  const world = buildWorld({ seed: 1, domains: 20, days: 90 });
  const spans = readyEnough(world);
  for (const { domain } of spans) {
    expect(world.domains.find((one) => one.name === domain)!.policy.p).not.toBe('reject');
  }
  const broken = world.incidents.filter((one) => ['dkim_broken', 'misaligned_service'].includes(one.type));
  expect(new Set(broken.map((one) => one.type)).size).toBe(2);
  // What was ready before a service began that is not set up, was ready.
  const begun = broken.find(
    (one) => one.type === 'misaligned_service' && one.begin > 50 && spans.some((s) => s.domain === one.domain),
  );
  expect(spans.some((span) => span.domain === begun?.domain && span.begin === 0 && span.end < begun.begin)).toBe(true);
  for (const one of broken) {
    const within = spans.filter((span) => span.domain === one.domain && span.begin <= one.end && span.end >= one.begin);
    expect(within).toEqual([]);
  }
});

test('a mail is seen at the first tick after it arrived', () => {
  const calendar = new Calendar(90);
  const at = (day: number, hour: number) => calendar.midnight(day) + hour * 3600;
  expect(calendar.tickOf(at(10, 17.9))).toBe(10);
  expect(calendar.tickOf(at(10, 18))).toBe(10);
  expect(calendar.tickOf(at(10, 18.1))).toBe(11);
  expect(calendar.tickAt(calendar.clock(12))).toBe(12);
  expect(calendar.dayOf(calendar.text(33))).toBe(33);
  expect(calendar.text(90)).toBe('2026-06-30');
});
