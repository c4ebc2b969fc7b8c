import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, test } from 'vitest';
import { authenticate } from '../../services/parser/verify/authenticity.ts';
import { inspectMail } from '../../services/parser/verify/origin.ts';
import { dkimKey, dkimSigned, knotPresent, mailOf, onTop, startWorld, titled, type World } from './harness.ts';

const key = dkimKey();
const VERIFY = { check: 'verify', authserv_ids: ['mx.victim.example'] } as const;
const trust = { ...VERIFY, authserv_ids: [...VERIFY.authserv_ids] };
const sign = (mail: Buffer, more: object = {}) => dkimSigned(mail, { domain: 'reporter.example', key, ...more });
const AT = new Date(Date.UTC(2026, 8, 3));

/**
 * Each takes a naive verifier seconds to hours. Time of the processor is measured, not of the clock, which a
 * busy machine stretches: on commit 3ba4c26 the commas took 12 s and the quotes 5 s.
 */
const SLOW: [string, () => Buffer][] = [
  ['an address of 120,000 brackets, unsigned', () => mailOf({}, { from: '<'.repeat(120_000) })],
  ['120,000 comments in From', () => mailOf({}, { from: `${'('.repeat(60_000)}${')'.repeat(60_000)}a@reporter.example` })],
  ['a Return-Path of 120,000 commas', () => onTop([`Return-Path: ${'a,'.repeat(60_000)}`], sign(mailOf()))],
  ['a From of blanks', () => mailOf({}, { from: `a${' '.repeat(120_000)}b@reporter.example` })],
  ['backslashes and quotes', () => mailOf({}, { from: `"${'\\"'.repeat(60_000)}` })],
  [
    'results of words without an end',
    () => onTop([`Authentication-Results: mx.victim.example; ${'a.'.repeat(60_000)}`], mailOf()),
  ],
  [
    'results of backslashes and quotes',
    () => onTop([`Authentication-Results: mx.victim.example; spf=none x="${'\\"'.repeat(60_000)}`], mailOf()),
  ],
  ['results of blanks', () => onTop([`Authentication-Results: mx.victim.example; spf=pass a${' '.repeat(120_000)}.b`], mailOf())],
  ['a tag list of semicolons', () => onTop([`DKIM-Signature: ${';'.repeat(120_000)}`], mailOf())],
  ['a tag list of blanks', () => onTop([`DKIM-Signature: v=1; d=reporter.example; h=from${' '.repeat(120_000)}x`], mailOf())],
  ['a header of 60,000 names in h=', () => sign(mailOf(), { headers: ['from', ...Array.from({ length: 20_000 }, () => 'to')] })],
  ['a body of blanks', () => Buffer.concat([sign(mailOf()), Buffer.from(' \r\n'.repeat(2_000_000))])],
  ['a body of dashes', () => Buffer.concat([sign(mailOf(), { headers: ['from'] }), Buffer.alloc(4_000_000, '-')])],
];

describe.skipIf(!knotPresent)(titled('mails that take long to verify'), () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  test.each(SLOW)('%s', async (_, make) => {
    const mail = make();
    const before = process.cpuUsage();
    const verdict = await authenticate(mail, AT, trust, { txt: async () => [[key.record]] });
    const { user, system } = process.cpuUsage(before);
    expect(['unproven', 'authentic']).toContain(verdict.state);
    expect((user + system) / 1e6).toBeLessThan(3);
  });

  test('of many signatures five are looked at, and asked for', async () => {
    const asked: string[] = [];
    let mail = mailOf();
    for (let i = 0; i < 40; i++) mail = sign(mail, { selector: `s${i}` });
    expect(inspectMail(mail, AT, trust)).toMatchObject({ state: 'open', signatures: { length: 5 } });
    const txt = async (name: string) => {
      asked.push(name);
      return [];
    };
    expect(await authenticate(mail, AT, trust, { txt })).toMatchObject({
      state: 'unproven',
      why: expect.stringMatching(/no key/),
    });
    expect(asked).toHaveLength(5);
    expect(asked.every((name) => name.endsWith('._domainkey.reporter.example'))).toBe(true);
  });

  test('mails that are slow to verify hold neither the services up nor the mails beside them', async () => {
    world = await startWorld({ isolate: true });
    await world.publish('reporter.example', key);
    const delay = monitorEventLoopDelay();
    delay.enable();
    await world.bring([...SLOW.slice(0, 7).map(([, make]) => make()), sign(mailOf({ id: 'honest' }))]);
    delay.disable();
    // Nanoseconds.
    expect(delay.max / 1e9).toBeLessThan(8);
    const reports = await world.reports();
    expect(reports.find((r) => r.report_id === 'honest')).toMatchObject({ reporter_trust: 'authenticated' });
  });
});
