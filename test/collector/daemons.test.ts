import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readLine } from '../../services/collector/lines/line.ts';
import { programOf, readProgram } from '../../services/collector/programs/index.ts';
import { testContext } from '../helpers/context.ts';
import { testDatabase } from '../helpers/database.ts';
import { opendkimPresent, rspamdPresent, type SigningMilter, startOpendkim, startRspamd } from '../helpers/milters.ts';
import { type Postfix, postfixPresent, startPostfix } from '../helpers/postfix.ts';
import { startReceiver } from './receiver.ts';
import { importLines } from './setup.ts';

const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const KEY = { domain: 'example.com', selector: 's1', pem };
const mailOf = (from: string, to: string, id: string) => ({
  from,
  to,
  raw: `From: <${from}>\r\nTo: <${to}>\r\nSubject: a secret plan\r\nMessage-ID: <${id}@shop.example.com>\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n`,
});

/** What the parsers do not know of lines. */
const unknown = (lines: readonly string[]) =>
  lines.filter((line) => {
    const { tag, text } = readLine(line, Date.now());
    const program = programOf(tag);
    return program !== null && readProgram(program, tag, text) === null;
  });

/** Imports lines into a database of their own. Everything on loopback is outside here. */
async function imported(lines: readonly string[]) {
  const t = await testDatabase();
  const context = testContext(t);
  context.config.collector.inside_networks = [];
  try {
    const done = await importLines(context, lines);
    const days = (
      await t.db.query(
        'select domain, selector, sent, signed, unsigned, deferred, refused, refused_dmarc, by_recipient from dmarc.sending_days order by domain, selector',
      )
    ).rows;
    const messages = (await t.db.query('select * from ruawatch.sent_messages order by started_at, message_key')).rows;
    const text = JSON.stringify((await t.db.query('select * from ruawatch.log_lines')).rows);
    return { done, days, messages, text };
  } finally {
    await context.queues.close();
    await t.drop();
  }
}

const without = postfixPresent ? '' : ' (skipped: postfix is not installed, or the tests do not run as root)';
describe.skipIf(!postfixPresent)(`lines that Debian's Postfix writes now${without}`, { timeout: 120_000 }, () => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.server.close());

  const sendAll = async (milters: readonly string[]): Promise<Postfix> => {
    const postfix = await startPostfix({ relayhost: `[127.0.0.1]:${receiver.port}`, milters });
    await postfix.send(mailOf('news@example.com', 'bob@gmx.net', 'one'));
    await postfix.send(mailOf('news@unsigned.example', 'bob@gmx.net', 'two'));
    await postfix.send(mailOf('news@example.com', 'refuse@gmx.net', 'three'));
    await postfix.send(mailOf('news@example.com', 'later@gmx.net', 'four'));
    for (const pattern of [/status=sent/, /status=bounced/, /status=deferred/]) await postfix.logged(pattern);
    for (const domain of ['example.com', 'unsigned.example']) await postfix.logged(new RegExp(`from=<news@${domain}>`));
    await postfix.logged(/sender non-delivery notification/);
    return postfix;
  };

  test.skipIf(!opendkimPresent)('with OpenDKIM: signed, unsigned, refused, deferred', async () => {
    const opendkim = await startOpendkim([KEY], ['Syslog yes', 'LogResults yes', 'SyslogSuccess yes']);
    let postfix: Postfix | null = null;
    try {
      postfix = await sendAll([opendkim.milter]);
      const lines = postfix.log();
      expect(unknown(lines)).toEqual([]);
      // Here is no syslog to which OpenDKIM could write: its lines are those of its source, with the ids of
      // now.
      const said = lines.flatMap((line) => {
        const id = /cleanup\[\d+\]: (\w+): message-id=<(?:one|three|four)@/.exec(line)?.[1];
        return id === undefined
          ? []
          : [line.replace(/postfix\/cleanup\[\d+\]: .*/, `opendkim[7]: ${id}: DKIM-Signature field added (s=s1, d=example.com)`)];
      });
      const { days, messages, text } = await imported([...lines, ...said]);
      expect(days.filter(({ domain }) => domain !== '')).toEqual([
        {
          domain: 'example.com',
          selector: 's1',
          sent: 1,
          signed: 1,
          unsigned: 0,
          deferred: 1,
          refused: 1,
          refused_dmarc: 1,
          by_recipient: { 'gmx.net': 1 },
        },
        {
          domain: 'unsigned.example',
          selector: '',
          sent: 1,
          signed: 0,
          unsigned: 1,
          deferred: 0,
          refused: 0,
          refused_dmarc: 0,
          by_recipient: { 'gmx.net': 1 },
        },
      ]);
      expect(messages.find((row) => row.message_id === 'three@shop.example.com')).toMatchObject({
        client_ip: '127.0.0.1',
        recipients: [{ status: 'bounced', dsn: '5.7.26', dmarc_words: true, domain: 'gmx.net' }],
      });
      expect(text).not.toMatch(/secret|bob@|news@|refuse@/);
    } finally {
      await postfix?.stop();
      await opendkim.stop();
    }
  });

  test.skipIf(!rspamdPresent)('with rspamd: who is signed is in its own lines', async () => {
    const rspamd: SigningMilter = await startRspamd([KEY]);
    let postfix: Postfix | null = null;
    try {
      postfix = await sendAll([rspamd.milter]);
      const said = rspamd
        .said()
        .split('\n')
        .filter((line) => line.includes('rspamd_task_write_log'));
      expect(said.length).toBeGreaterThanOrEqual(4);
      expect(unknown([...postfix.log(), ...rspamd.said().split('\n').filter(Boolean)])).toEqual([]);
      const { days } = await imported([...postfix.log(), ...said]);
      expect(days.map(({ domain, selector, sent }) => [domain, selector, sent]).filter(([domain]) => domain !== '')).toEqual([
        ['example.com', 's1', 1],
        ['unsigned.example', '', 1],
      ]);
    } finally {
      await postfix?.stop();
      await rspamd.stop();
    }
  });
});
