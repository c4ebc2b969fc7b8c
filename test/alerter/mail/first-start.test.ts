import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sortStanding } from '../../../services/alerter/mail/first-start.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { type Sink, startSink } from '../sink.ts';

describe('what stands at a first start', () => {
  const now = new Date('2026-10-06T08:00:00Z');
  const item = (minutes: number, given: { standing?: boolean; urgent?: boolean } = {}) => ({
    standing: true,
    urgent: false,
    at: new Date(now.getTime() - minutes * 60_000),
    ...given,
  });
  const sorted = (items: ReturnType<typeof item>[], waits: boolean) => {
    const { summary, due, held } = sortStanding(items, { most: 3, waits, now });
    return [summary.length, due.length, held.length];
  };
  const some = (n: number, minutes: number, given = {}) => Array.from({ length: n }, () => item(minutes, given));

  test.each([
    ['up to the limit is mailed one by one', some(3, 0), false, [0, 3, 0]],
    ['more than that is one summary', some(4, 0), false, [4, 0, 0]],
    ['while history is read, it waits', some(4, 0), true, [0, 0, 4]],
    ['but not for ever', some(4, 60), true, [4, 0, 0]],
    ['nor does what is critical', [...some(1, 0), ...some(2, 0, { urgent: true })], true, [0, 2, 1]],
    ['hundreds of critical ones are a summary too', some(9, 0, { urgent: true }), true, [9, 0, 0]],
    ['what is found later is mailed as usual, however much', some(40, 0, { standing: false }), true, [0, 40, 0]],
    ['and is no part of the summary', [...some(4, 0), ...some(5, 0, { standing: false })], false, [4, 5, 0]],
  ] as const)('%s', (_, items, waits, expected) => expect(sorted([...items], waits)).toEqual(expected));
});

describe('a first start', () => {
  let b: Bench;
  let sink: Sink;
  beforeEach(async () => {
    sink = await startSink();
    b = await bench();
  });
  afterEach(async () => {
    await b.close();
    await sink.stop();
  });
  const url = () => `smtp://${sink.at}?tls=none`;
  const subjects = () => sink.mails.map((mail) => mail.headers.get('subject')!);
  const stand = async (count: number, over: (i: number) => object = () => ({})) => {
    for (let i = 0; i < count; i++)
      await b.event({ domain: `d${i % 7}.example`, severity: 'medium', standing: true, ...over(i) });
  };
  const settled = () =>
    eventually(async () => {
      const { rows } = await b.db.query(
        `select (select count(*) from ruawatch.finding_events where handled_at is null)
                + (select count(*) from ruawatch.outbox where state = 'pending') as n`,
      );
      expect(rows[0]).toEqual({ n: 0 });
    });

  test('with hundreds of findings is one mail, the gravest first, with how many there are of each', async () => {
    await stand(120, (i) => ({ severity: i === 77 ? 'critical' : i % 3 === 0 ? 'high' : 'low' }));
    b.alerter(url());
    await settled();
    expect(subjects()).toEqual(['[ruawatch] 120 findings in 7 domains, at the first analysis (critical)']);
    const text = sink.mails[0]!.raw.replace(/=\r?\n/g, '');
    expect(text).toMatch(/1 critical, 40 high and\s+79 low/);
    expect(text).toContain('and 70 more findings');
    expect(text.indexOf('Critical: ')).toBeLessThan(text.indexOf('High: '));
  });

  test('with a handful is one mail each; what comes later is mailed by itself', async () => {
    await stand(3);
    b.alerter(url());
    await settled();
    expect(sink.mails).toHaveLength(3);
    await b.event({ domain: 'later.example' });
    await settled();
    expect(subjects().at(-1)).toContain('later.example');
  });

  test('waits for the rest of the history, so that nothing of it is mailed in pieces', async () => {
    await b.db.query("insert into ruawatch.analysis_work (domain, source) values ('d8.example', '')");
    await stand(8);
    await b.event({ domain: 'own.example', severity: 'critical', standing: true });
    b.alerter(url());
    await eventually(() => expect(subjects()).toEqual([expect.stringContaining('own.example')]));
    await stand(8, () => ({ domain: 'd8.example' }));
    await b.db.query('delete from ruawatch.analysis_work');
    await settled();
    expect(subjects()).toHaveLength(2);
    expect(subjects()[1]).toContain('16 findings in 8 domains, at the first analysis');
  });

  test('each set of recipients gets its own summary', async () => {
    await stand(24, (i) => ({ domain: i % 2 === 0 ? 'a.example' : 'b.example' }));
    b.alerter(url(), { domains: { 'b.example': ['b@example.org'] } });
    await settled();
    expect(subjects()).toHaveLength(2);
    expect(subjects().every((one) => one.includes('12 findings in 1 domain'))).toBe(true);
  });

  test('a limit that is set higher mails them one by one', async () => {
    await stand(12);
    b.alerter(url(), { first_start_mails: 12, per_hour: 100 });
    await settled();
    expect(sink.mails).toHaveLength(12);
  });

  test('what was summarized is mailed by itself when it gets worse', async () => {
    await stand(12);
    const { rows } = await b.db.query<{ finding_key: number }>('select min(finding_key) as finding_key from ruawatch.findings');
    b.alerter(url());
    await settled();
    await b.event({ finding: rows[0]!.finding_key, domain: 'd0.example', event: 'changed', revision: 2, severity: 'high' });
    await settled();
    expect(subjects()).toHaveLength(2);
    expect(subjects()[1]).toContain('Changed: d0.example');
  });
});
