import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runVerify } from '../../../services/cli/commands/verify.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { parseWithFallback } from '../../../services/parser/parse-with-fallback.ts';
import { verifyMessages } from '../../../services/parser/verify/index.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { showMessage } from '../../../services/store/messages/messages.ts';
import { takeDueOthers } from '../../../services/store/reports/other-checks.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, trusting } from '../../helpers/report.ts';
import { receivePolled, resolverOf, signed, type TestResolver } from '../signed.ts';

const REPORTER = 'reporter.example';
let t: TestDatabase;
let context: Context;
let resolver: TestResolver;
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
  resolver = resolverOf(REPORTER, 'evil.example');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await context.queues.close();
  await t.drop();
});

/** A TLS report in the reporter's name. */
function tlsMail(from: string, { failed = 0, unique = 'm' } = {}): Buffer {
  const report = {
    'organization-name': REPORTER,
    'contact-info': `tls@${REPORTER}`,
    'report-id': 'r1',
    'date-range': { 'start-datetime': '2026-09-01T00:00:00Z', 'end-datetime': '2026-09-01T23:59:59Z' },
    policies: [
      {
        policy: { 'policy-type': 'sts', 'policy-domain': 'example.com' },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': failed },
      },
    ],
  };
  return Buffer.from(
    `From: TLS <tls@${from}>\r\nTo: rua@example.com\r\nSubject: Report Domain: example.com\r\nDate: Wed, 02 Sep 2026 03:00:00 +0000\r\nMessage-ID: <${unique}@x>\r\nMIME-Version: 1.0\r\nContent-Type: application/tlsrpt+json\r\n\r\n${JSON.stringify(report)}\r\n`,
  );
}
const genuine = (options = {}) => signed(tlsMail(REPORTER, options), REPORTER);
const bring = async (raws: Buffer[], check: 'verify' | 'off' = 'verify') => {
  const keys = await receivePolled(t, raws);
  const { messages } = await parseMessages(t.db, keys, { trust: trusting(check) });
  return { keys, unverified: keys.map((key) => messages.find((one) => one.message_key === key)!.unverified) };
};
const verify = (keys: number[]) => verifyMessages(context, resolver, keys);
const rows = async (view: string) =>
  (await t.db.query(`select reporter_trust, trust, trust_reason, trust_domain from dmarc.${view} order by 1, 2`)).rows;

test('the verdicts of TLS and failure reports are counted beside those of aggregate ones', async () => {
  context.config.trust.check = 'verify';
  const failure = readFileSync(path.join(import.meta.dirname, '../../fixtures/failure/all-fields.eml'));
  const keys = await receivePolled(t, [await genuine(), tlsMail(REPORTER, { failed: 1, unique: 'n' }), failure]);
  const { messages } = await parseWithFallback(context, keys, context.log, {});
  await verify(messages.filter(({ unverified }) => unverified).map(({ message_key }) => message_key));
  const counted = (await context.metrics.trust.get()).values.map(({ labels, value }) => [labels.kind, labels.verdict, value]);
  expect(counted.sort()).toEqual([
    ['failure', 'unauthenticated', 1],
    ['tls', 'authenticated', 1],
    ['tls', 'unauthenticated', 1],
  ]);
});

describe('a TLS report', () => {
  test('waits for its verdict, and has it afterwards, with the reason', async () => {
    const { keys, unverified } = await bring([await genuine()]);
    expect(unverified).toEqual([true]);
    expect(await rows('tls_reports')).toMatchObject([{ reporter_trust: null, trust: 'pending', trust_reason: null }]);
    expect(await verify(keys)).toEqual({ domains: [], deferred: [] });
    expect(await rows('tls_reports')).toEqual([
      {
        reporter_trust: 'authenticated',
        trust: 'ok',
        trust_reason: `The DKIM signature of ${REPORTER} verifies, as ${REPORTER}.`,
        trust_domain: REPORTER,
      },
    ]);
    expect(await showMessage(t.db, keys[0]!)).toMatchObject({
      tls_reports: [{ reporter_trust: 'authenticated', trust: 'ok', trust_reason: expect.any(String) }],
    });
    expect((await t.db.query('select from ruawatch.other_checks')).rowCount).toBe(0);
  });

  test("without a signature is not proven, and one of somebody else's is in another's name", async () => {
    const { keys } = await bring([
      tlsMail(REPORTER, { failed: 1 }),
      await signed(tlsMail('evil.example', { failed: 2 }), 'evil.example'),
    ]);
    await verify(keys);
    const all = [...(await rows('tls_reports')), ...(await rows('superseded_tls_reports'))];
    expect(all.map((row) => [row.reporter_trust, row.trust]).sort()).toEqual([
      ['mismatched', 'bad'],
      ['unauthenticated', 'bad'],
    ]);
  });

  test.each([
    ['before', 0],
    ['after', 1],
  ])('that is proven is current before a forged one that came %s it, once the verdicts are known', async (_, at) => {
    const forged = tlsMail(REPORTER, { failed: 99, unique: 'forged' });
    const raws = [await genuine({ failed: 3 })];
    raws.splice(at, 0, forged);
    const { keys } = await bring(raws);
    await verify(keys);
    const { rows: current } = await t.db.query('select failed_sessions, trust from dmarc.tls_reports');
    expect(current).toEqual([{ failed_sessions: 3, trust: 'ok' }]);
    // Nor can a forger take its place later.
    const later = await bring([tlsMail(REPORTER, { failed: 100, unique: 'later' })]);
    expect((await t.db.query('select failed_sessions from dmarc.tls_reports')).rows).toEqual([{ failed_sessions: 3 }]);
    await verify(later.keys);
    expect((await t.db.query('select failed_sessions from dmarc.tls_reports')).rows).toEqual([{ failed_sessions: 3 }]);
  });

  test('that came twice is proven by its better mail, in either order', async () => {
    const { keys } = await bring([tlsMail(REPORTER, { unique: 'bare' })]);
    await verify(keys);
    expect(await rows('tls_reports')).toMatchObject([{ trust: 'bad' }]);
    const again = await bring([await genuine({ unique: 'signed' })]);
    expect(again.unverified).toEqual([true]);
    await verify(again.keys);
    expect(await rows('tls_reports')).toMatchObject([{ reporter_trust: 'authenticated', trust: 'ok' }]);
    const third = await bring([tlsMail(REPORTER, { unique: 'bare again' })]);
    expect(third.unverified).toEqual([false]);
    expect(await rows('tls_reports')).toMatchObject([{ trust: 'ok' }]);
  });

  test('waits while DNS does not answer, and is taken up again', async () => {
    resolver.down.add(`s1._domainkey.${REPORTER}`);
    const { keys } = await bring([await genuine()]);
    expect((await verify(keys)).deferred).toEqual(keys);
    expect(await rows('tls_reports')).toMatchObject([{ trust: 'pending' }]);
    expect(await takeDueOthers(t.db, 60, 10)).toEqual([]);
    const { rows: waits } = await t.db.query('select attempts, due_at > now() as later from ruawatch.other_checks');
    expect(waits).toEqual([{ attempts: 1, later: true }]);
    await t.db.query("update ruawatch.other_checks set due_at = now() - interval '1 second'");
    expect(await takeDueOthers(t.db, 60, 10)).toEqual(keys);
    resolver.down.clear();
    await verify(keys);
    expect(await rows('tls_reports')).toMatchObject([{ trust: 'ok' }]);
  });

  test('counts as it is when it is imported, or trust.check is off', async () => {
    await parseMessages(t.db, await receive(t, [tlsMail(REPORTER)]), { trust: trusting('verify') });
    expect(await rows('tls_reports')).toMatchObject([
      { reporter_trust: null, trust: 'ok', trust_reason: 'Not verified: imported by hand.' },
    ]);
    const { unverified } = await bring([tlsMail(REPORTER, { failed: 7 })], 'off');
    expect(unverified).toEqual([false]);
    const all = [...(await rows('tls_reports')), ...(await rows('superseded_tls_reports'))];
    expect(all.map((row) => [row.trust, row.trust_reason]).sort()).toEqual([
      ['ok', 'Not verified: imported by hand.'],
      ['ok', 'Not verified: trust.check is off.'],
    ]);
  });
});

test('a failure report is verified for the domain that sent it', async () => {
  const raw = readFileSync(path.resolve(import.meta.dirname, '../../fixtures/failure/all-fields.eml'))
    .toString('latin1')
    .replace(/\r?\n/g, '\r\n');
  const from = /^From: .*@([^\s>]+)/m.exec(raw)![1]!;
  resolver = resolverOf(from);
  const { keys, unverified } = await bring([await signed(Buffer.from(raw, 'latin1'), from)]);
  expect(unverified).toEqual([true]);
  await verify(keys);
  expect(await rows('failure_reports')).toMatchObject([{ reporter_trust: 'authenticated', trust: 'ok', trust_domain: from }]);
});

test('"ruawatch verify" decides on what was never verified, such as reports of before there were verdicts', async () => {
  const { keys } = await bring(
    [
      Buffer.concat([
        Buffer.from('Authentication-Results: mx.example.org; dmarc=pass header.from=reporter.example\r\n'),
        tlsMail(REPORTER),
      ]),
    ],
    'off',
  );
  await t.db.query("update ruawatch.tls_reports set trust = 'pending', trust_reason = null");
  const config = { ...context.config, trust: { check: 'authserv', authserv_ids: ['mx.example.org'] } } as Context['config'];
  const lines: string[] = [];
  await runVerify(config, { json: true }, (line) => lines.push(line));
  expect(JSON.parse(lines.join(''))).toMatchObject({ mails: keys.length, authenticated: 1 });
  expect(await rows('tls_reports')).toMatchObject([{ reporter_trust: 'authenticated', trust: 'ok' }]);
});
