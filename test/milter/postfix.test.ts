import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningMilter, startMilter } from '../../services/milter/index.ts';
import type { NewHeld } from '../../services/requests/held/facts.ts';
import { milterOf, milterSchema } from '../../services/shared/settings/milter.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Dovecot, lmtpPresent, startDovecot } from '../helpers/dovecot.ts';
import { knotPresent, type NameServer, startKnot } from '../helpers/knot.ts';
import { type Postfix, postfixPresent, startPostfix } from '../helpers/postfix.ts';
import { freePort, until, which } from '../helpers/services.ts';

const DOC = readFileSync(path.resolve(import.meta.dirname, '../../docs/milter.md'), 'utf8');

/** The commands of docs/milter.md, by their subjects. */
const commands = new Map(
  [...DOC.matchAll(/^swaks (?:.*\\\n)*.*$/gm)].map(([command]) => [/--h-Subject "([^"]+)"/.exec(command)![1]!, command]),
);

const ZONES = {
  'example.com': ['@ TXT "v=spf1 ip4:192.0.2.10 -all"', '_dmarc TXT "v=DMARC1; p=none"'],
  'esp.example': ['@ TXT "v=spf1 ip4:198.51.100.7 -all"'],
  'freemail.example': ['@ TXT "v=spf1 ip4:198.51.100.25 -all"', '_dmarc TXT "v=DMARC1; p=none"'],
  'example.org': ['lists TXT "v=spf1 ip4:203.0.113.9 -all"'],
  'examp1e.com': ['@ TXT "v=spf1 ip4:203.0.113.80 -all"', '_dmarc TXT "v=DMARC1; p=reject"'],
  'stranger.example': ['@ TXT "v=spf1 -all"'],
};

const present = postfixPresent && lmtpPresent && knotPresent && which('swaks') !== null;

describe.skipIf(!present)(
  `mail through Postfix to Dovecot${present ? '' : ' (SKIPPED: needs postfix, dovecot-lmtpd, knot and swaks)'}`,
  () => {
    let database: TestDatabase;
    let context: ReturnType<typeof testContext>;
    let knot: NameServer;
    let postfix: Postfix;
    let milter: RunningMilter;
    let port: number;
    let dovecot: Dovecot;
    const held: NewHeld[] = [];
    let away = false;

    const start = async () => {
      milter = await startMilter(context, async (facts) => {
        if (away) throw new Error('the database is away');
        held.push(facts);
        return { request_key: held.length };
      });
    };

    beforeAll(async () => {
      database = await testDatabase({ own: false });
      await putOwn(database.db, ['example.com'], 'listed', { now: new Date(), ignored: false });
      await database.db.query(
        `insert into ruawatch.sources (domain, source, class, first_seen, last_seen, messages, passed)
       values ('example.com', 'esp.example', 'misaligned', now(), now(), 1000, 0), ('example.com', 'example.org', 'forwarded', now(), now(), 50, 0)`,
      );
      await database.db.query(
        `insert into ruawatch.lookalikes (domain, name, shown, kind, rank, due_at, registered, first_seen)
       values ('example.com', 'examp1e.com', 'examp1e.com', 'homoglyph', 1, now(), true, now())`,
      );
      knot = await startKnot(ZONES);
      dovecot = await startDovecot({ lmtp: true });
      context = testContext(database);
      port = await freePort();
      context.config.dnsServers = [knot.server];
      context.config.milter = milterOf(
        milterSchema.parse({ listen: `127.0.0.1:${port}`, authserv_id: 'mx.example.com', people: ['Ada Lovelace'] }),
        '/',
      );
      await start();
      postfix = await startPostfix({
        milters: [`inet:127.0.0.1:${port}`],
        settings: {
          virtual_mailbox_domains: 'example.com',
          virtual_transport: `lmtp:inet:127.0.0.1:${dovecot.lmtpPort}`,
          mynetworks: '127.0.0.2/32',
          smtpd_recipient_restrictions: 'permit_auth_destination, reject',
          smtpd_authorized_xclient_hosts: '127.0.0.0/8',
          milter_default_action: 'accept',
          milter_protocol: '6',
        },
        services: ['lmtp unix - - n - - lmtp'],
      });
    });
    beforeEach(() => {
      held.length = 0;
      empty();
      away = false;
    });
    afterAll(async () => {
      await postfix?.stop();
      await milter?.stop();
      await dovecot?.stop();
      await knot?.stop();
      await context.queues.close();
      await database.drop();
    });

    /** Takes all mails out of the mailbox. */
    const empty = () => {
      for (const part of ['cur', 'new']) {
        const at = path.join(dovecot.maildir('grace'), part);
        for (const file of readdirSync(at)) rmSync(path.join(at, file));
      }
    };
    /** Runs a command of the document. */
    const run = (subject: string, ...more: string[]) =>
      new Promise<string>((resolve) => {
        const command = commands.get(subject)!.replaceAll('127.0.0.1:25', `127.0.0.1:${postfix.port}`);
        execFile('sh', ['-c', `${command} ${more.join(' ')}`], (error, stdout, stderr) =>
          resolve(`${error?.code ?? 0} ${stdout}${stderr}`),
        );
      });
    const isHeld = async (subject: string) => {
      expect(await run(subject)).toMatch(/^0 /);
      const [mail] = await until(() =>
        postfix.queue().some(({ queue_name }) => queue_name === 'hold') ? postfix.queue() : false,
      );
      expect(mail).toMatchObject({ queue_name: 'hold' });
      expect(dovecot.inbox('grace')).toEqual([]);
      expect(held).toHaveLength(1);
      expect(held[0]).toMatchObject({ kept_in: 'postfix', queue_id: mail!.queue_id, subject, recipients: ['grace@example.com'] });
      const text = postfix.run('postcat', '-hq', mail!.queue_id);
      postfix.run('postsuper', '-d', 'ALL');
      return { facts: held[0]!, text };
    };
    const isDelivered = async (subject: string, ...more: string[]) => {
      expect(await run(subject, ...more)).toMatch(/^0 /);
      await until(() => dovecot.inbox('grace').length > 0);
      await postfix.drained();
      const mails = dovecot.inbox('grace');
      expect(mails).toHaveLength(1);
      expect(held).toEqual([]);
      return mails[0]!;
    };

    test('the document has a command for each case', () => {
      expect([...commands.keys()]).toEqual([
        'forged',
        'two authors',
        'name',
        'lookalike',
        'newsletter',
        'list',
        'own',
        'results',
      ]);
    });

    test('forged in the name of an own domain is held, although its policy is none', async () => {
      const { facts, text } = await isHeld('forged');
      expect(facts).toMatchObject({
        rule: 'own_domain',
        reason: 'own_domain',
        domain: 'example.com',
        header_from: 'Ada Lovelace <ada@example.com>',
        header_from_domain: 'example.com',
        display_name: 'Ada Lovelace',
        envelope_from: 'x@stranger.example',
        peer_ip: '203.0.113.77',
        helo: 'mail.stranger.example',
        source: '203.0.113.0/24',
        source_class: null,
        results: { spf: { result: 'fail', domain: 'stranger.example' }, dkim: [], dmarc: { result: 'fail', policy: 'none' } },
      });
      expect(text).toContain('X-Ruawatch-Held: own_domain\n');
      expect(text).toMatch(
        /^Authentication-Results: mx\.example\.com;\n spf=fail smtp\.mailfrom=stranger\.example;\n dkim=none;\n dmarc=fail \(p=none\) header\.from=example\.com\n/m,
      );
      await postfix.logged(/milter-hold: END-OF-MESSAGE .*milter triggers HOLD action/);
    });

    test('with two From fields is held for both', async () => {
      const { facts } = await isHeld('two authors');
      expect(facts).toMatchObject({ rule: 'unclear_from', results: { dmarc: { result: 'permerror' } } });
    });

    test('in the name of one of our people from a free-mail provider is held', async () => {
      const { facts } = await isHeld('name');
      expect(facts).toMatchObject({ rule: 'display_name', reason: 'person', results: { dmarc: { result: 'pass' } } });
    });

    test('of a look-alike domain is held', async () => {
      const { facts } = await isHeld('lookalike');
      expect(facts).toMatchObject({ rule: 'lookalike', domain: 'example.com', header_from_domain: 'examp1e.com' });
    });

    test('of an own newsletter that is merely misaligned passes', async () => {
      expect(await isDelivered('newsletter')).toMatch(/dmarc=fail \(p=none\) header\.from=example\.com/);
      await database.db.query("update ruawatch.sources set class = 'unauthorized' where source = 'esp.example'");
      empty();
      const { facts } = await isHeld('newsletter');
      expect(facts).toMatchObject({ rule: 'own_domain', source: 'esp.example', source_class: 'unauthorized' });
      await database.db.query("update ruawatch.sources set class = 'misaligned' where source = 'esp.example'");
    });

    test('that a known mailing list changed passes', async () => {
      expect(await isDelivered('list')).toMatch(/spf=pass smtp\.mailfrom=lists\.example\.org/);
    });

    test('of our own passes, with its results at the top', async () => {
      const text = await isDelivered('own');
      expect(text).toMatch(
        /^Return-Path: <ada@example\.com>\nDelivered-To: grace@example\.com\n(?:Received: .*\n(?:[ \t].*\n)*)*Authentication-Results: mx\.example\.com;\n spf=pass smtp\.mailfrom=example\.com;\n dkim=none;\n dmarc=pass/,
      );
    });

    test('with results in our name loses them', async () => {
      const text = await isDelivered(
        'results',
        ...[
          '"Authentication-Results: mx.example.com; spf=pass"',
          '"Authentication-Results: other.example; spf=pass"',
          '"X-Ruawatch-Released: by ada"',
        ].flatMap((one) => ['--add-header', one]),
      );
      const fields = text.split('\n').filter((line) => /^authentication-results|^x-ruawatch/i.test(line));
      expect(fields).toEqual(['Authentication-Results: mx.example.com;', 'Authentication-Results: other.example; spf=pass']);
      expect(text).not.toContain('bank.example');
    });

    test('that cannot be held passes and is marked', async () => {
      away = true;
      const text = await isDelivered('forged');
      expect(text).toContain('X-Ruawatch-Unjudged: yes');
      expect(milter.waitingFor()).toContain('the database is away');
    });

    test('flows when the milter is killed, and is judged again when it is back', async () => {
      await milter.stop();
      expect(await isDelivered('forged')).not.toContain('X-Ruawatch');
      empty();
      await start();
      await isHeld('forged');
    });
  },
);
