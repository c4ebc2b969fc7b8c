import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningMilter, startMilter } from '../../services/milter/index.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import { milterOf, milterSchema } from '../../services/shared/settings/milter.ts';
import { verifyAudit } from '../../services/store/requests/audit.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { type TestConsole, type TestPerson, testConsole } from '../console/setup.ts';
import { type Dovecot, lmtpPresent, startDovecot } from '../helpers/dovecot.ts';
import { knotPresent, type NameServer, startKnot } from '../helpers/knot.ts';
import { type Postfix, postfixPresent, startPostfix } from '../helpers/postfix.ts';
import { freePort, until, which } from '../helpers/services.ts';
import { keyFile } from './release/key-file.ts';

const DOC = readFileSync(path.resolve(import.meta.dirname, '../../docs/milter.md'), 'utf8');
const FORGED = [...DOC.matchAll(/^swaks (?:.*\\\n)*.*$/gm)].map(([command]) => command).find((one) => one.includes('"forged"'))!;
const present = postfixPresent && knotPresent && lmtpPresent && which('swaks') !== null;

describe.skipIf(!present)(
  `a forged mail of an own domain${present ? '' : ' (SKIPPED: needs postfix, dovecot-imapd, dovecot-lmtpd, knot and swaks)'}`,
  () => {
    let c: TestConsole;
    let knot: NameServer;
    let postfix: Postfix;
    let milter: RunningMilter;
    let dovecot: Dovecot;
    const people: TestPerson[] = [];

    beforeAll(async () => {
      c = await testConsole();
      people.push(await c.person('operator', ['example.com']), await c.person('operator', ['example.com']));
      const groups = { mail: people.map(({ name }) => name) };
      const { config } = c.context;
      await c.t.db.query("update ruawatch.people set email = name || '@example.com'");
      groups.mail = groups.mail.map((name) => `${name}@example.com`);
      config.approvals = approvalsSchema.parse({ groups, rules: [{ name: 'held', stages: [{ group: 'mail', need: 2 }] }] });
      await syncGroups(c.t.db, { groups, deputies: [] });
      knot = await startKnot({
        'example.com': ['@ TXT "v=spf1 ip4:192.0.2.10 -all"', '_dmarc TXT "v=DMARC1; p=none"'],
        'stranger.example': ['@ TXT "v=spf1 -all"'],
      });
      dovecot = await startDovecot({ lmtp: true });
      const [port, holding] = [await freePort(), await freePort()];
      config.dnsServers = [knot.server];
      postfix = await startPostfix({
        milters: [`inet:127.0.0.1:${port}`],
        settings: {
          virtual_mailbox_domains: 'example.com',
          virtual_transport: `lmtp:inet:127.0.0.1:${dovecot.lmtpPort}`,
          smtpd_recipient_restrictions: 'permit_mynetworks, permit_auth_destination, reject',
          smtpd_authorized_xclient_hosts: '127.0.0.0/8',
        },
        services: [
          'lmtp unix - - n - - lmtp',
          `127.0.0.1:${holding} inet n - n - - smtpd -o smtpd_milters= -o smtpd_client_restrictions=check_client_access,static:HOLD`,
        ],
      });
      const command = (name: string) => [`/usr/sbin/${name}`, '-c', postfix.config];
      const hold = {
        key_file: keyFile(),
        smtp_url: `smtp://127.0.0.1:${holding}?tls=none`,
        smtp_holds: true,
        postsuper: command('postsuper'),
        postqueue: command('postqueue'),
        postcat: command('postcat'),
      };
      config.milter = milterOf(milterSchema.parse({ listen: `127.0.0.1:${port}`, authserv_id: 'mx.example.com', hold }), '/');
      milter = await startMilter(c.context);
    });
    afterAll(async () => {
      await milter?.stop();
      await postfix?.stop();
      await dovecot?.stop();
      await knot?.stop();
      await c.close();
    });

    test('is held, decided in the console by two people, and delivered once into a mailbox of Dovecot', async () => {
      const command = FORGED.replaceAll('127.0.0.1:25', `127.0.0.1:${postfix.port}`);
      await new Promise<void>((resolve, reject) => {
        execFile('sh', ['-c', command], (error) => (error === null ? resolve() : reject(error)));
      });
      const key = await until(async () => /href="\/held\/(\d+)"/.exec((await people[0]!.get('/held')).body)?.[1]);
      const page = (await people[0]!.get(`/held/${key}`)).body;
      expect(page).toContain('DMARC');
      const digest = /name="digest" value="([0-9a-f]{64})"/.exec(page)![1]!;
      for (const [at, person] of people.entries()) {
        expect(dovecot.mails('grace', 'INBOX'), `before decision ${at + 1}`).toBe(0);
        const answer = await person.post(`/held/${key}/decide`, { why: 'it is known', verb: 'release', digest });
        expect(answer.statusCode).toBe(303);
      }
      await until(() => dovecot.mails('grace', 'INBOX') > 0);
      await postfix.drained();
      await until(async () => /delivered/.test((await people[0]!.get(`/held/${key}`)).body));
      const client = new ImapFlow({
        host: dovecot.host,
        port: dovecot.imapPort,
        secure: false,
        doSTARTTLS: false,
        auth: { user: 'grace', pass: dovecot.users.find(({ name }) => name === 'grace')!.password },
        logger: false,
      });
      await client.connect();
      expect((await client.mailboxOpen('INBOX')).exists).toBe(1);
      const mail = await client.fetchOne('1', { source: true });
      await client.logout();
      const raw = mail === false ? '' : mail.source!.toString();
      for (const { name } of people) expect(raw).toContain(`${name}@example.com`);
      expect(raw).toMatch(/^X-Ruawatch-Released: by /m);
      expect(raw).toMatch(/^Authentication-Results: mx\.example\.com;/m);
      expect((await verifyAudit(c.t.db)).faults).toEqual([]);
    });
  },
);
