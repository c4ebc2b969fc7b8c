import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { messageVerdicts } from '../../services/dns/message-verdicts.ts';
import { whyWords } from '../../services/findings/sentences/why-mail-failed.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { organizationalDomain } from '../../services/report/orgdomain.ts';
import { forgetLogs } from '../../services/store/sending/retention.ts';
import { messagesOf } from '../../services/store/sending/why-mail-failed.ts';
import { timelineOf } from '../../services/store/timeline.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Postfix, postfixPresent, startPostfix } from '../helpers/postfix.ts';
import { receive, trusting } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';
import { startReceiver } from './receiver.ts';
import { importLines, linesOf } from './setup.ts';

const EXIM = readFileSync(path.resolve(import.meta.dirname, '../fixtures/bounces/exim-dmarc.eml'));
const LOGGED = linesOf({
  id: 'AAAAA1',
  to: 'refuse@gmx.test',
  messageId: 'e1@shop.example.com',
  at: new Date().toISOString(),
});

async function withLogs<T>(
  lines: readonly string[],
  mails: readonly (string | Buffer)[],
  work: (t: TestDatabase) => Promise<T>,
): Promise<T> {
  const t = await testDatabase();
  const context = testContext(t);
  context.config.collector.inside_networks = [];
  try {
    await importLines(context, lines);
    const keys = await receive(
      t,
      mails.map((mail) => Buffer.from(mail)),
    );
    await parseMessages(t.db, keys, { trust: trusting('verify'), privacy: { keep_personal_data: false } });
    return await work(t);
  } finally {
    await context.queues.close();
    await t.drop();
  }
}

const why = async (t: TestDatabase, id: string) => {
  const [mail] = await messagesOf({ db: t.db, scope: { all: true, domains: [] } }, id);
  return whyWords(mail!, await messageVerdicts(mail!, organizationalDomain));
};
const bounces = (t: TestDatabase) =>
  t.db.query('select * from ruawatch.bounces order by message_key, n').then(({ rows }) => rows);
const inTimeline = async (t: TestDatabase) =>
  (await timelineOf(t.db, { domain: 'example.com', from: null, to: null, limit: 100 })).filter(({ what }) => what === 'bounce');

test('a bounce joins the message that it is about, once for each mail that brings it', () =>
  withLogs(LOGGED, [EXIM], async (t) => {
    const { rows } = await t.db.query('select state, code from dmarc.messages');
    expect(rows).toEqual([{ state: 'ignored', code: 'bounce' }]);
    expect(await why(t, 'e1@shop.example.com')).toContainEqual({
      part: 'delivery',
      wrong: true,
      says: expect.stringMatching(
        /^A bounce says that it has not been delivered at gmx\.test \(5\.7\.26\), with words about DMARC, SPF or DKIM: "550 5\.7\.26 /,
      ),
    });
    expect(await inTimeline(t)).toMatchObject([
      { domain: 'example.com', event: 'failed', subject: 'gmx.test', summary: '1 message 5.7.26' },
    ]);
    // Read again, it is the same.
    await t.db.query(`update ruawatch.messages set state = 'received', code = null, reason = null, settled_at = null`);
    const keys = (await bounces(t)).map(({ message_key }) => message_key);
    await parseMessages(t.db, keys, { trust: trusting('verify'), privacy: { keep_personal_data: false } });
    expect(await bounces(t)).toHaveLength(1);
    const later = new Date(Date.now() + 1000);
    await forgetLogs(t.db, { lines: later, messages: later, days: null });
    expect(await bounces(t)).toEqual([]);
  }));

test('a bounce that the logs do not bear out proves nothing', () =>
  withLogs(
    LOGGED.map((line) => line.replace('gmx.test', 'web.test')),
    [EXIM, EXIM.toString().replace('e1@shop', 'unknown@shop')],
    async (t) => {
      expect(await bounces(t)).toHaveLength(2);
      expect(await why(t, 'e1@shop.example.com')).toContainEqual({
        part: 'delivery',
        wrong: false,
        says: expect.stringContaining('No log shows that it was sent there'),
      });
      expect(await inTimeline(t)).toEqual([]);
    },
  ));

const without = postfixPresent ? '' : ' (skipped: postfix is not installed, or the tests do not run as root)';
test.skipIf(!postfixPresent)(`what Debian's Postfix writes now is read${without}`, { timeout: 60_000 }, async () => {
  const receiver = await startReceiver();
  let postfix: Postfix | null = null;
  try {
    postfix = await startPostfix({ relayhost: `[127.0.0.1]:${receiver.port}` });
    for (const [to, id] of [
      ['refuse@gmx.test', 'one'],
      ['ann@gmx.test', 'two'],
    ] as const)
      await postfix.send({
        from: 'news@example.com',
        to,
        raw: `From: <news@example.com>\r\nTo: <${to}>\r\nSubject: a secret plan\r\nMessage-ID: <${id}@shop.example.com>\r\n\r\nhello\r\n`,
      });
    await until(async () => receiver.mails.some((mail) => mail.includes('message/delivery-status')));
    await postfix.drained();
    await withLogs(postfix.log(), receiver.mails, async (t) => {
      expect(await bounces(t)).toMatchObject([
        {
          message_id: 'one@shop.example.com',
          recipient_domain: 'gmx.test',
          action: 'failed',
          status: '5.7.26',
          dmarc_words: true,
          reporting_mta: 'mail.kestrel.test',
        },
      ]);
      expect(JSON.stringify(await bounces(t))).not.toMatch(/refuse@|secret/);
      const reasons = (await why(t, 'one@shop.example.com')).filter(({ part, wrong }) => part === 'delivery' && wrong);
      expect(reasons.map(({ says }) => says)).toEqual([
        expect.stringMatching(/refused it for a recipient at gmx\.test, with words about DMARC/),
        expect.stringMatching(/^A bounce says/),
      ]);
    });
  } finally {
    await postfix?.stop();
    receiver.server.close();
  }
});
