import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningMilter, startMilter } from '../../services/milter/index.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import { milterOf, milterSchema } from '../../services/shared/settings/milter.ts';
import { verifyAudit } from '../../services/store/requests/audit.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { type Sink, startSink } from '../alerter/sink.ts';
import { type TestConsole, type TestPerson, testConsole } from '../console/setup.ts';
import { knotPresent, type NameServer, startKnot } from '../helpers/knot.ts';
import { type Postfix, postfixPresent, startPostfix } from '../helpers/postfix.ts';
import { freePort, until, which } from '../helpers/services.ts';
import { keyFile } from './release/key-file.ts';

const DOC = readFileSync(path.resolve(import.meta.dirname, '../../docs/milter.md'), 'utf8');
const FORGED = [...DOC.matchAll(/^swaks (?:.*\\\n)*.*$/gm)].map(([command]) => command).find((one) => one.includes('"forged"'))!;
const present = postfixPresent && knotPresent && which('swaks') !== null;

describe.skipIf(!present)(`a forged mail of an own domain${present ? '' : ' (SKIPPED: needs postfix, knot and swaks)'}`, () => {
  let c: TestConsole;
  let knot: NameServer;
  let postfix: Postfix;
  let milter: RunningMilter;
  let sink: Sink;
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
    sink = await startSink();
    const [port, holding] = [await freePort(), await freePort()];
    config.dnsServers = [knot.server];
    postfix = await startPostfix({
      relayhost: `[127.0.0.1]:${sink.at.split(':')[1]}`,
      milters: [`inet:127.0.0.1:${port}`],
      settings: {
        relay_domains: 'example.com',
        smtpd_recipient_restrictions: 'permit_mynetworks, permit_auth_destination, reject',
        smtpd_authorized_xclient_hosts: '127.0.0.0/8',
      },
      services: [
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
    await sink?.stop();
    await knot?.stop();
    await c.close();
  });

  test('is held, decided in the console by two people, and delivered once', async () => {
    const command = FORGED.replaceAll('127.0.0.1:25', `127.0.0.1:${postfix.port}`);
    await new Promise<void>((resolve, reject) => {
      execFile('sh', ['-c', command], (error) => (error === null ? resolve() : reject(error)));
    });
    const key = await until(async () => /href="\/held\/(\d+)"/.exec((await people[0]!.get('/held')).body)?.[1]);
    const page = (await people[0]!.get(`/held/${key}`)).body;
    expect(page).toContain('DMARC');
    const digest = /name="digest" value="([0-9a-f]{64})"/.exec(page)![1]!;
    for (const [at, person] of people.entries()) {
      expect(sink.mails, `before decision ${at + 1}`).toEqual([]);
      const answer = await person.post(`/held/${key}/decide`, { why: 'it is known', verb: 'release', digest });
      expect(answer.statusCode).toBe(303);
    }
    await until(() => sink.mails.length > 0);
    await postfix.drained();
    await until(async () => /delivered/.test((await people[0]!.get(`/held/${key}`)).body));
    expect(sink.mails).toHaveLength(1);
    const { raw } = sink.mails[0]!;
    for (const { name } of people) expect(raw).toContain(`${name}@example.com`);
    expect(raw).toMatch(/^X-Ruawatch-Released: by /m);
    expect(raw).toMatch(/^Authentication-Results: mx\.example\.com;/m);
    expect((await verifyAudit(c.t.db)).faults).toEqual([]);
  });
});
