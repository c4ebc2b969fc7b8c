import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runMilterTry } from '../../services/cli/commands/milter.ts';
import { type RunningMilter, startMilter, tryMail } from '../../services/milter/index.ts';
import { PermanentError } from '../../services/shared/errors.ts';
import { milterOf, milterSchema } from '../../services/shared/settings/milter.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { countUnjudged } from '../../services/store/milter/unjudged.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type FakeServer, startFake } from '../helpers/dns.ts';
import { until } from '../helpers/services.ts';
import { GROUPS, rulesOf } from '../requests/sample.ts';
import { mail, usual } from './mails.ts';
import { handedIn, hangUp, Server } from './server.ts';
import { connect, macros, negotiate, packet, strings } from './wire/packets.ts';

let database: TestDatabase;
let dns: FakeServer;
let running: RunningMilter | null = null;
const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-milter-'));

beforeAll(async () => {
  database = await testDatabase({ own: false });
  await putOwn(database.db, ['example.com'], 'listed', { now: new Date(), ignored: false });
  await database.db.query(
    `insert into ruawatch.lookalikes (domain, name, shown, kind, rank, due_at, registered, baseline, first_seen)
     values ('example.com', 'examp1e.com', 'examp1e.com', 'homoglyph', 1, now(), true, false, now())`,
  );
  await database.db.query(
    `insert into ruawatch.people (name, role, created_at, created_by) values ('grace.hopper', 'viewer', now(), 'test'), ('root', 'viewer', now(), 'test')`,
  );
  dns = await startFake(({ name, type }) =>
    name.endsWith('silent.example')
      ? null
      : {
          answers:
            type !== 'TXT' || name.startsWith('_')
              ? []
              : [
                  {
                    type: 'TXT',
                    name,
                    ttl: 60,
                    data: [`v=spf1 ip4:${name === 'example.com' ? '192.0.2.10' : '203.0.113.9'} -all`],
                  },
                ],
        },
  );
});
afterEach(async () => {
  hangUp();
  await running?.stop();
  running = null;
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await dns.stop();
  await database.drop();
});

const contextWith = (settings: object) => {
  const context = testContext(database);
  context.config.dnsServers = [dns.server];
  context.config.milter = milterOf(
    milterSchema.parse({ listen: '127.0.0.1:0', authserv_id: 'mx.example.com', ...settings }),
    '/',
  );
  return context;
};
/**
 * What becomes of a mail: the packets without those of the negotiation, and how many were counted of each
 * outcome.
 */
async function judged(
  settings: object,
  given: Parameters<typeof handedIn>[0],
  hold?: Parameters<typeof startMilter>[1],
  actions = 0x1ff,
) {
  const context = contextWith(settings);
  running = await startMilter(context, hold ?? (async () => ({ request_key: 7 })));
  const server = new Server({ port: running.port! });
  server.send(
    negotiate(6, actions),
    connect('mail.example', '203.0.113.9'),
    packet('H', strings('mail.example')),
    ...handedIn(given),
  );
  const last = await until(() => server.heard.find(({ command }, i) => i > 2 && 'adty'.includes(command)));
  const said = server.heard.slice(3).map(({ command, data }) => `${command}${data.toString('latin1').replace(/\0+/g, '|')}`);
  const outcomes = (await context.metrics.milterMails.get()).values.map(({ labels }) => labels.outcome);
  await context.queues.close();
  return { last: last.command, said, outcomes, waiting: running.waitingFor() };
}
const forged = { from: 'ada@example.com' };

describe('the outcomes of rules', () => {
  test('hold: the store has the request before the server hears of it', async () => {
    const { last, said, outcomes } = await judged({}, forged);
    expect(said.some((one) => one === 'qruawatch: request 7|')).toBe(true);
    expect(said.find((one) => one.includes('X-Ruawatch-Held'))).toContain('own_domain');
    expect([last, outcomes]).toEqual(['a', ['held']]);
  });

  test('hold in the store: the server drops the mail, and nothing is changed in it', async () => {
    const key_file = path.join(folder, 'key');
    writeFileSync(key_file, 'k'.repeat(44));
    const held: unknown[] = [];
    const settings = { hold: { keep: 'store', key_file, smtp_url: 'smtp://127.0.0.1:1' } };
    const { said } = await judged(settings, forged, async (facts) => {
      held.push(facts.raw?.toString('latin1'));
      return { request_key: 7 };
    });
    expect(said).toEqual(['d']);
    expect(held).toEqual(['From: ada@example.com\r\n\r\nHello.\r\n']);
  });

  test('reject, with a reply that says nothing about the rule', async () => {
    const { said, outcomes } = await judged({ rules: [{ when: 'own_domain', do: 'reject' }] }, forged);
    expect([said, outcomes]).toEqual([['y550 5.7.1 This mail is refused by a rule of the recipient.|'], ['rejected']]);
  });

  test('tag, dry run and accept', async () => {
    const tagged = await judged(
      {
        rules: [
          { when: 'display_name', do: 'reject', dry_run: true },
          { when: 'own_domain', do: 'tag' },
        ],
      },
      { from: '"Grace Hopper" <x@mail.example>, ada@example.com' },
    );
    expect(tagged.said.map((one) => /X-Ruawatch-[A-Za-z-]+\| [a-z_ ]+/.exec(one)?.[0]).filter(Boolean)).toEqual([
      'X-Ruawatch-Dry-Run| reject display_name',
      'X-Ruawatch-Tag| own_domain',
    ]);
    expect(tagged.outcomes).toEqual(['tagged']);
  });

  test('the first mail of a new look-alike is tagged, and the second is not', async () => {
    const settings = { rules: [{ when: 'new_domain', do: 'tag' }] };
    expect((await judged(settings, { from: 'x@www.examp1e.com' })).outcomes).toEqual(['tagged']);
    hangUp();
    await running!.stop();
    expect((await judged(settings, { from: 'x@examp1e.com' })).outcomes).toEqual(['accepted']);
  });

  test('names of people who sign in count when they have two words', async () => {
    expect((await judged({}, { from: 'Grace Hopper <x@mail.example>' })).outcomes).toEqual(['held']);
    hangUp();
    await running!.stop();
    expect((await judged({}, { from: 'root <x@mail.example>' })).outcomes).toEqual(['accepted']);
  });
});

test('a mail with very many fields in the name of this server is refused: each would be removed by itself', async () => {
  const header = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`X-Ruawatch-${i}`, 'x']));
  const refused = await judged({}, { from: 'x@mail.example', header: header(51) });
  expect([refused.said, refused.outcomes]).toEqual([
    ['y550 5.7.1 This mail has too many fields in the name of this server.|'],
    ['rejected'],
  ]);
  hangUp();
  await running!.stop();
  expect((await judged({}, { from: 'x@mail.example', header: header(50) })).outcomes).toEqual(['accepted']);
});

test('so is one of somebody who signed in, who is let through otherwise, without what the mail brought along', async () => {
  const context = contextWith({});
  running = await startMilter(context);
  const server = new Server({ port: running.port! });
  const submit = (n: number) =>
    server.send(
      macros('M', { '{auth_authen}': 'ada' }),
      ...handedIn({
        from: 'x@mail.example',
        header: Object.fromEntries(Array.from({ length: n }, (_, i) => [`X-Ruawatch-${i}`, 'x'])),
      }),
    );
  server.send(negotiate(6, 0x1ff), connect('mail.example', '203.0.113.9'));
  submit(51);
  await until(() => server.heard.some(({ command }) => command === 'y'));
  submit(1);
  await until(() => server.heard.some(({ command }) => command === 'a'));
  expect(server.heard.map(({ command }) => command).join('')).toMatch(/yc?ma$/);
  const counted = (await context.metrics.milterMails.get()).values.map(({ labels, value }) => [labels.outcome, value]);
  expect(counted).toEqual([
    ['rejected', 1],
    ['submitted', 1],
  ]);
  await context.queues.close();
});

describe('a mail that cannot be held', () => {
  const failing = (error: Error) => () => Promise.reject(error);

  test('passes marked, is counted, logged and noted, and readyz says so', async () => {
    const before = (await countUnjudged(database.db, new Date(0))).mails;
    const { last, said, outcomes, waiting } = await judged(
      {},
      { ...forged, header: { 'Message-ID': '<1@x>' } },
      failing(new Error('it is away')),
    );
    expect([last, outcomes]).toEqual(['a', ['unjudged']]);
    expect(said.some((one) => one.includes('X-Ruawatch-Unjudged| yes'))).toBe(true);
    expect(said.some((one) => one.includes('dmarc='))).toBe(true);
    expect(waiting).toContain('it is away');
    hangUp();
    await running!.stop();
    expect(await countUnjudged(database.db, new Date(0))).toMatchObject({ mails: before + 1, why: 'it is away' });
  });

  test('comes again later, where that is set', async () => {
    const { said } = await judged({ on_failure: 'tempfail' }, forged, failing(new Error('it is away')));
    expect(said).toEqual(['y451 4.7.1 This mail cannot be checked at the moment: try again later.|']);
  });

  test('comes again later when the hold is full, whatever is set: else whoever fills it gets through', async () => {
    const { said } = await judged({}, forged, failing(new PermanentError('hold_full', 'It is full.')));
    expect(said).toEqual([expect.stringContaining('y451')]);
  });

  test('is refused when it is longer than what is ever stored: coming again would not help', async () => {
    const key_file = path.join(folder, 'long-key');
    writeFileSync(key_file, 'k'.repeat(44));
    const settings = { hold: { keep: 'store', key_file, smtp_url: 'smtp://127.0.0.1:1' } };
    const header = Object.fromEntries(['X-A', 'X-B', 'X-C'].map((name) => [name, 'x'.repeat(60_000)]));
    const { said, outcomes } = await judged(settings, { ...forged, header });
    expect(said).toEqual(['y552 5.3.4 This mail is held by a rule of the recipient, and is longer than what can be held.|']);
    expect(outcomes).toEqual(['rejected']);
  });

  test('passes marked when the server cannot hold', async () => {
    const { said } = await judged({}, forged, undefined, 0x1);
    expect(said.some((one) => one.includes('X-Ruawatch-Unjudged'))).toBe(true);
    expect(said.some((one) => one.startsWith('q'))).toBe(false);
  });
});

test('without a database mail passes marked, at once after the first', async () => {
  const context = contextWith({});
  running = await startMilter({
    ...context,
    db: Object.assign(Object.create(context.db), { query: () => Promise.reject(new Error('away')) }),
  });
  const server = new Server({ port: running.port! });
  server.send(negotiate(), connect('mail.example', '203.0.113.9'), ...handedIn(forged), ...handedIn(forged));
  await until(() => server.heard.filter(({ command }) => command === 'a').length === 2);
  expect(server.heard.filter(({ data }) => data.includes('X-Ruawatch-Unjudged'))).toHaveLength(2);
  await context.queues.close();
});

test('a forged mail opens the request that people decide about', async () => {
  await syncGroups(database.db, { groups: GROUPS, deputies: [] });
  const context = contextWith({});
  context.config.approvals.rules = rulesOf({
    name: 'held',
    when: { kinds: ['messages.release'] },
    stages: [{ group: 'mail', need: 2 }],
  });
  running = await startMilter(context);
  const server = new Server({ port: running.port! });
  server.send(negotiate(), connect('mail.example', '203.0.113.9'), ...handedIn({ ...forged, header: { Subject: 'forged' } }));
  const held = await until(() => server.heard.find(({ command }) => command === 'q'));
  const { rows } = await database.db.query(
    `select h.queue_ids, h.rule, h.subject, h.domain, h.header_from_domain, r.kind, r.state from ruawatch.held_messages h join ruawatch.requests r using (request_key)`,
  );
  expect(rows).toEqual([
    {
      queue_ids: ['4AF2'],
      rule: 'own_domain',
      subject: 'forged',
      domain: 'example.com',
      header_from_domain: 'example.com',
      kind: 'messages.release',
      state: 'pending',
    },
  ]);
  expect(held.data.toString()).toContain('ruawatch: request ');
  await context.queues.close();
});

test('a forged mail is held whatever is odd about it: what cannot be stored would pass', async () => {
  await syncGroups(database.db, { groups: GROUPS, deputies: [] });
  const context = contextWith({});
  context.config.approvals.rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail' }] });
  running = await startMilter(context);
  const long = 'x'.repeat(5_000);
  const b64 = (octets: Buffer) => octets.toString('base64');
  const signature = (d: string, s: string) => ` v=1; a=rsa-sha256; d=${d}; s=${s}; h=from; bh=${'A'.repeat(43)}=; b=AAAA`;
  const parts = Array.from(
    { length: 300 },
    (_, n) => `--b\r\nContent-Type: ${long}/${n}; name="=?utf-8?q?=00${n}?="\r\n\r\n\x00\r\n`,
  );
  interface Odd {
    fields?: [string, string][];
    body?: string;
    queue?: string;
    peer?: [string, string];
    helo?: string;
    sender?: string;
    recipients?: string[];
  }
  const odd: Record<string, Odd> = {
    'NUL in encoded words': {
      fields: [
        ['Subject', ' =?utf-8?q?a=00b?='],
        ['Message-ID', ' =?utf-8?q?=00?='],
      ],
    },
    'half of a surrogate pair': { fields: [['Subject', ` =?utf-16be?b?${b64(Buffer.from([0xd8, 0]))}?=`]] },
    'octets that are no text': { fields: [['Subject', ' \xff\xfe\xed\xa0\x80']] },
    'long fields': {
      fields: [
        ['Subject', ` ${long}`],
        ['Message-ID', ` <${long}@x>`],
      ],
    },
    'three subjects': {
      fields: [
        ['Subject', ' a'],
        ['subject', ' b'],
        ['SUBJECT', ''],
      ],
    },
    'three hundred parts': { fields: [['Content-Type', ' multipart/mixed; boundary=b']], body: parts.join('') },
    'parts without end': { fields: [['Content-Type', ' multipart/mixed; boundary=b']], body: '--b\r\n'.repeat(2_000) },
    'sixty signatures': {
      fields: Array.from({ length: 60 }, (_, n) => ['DKIM-Signature', signature(`d${n}.example`, long.slice(0, 300))]),
    },
    'signatures of no domain': {
      fields: [
        ['DKIM-Signature', signature('a..b', 'é')],
        ['DKIM-Signature', ' ;;=;'],
        ['ARC-Seal', ' i=51'],
      ],
    },
    'a name of a queue file with marks': { queue: "4A-F2.';x" },
    'a long one': { queue: long },
    none: { queue: '' },
    'a long name of a client': { peer: [long, '203.0.113.9'] },
    'an address with a zone': { peer: ['mail.example', 'IPv6:fe80::1%eth0'] },
    'a mapped one': { peer: ['mail.example', '::ffff:203.0.113.9'] },
    'a long HELO': { helo: long },
    'a HELO of no text': { helo: "\xff'\x01" },
    'a long sender': { sender: `${long}@${long}` },
    'no sender': { sender: '' },
    'a sender of no text': { sender: '\xff"@\xfe' },
    'recipients of no text': { recipients: ['<\xff@example.com>', '<>', '<postmaster>'] },
    'four thousand recipients': { recipients: Array.from({ length: 4_000 }, (_, n) => `<user${n}@example.com>`) },
  };
  const sent = async (name: string, given: Odd) => {
    const server = new Server({ port: running!.port! });
    const [peer, address] = given.peer ?? ['mail.example', '203.0.113.9'];
    server.send(negotiate(), connect(peer, address), packet('H', strings(given.helo ?? 'mail.example')));
    server.send(packet('M', strings(`<${given.sender ?? 'x@mail.example'}>`)), macros('R', { i: given.queue ?? '4AF3' }));
    server.send(...(given.recipients ?? ['<grace@example.com>']).map((one) => packet('R', strings(one))));
    server.send(packet('L', strings('From', ' ada@example.com')), packet('L', strings('X-Odd', ` ${name}`)));
    server.send(...(given.fields ?? []).map(([field, value]) => packet('L', strings(field, value))), packet('N'));
    for (let at = 0; at < (given.body ?? 'Hello.').length; at += 60_000)
      server.send(packet('B', (given.body ?? 'Hello.').slice(at, at + 60_000)));
    server.send(packet('E'));
    const last = await until(
      () => server.heard.find(({ command }) => command === 'q' || command === 'a' || command === 'y') ?? server.closed,
    );
    return last === true ? 'closed' : last.command;
  };
  const fates: Record<string, string> = {};
  for (const [name, given] of Object.entries(odd)) fates[name] = await sent(name, given);
  expect(fates).toEqual(Object.fromEntries(Object.keys(odd).map((name) => [name, 'q'])));
  await context.queues.close();
});

/** What became of a mail: in the hold, put off, or passed. */
async function fateOf(server: Server): Promise<string> {
  const last = await until(() => server.heard.find(({ command }, i) => i > 2 && 'adty'.includes(command)));
  if (last.command === 'y') return last.data.toString().startsWith('451') ? 'later' : 'refused';
  return server.heard.some(({ command }) => command === 'q') ? 'held' : 'passed';
}

test('of many forged mails at once none passes, nor does the next one', async () => {
  await syncGroups(database.db, { groups: GROUPS, deputies: [] });
  const context = contextWith({});
  context.config.approvals.rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail' }] });
  running = await startMilter(context);
  const sent = (n: number) => {
    const server = new Server({ port: running!.port! });
    server.send(negotiate(), connect('mail.example', '203.0.113.9'));
    server.send(...handedIn({ ...forged, header: { Subject: `flood ${n}` } }));
    return fateOf(server);
  };
  const fates = await Promise.all(Array.from({ length: 120 }, (_, n) => sent(n)));
  // How many are held in their time is a matter of the machine.
  expect(fates.filter((fate) => fate !== 'held' && fate !== 'later')).toEqual([]);
  expect(fates).toContain('held');
  expect(await sent(120)).not.toBe('passed');
  await context.queues.close();
});

test('forged mails that ask silent name servers do not pass, nor does what is forged meanwhile', async () => {
  await syncGroups(database.db, { groups: GROUPS, deputies: [] });
  const context = contextWith({});
  context.config.approvals.rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail' }] });
  running = await startMilter(context);
  const bh = createHash('sha256').update('Hello.\r\n').digest('base64');
  const signed = (domain: string) =>
    `v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; s=any; h=from; bh=${bh}; b=${'A'.repeat(342)}==`;
  const sent = (n: number, silent: number) => {
    const server = new Server({ port: running!.port! });
    const strangers = Array.from({ length: silent }, (_, i) => signed(`d${n}x${i}.silent.example`));
    const signatures = [signed('example.com'), ...strangers].map((value) => packet('L', strings('DKIM-Signature', ` ${value}`)));
    const [mail, macro, recipient, ...rest] = handedIn({ ...forged, header: { Subject: `slow ${n}` } });
    server.send(negotiate(), connect('mail.example', '203.0.113.9'), mail!, macro!, recipient!, ...signatures, ...rest);
    return fateOf(server);
  };
  const fates = await Promise.all([...Array.from({ length: 60 }, (_, n) => sent(n, 7)), sent(60, 0)]);
  expect(fates.filter((fate) => fate !== 'held' && fate !== 'later')).toEqual([]);
  await context.queues.close();
});

describe('milter try', () => {
  const file = path.join(folder, 'mail.eml');

  test('judges a mail in a file, and notes nothing', async () => {
    writeFileSync(file, mail(usual('Ada <ada@example.com>')));
    const context = contextWith({
      rules: [
        { when: 'own_domain', do: 'reject', dry_run: true },
        { when: 'own_domain', do: 'hold' },
      ],
    });
    const tried = await tryMail(context, mail(usual('Ada <ada@example.com>')), {
      ip: '203.0.113.9',
      helo: 'mail.example',
      mailFrom: 'x@mail.example',
    });
    expect(tried).toMatchObject({
      outcome: 'hold',
      source: 'mail.example',
      results: { spf: { result: 'pass' } },
      dry: [{ rule: { do: 'reject' } }],
    });
    const out: string[] = [];
    const options = { ip: '203.0.113.9', helo: 'mail.example', from: '<x@mail.example>' };
    expect(await runMilterTry(context.config, file, options, (line) => out.push(line))).toBe(0);
    expect(out).toEqual([
      'Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=mail.example; dkim=none; dmarc=none header.from=example.com',
      'Source: mail.example, class not known from reports',
      'Dry run: reject by own_domain (code: own_domain, domain: example.com, clear: true)',
      'Outcome: hold: own_domain (code: own_domain, domain: example.com, clear: true)',
    ]);
    out.length = 0;
    await runMilterTry(context.config, file, { ...options, json: true }, (line) => out.push(line));
    expect(JSON.parse(out[0]!)).toMatchObject({
      outcome: 'hold',
      rule: { when: 'own_domain', do: 'hold' },
      source: 'mail.example',
    });
    await context.queues.close();
  });

  test('names what it cannot use', async () => {
    const context = contextWith({});
    await expect(runMilterTry(context.config, file, { ip: 'here' }, () => undefined)).rejects.toThrow(
      '--ip "here" is not an address',
    );
    await expect(runMilterTry(context.config, path.join(folder, 'none'), { ip: '192.0.2.1' }, () => undefined)).rejects.toThrow(
      'cannot be read',
    );
    await context.queues.close();
  });
});
