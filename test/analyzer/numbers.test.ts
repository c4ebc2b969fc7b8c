import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SourceDay } from '../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from './fixture.ts';
import { ago, REPORTERS, span } from './rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const OWN = { source: '192.0.2.0/24' };
const ordinary = (from: number, to: number) => span(from, to, 'both', 300, REPORTERS, OWN);
const HISTORY = 45;
const DAYS = 22;

/** What each finding says on each morning of its life. */
async function lived(mail: (day: number) => readonly SourceDay[]) {
  const lives = new Map<string, { since: string; messages: number; of: number; fates: number; query: string; shown: number }[]>();
  await f.put([...ordinary(HISTORY, DAYS), ...Array.from({ length: HISTORY - DAYS + 1 }, (_, i) => mail(HISTORY - i)).flat()]);
  for (let day = DAYS - 1; day >= 0; day--) {
    await f.put([...ordinary(day, day), ...mail(day)]);
    f.setNow(new Date(`${ago(day - 1)}T08:00:00Z`));
    await f.analyze();
    for (const { kind, subject, state, evidence } of await f.findings()) {
      if (state !== 'open') continue;
      const n = (name: string) => evidence[name] as number;
      const who = evidence.who as { messages: number }[];
      const life = lives.get(`${kind} ${subject}`) ?? [];
      life.push({
        since: evidence.since as string,
        messages: n('messages'),
        of: n('of'),
        fates: n('delivered') + n('quarantined') + n('rejected'),
        query: evidence.query,
        shown: who.reduce((sum, { messages }) => sum + messages, 0),
      });
      lives.set(`${kind} ${subject}`, life);
    }
  }
  return lives;
}

const cases: [string, (day: number) => SourceDay[], string, number][] = [
  [
    'forged mail from one network',
    (day) => (day <= 19 ? span(day, day, 'unauthenticated', 20, REPORTERS, { source: '198.18.0.0/24' }) : []),
    'unauthorized_source example.com',
    20 * 60,
  ],
  [
    'forged mail from another network each week, that fades',
    (day) =>
      day <= 19
        ? span(day, day, 'unauthenticated', day > 12 ? 60 : 12, REPORTERS, { source: `198.18.${Math.floor(day / 7)}.0/24` })
        : [],
    'unauthorized_source example.com',
    7 * 180 + 13 * 36,
  ],
  [
    'forged names below the domain',
    (day) => (day <= 15 ? span(day, day, 'below', 20, REPORTERS, { source: '198.18.0.0/24' }) : []),
    'subdomain_abuse example.com',
    16 * 60,
  ],
  [
    'a service that was never set up, from before the days it is judged by',
    (day) => (day <= 30 ? span(day, day, 'foreign', 10, REPORTERS, { source: 'service.example' }) : []),
    'alignment_failure service.example',
    31 * 30,
  ],
];
test.each(cases)(
  '%s: all its numbers are since the same day, none shrinks, and the query shows those days',
  async (_, mail, name, all) => {
    const life = (await lived(mail)).get(name)!;
    expect(life.length).toBeGreaterThan(10);
    for (const [i, now] of life.entries()) {
      const before = life[i - 1] ?? now;
      expect(now.since).toBe(life[0]!.since);
      for (const number of ['messages', 'of', 'fates', 'shown'] as const)
        expect(now[number]).toBeGreaterThanOrEqual(before[number]);
      expect(now.of).toBeGreaterThanOrEqual(now.messages);
      expect(now.fates).toBeLessThanOrEqual(now.messages);
      expect(now.shown).toBeLessThanOrEqual(now.messages);
      expect(now.query).toContain(`begin_at >= '${now.since} 00:00+00'`);
    }
    expect(life.at(-1)!.messages).toBe(all);
  },
);
