import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { words } from '../../../services/console/page-words/en.ts';
import { TransientError } from '../../../services/shared/errors.ts';
import { type FakeServer, startFake } from '../../helpers/dns.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';
import { shownOf } from '../shown.ts';

const NOW = new Date('2026-10-07T12:00:00Z');
let dns: FakeServer;
let c: TestConsole;
let ada: TestPerson;
/** TXT records by name; "silent" for a name that nobody answers about. */
let zone: Record<string, string | 'silent'>;
let smtp: Error | null = null;
/** Every page that the tests have asked for. */
const shown: string[] = [];
beforeAll(async () => {
  dns = await startFake(({ name, type }) => {
    const text = type === 'TXT' ? zone[name] : undefined;
    if (text === 'silent') return { rcode: 2 };
    return text === undefined ? {} : { answers: [{ type: 'TXT', name, ttl: 60, data: [text] }] };
  });
  c = await testConsole({
    now: () => NOW,
    probes: {
      mailbox: async (name) => `${name} has 7 mails.`,
      smtp: async () => {
        if (smtp !== null) throw smtp;
        return 'It takes mail.';
      },
    },
  });
  c.context.config.dnsServers = [dns.server];
  await c.t.db.query(
    "delete from ruawatch.domains; insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', '2026-09-01')",
  );
  ada = await c.person('admin', null);
});
afterAll(async () => {
  await c.close();
  await dns.stop();
});

const mailbox = (address: string) => {
  c.context.config.mailboxes = [{ name: 'main', addresses: [address] }] as never;
};
/** The steps of the page: title, state and what is said, each on a line of its own. */
async function steps(query: string): Promise<Record<string, string>> {
  const { body, statusCode } = await ada.get(`/setup${query}`);
  expect(statusCode).toBe(200);
  shown.push(`${expect.getState().currentTestName} ${query}\n${shownOf(body).replace(/127\.0\.0\.1(?::| port )\d+/g, 'SERVER')}`);
  const items = shownOf(body)
    .split(/^\{li class=card\}/m)
    .slice(1);
  return Object.fromEntries(
    items.map((item) => {
      const [, title, state, rest] = /^\s*h2: (.*?) \{span class=state (\w+)\}[^\n]*\n([\s\S]*)$/.exec(item.trim()) ?? [
        '',
        item,
        '',
        '',
      ];
      return [title!, `${state}: ${rest!.replace('{p role=status} ', '').replace(/\n/g, ' | ')}`];
    }),
  );
}
const record = async (query = '?check=dns') => (await steps(query))[words.setup.step_record]!;

describe('the record that asks for reports', () => {
  test('is not asked for without a mailbox', async () => {
    c.context.config.mailboxes = [];
    expect(await record('')).toMatch(/^todo: /);
    expect(await record('')).not.toContain('_dmarc.example.com');
  });

  test('is shown as it has to be published, and asked about only on demand', async () => {
    mailbox('reports@example.com');
    dns.asked.length = 0;
    const said = await record('');
    expect(said).toMatch(/^todo: .*_dmarc\.example\.com.*TXT.*v=DMARC1; p=none; rua=mailto:reports@example\.com/);
    expect(said).not.toContain('DNS has');
    expect(said).not.toContain('_report._dmarc');
    expect(dns.asked).toEqual([]);
  });

  test.each<[string, Record<string, string>, RegExp, RegExp | null]>([
    ['none', {}, /^wrong: DNS has no DMARC record for this domain yet\./, /v=DMARC1; p=none; rua=mailto:reports@example\.com/],
    [
      'one that does not name the mailbox',
      { '_dmarc.example.com': 'v=DMARC1; p=reject' },
      /^wrong: DNS has a DMARC record that does not name your mailbox\./,
      /v=DMARC1; p=reject; rua=mailto:reports@example\.com/,
    ],
    [
      'one of the domain above, which does not count here',
      { '_dmarc.com': 'v=DMARC1; p=reject' },
      /^wrong: DNS has no DMARC record/,
      /p=none; rua/,
    ],
    [
      'one that names it',
      { '_dmarc.example.com': 'v=DMARC1; p=reject; rua=mailto:reports@example.com' },
      /^done: DNS has it: receivers send their first reports/,
      null,
    ],
    ['no answer', { '_dmarc.example.com': 'silent' }, /^wrong: DNS did not answer: /, /p=none; rua/],
  ])('%s', async (_, records, said, published) => {
    mailbox('reports@example.com');
    zone = records;
    const step = await record();
    expect(step).toMatch(said);
    if (published === null) expect(step).not.toContain('rua=');
    else expect(step).toMatch(published);
  });

  const asks = { '_dmarc.example.com': 'v=DMARC1; p=none; rua=mailto:reports@agency.example' };
  const accepts = 'example.com._report._dmarc.agency.example';
  test.each<[string, Record<string, string>, RegExp, boolean]>([
    ['does not accept the reports yet', asks, /^wrong: The DMARC record is there\. The record of the other domain is not/, true],
    ['accepts them', { ...asks, [accepts]: 'v=DMARC1' }, /^done: DNS has it/, false],
    ['does not answer', { ...asks, [accepts]: 'silent' }, /^wrong: DNS did not answer: /, true],
  ])('in a mailbox of another organization, which %s', async (_, records, said, shown) => {
    mailbox('reports@agency.example');
    zone = records;
    const step = await record();
    expect(step).toMatch(said);
    expect(step.includes(accepts)).toBe(shown);
    expect((await record('')).includes(accepts)).toBe(true);
  });
});

describe('the way of mails', () => {
  const mails = async (query: string) => (await steps(query))[words.setup.step_mail]!;
  test('is wrong where nothing is set, and lists what is', async () => {
    zone = {};
    c.context.config.mailboxes = [];
    const { smtpUrl } = c.context.config;
    expect(smtpUrl).toBeNull();
    expect(await mails('')).toMatch(/^wrong: /);
  });

  test('is tried on demand, each server by itself', async () => {
    mailbox('reports@example.com');
    c.context.config.smtpUrl = 'smtp://mail.example.com';
    expect(await mails('')).not.toContain('has 7 mails');
    const fine = await mails('?check=mail');
    expect(fine).toContain('main has 7 mails.');
    expect(fine).toContain('It takes mail.');
    expect(fine).not.toMatch(/^wrong/);
    smtp = new TransientError('smtp_down', 'It cannot be reached.');
    const down = await mails('?check=mail');
    expect(down).toMatch(/^wrong: /);
    expect(down).toContain('It cannot be reached.');
    smtp = null;
  });

  test('is done once a mailbox was read, and wrong when it fails', async () => {
    const read = (error: string | null) =>
      c.t.db.query(
        "insert into ruawatch.mailboxes (mailbox, folder, polled_at, last_error, backlog) values ('main', 'INBOX', $1, $2, 0)",
        [NOW, error],
      );
    await read(null);
    expect(await mails('')).toMatch(/^done: .*2026-10-07 12:00/);
    await c.t.db.query("update ruawatch.mailboxes set last_error = 'No such folder.'");
    expect(await mails('')).toMatch(/^wrong: .*No such folder\./);
    await c.t.db.query('delete from ruawatch.mailboxes');
  });
});

test('the reports are trusted while at most a quarter of them is not proven', async () => {
  const trust = async () => (await steps(''))[words.setup.step_trust]!;
  expect(await trust()).toMatch(/^todo: /);
  await c.t.db.query(
    `with m as (insert into ruawatch.messages (mailbox, received_at, stored_at, fingerprint, size, state)
       values ('main', $1, $1, '\\x01', 1, 'stored') returning message_key)
     insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records, messages,
            salvaged, problems, received_at, trust, reporter_trust)
     select message_key, n, decode(lpad(n::text, 2, '0'), 'hex'), '\\x01', 'google.com', n, 'example.com', $1, $1, '[]', 1, 1, false, '[]', $1,
            case when n = 1 then 'bad' else 'ok' end, case when n > 1 then 'authenticated' end from m, generate_series(1, 4) n`,
    [NOW],
  );
  expect(await trust()).toMatch(/^done: /);
  await c.t.db.query("update ruawatch.reports set trust = 'bad' where part = 2");
  expect(await trust()).toMatch(/^wrong: /);
  await c.t.db.query('delete from ruawatch.reports; delete from ruawatch.messages');
});

describe('a domain whose reports come', () => {
  const arrive = async (domain: string, n: number, [begin, received]: [string, string]) =>
    c.t.db.query(
      `insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
              messages, salvaged, problems, received_at, trust)
       values (0, $1::int, $2, '\\x01', 'google.com', $1::text, $3, $4, $4::timestamptz + interval '1 day', '[]', 1, 1, false, '[]', $5, 'ok')`,
      [n, Buffer.from([n]), domain, begin, received],
    );
  const asked = () => steps('?domain=example.com');

  test('has asked for them, though no setting says where they go, and says when the newest of all came', async () => {
    c.context.config.mailboxes = [];
    await c.t.db.query(
      "insert into ruawatch.domains (domain, state, how, since) values ('example.net', 'own', 'added', '2026-09-01')",
    );
    // The end of the day that a report is about is not when it came; and one may come behind a later one.
    await arrive('example.com', 1, ['2026-10-05T00:00Z', '2026-10-07T02:41Z']);
    await arrive('example.com', 2, ['2026-10-06T00:00Z', '2026-10-07T00:10Z']);
    await arrive('example.net', 3, ['2026-10-05T00:00Z', '2026-10-07T07:34Z']);
    const said = await asked();
    expect(said[words.setup.step_record]).toBe('done: Reports about example.com arrive, so a DMARC record asks for them.');
    expect(said[words.setup.step_report]).toMatch(
      /^done: The newest came at 2026-10-07 07:34 UTC: .*example\.net.* \| The newest of the chosen domain came at 2026-10-07 02:41 UTC: .*example\.com/,
    );
    const other = (await steps('?domain=example.net'))[words.setup.step_report];
    expect(other).toMatch(/^done: The newest came at 2026-10-07 07:34 UTC: /);
    expect(other).not.toContain('chosen');
  });

  test('is asked about on demand, where an address is known', async () => {
    mailbox('reports@example.com');
    zone = {};
    expect((await asked())[words.setup.step_record]).toMatch(/^done: .*check=dns/);
    expect((await asked())[words.setup.step_record]).not.toContain('p=none');
    expect(await record('?domain=example.com&check=dns')).toMatch(/^wrong: DNS has no DMARC record/);
    await c.t.db.query("delete from ruawatch.reports; delete from ruawatch.domains where domain = 'example.net'");
  });
});

test('the domain that is shown is the one that is chosen, else the first without a report', async () => {
  zone = {};
  mailbox('reports@example.com');
  await c.t.db.query(
    "insert into ruawatch.domains (domain, state, how, since) values ('example.net', 'own', 'added', '2026-09-01')",
  );
  const shown = async (query: string) =>
    /option selected value=([^\s}]+)/.exec(shownOf((await ada.get(`/setup${query}`)).body))?.[1];
  expect(await shown('')).toBe('example.com');
  expect(await shown('?domain=Example.NET')).toBe('example.net');
  expect(await shown('?domain=nothing.example')).toBe('example.com');
  await c.t.db.query("delete from ruawatch.domains where domain = 'example.net'");
  expect(await shown('')).toBeUndefined();
});

test('a domain is added once it is one, and noted', async () => {
  const wrong = await ada.post('/setup/domains', { domain: 'not a domain' });
  expect(wrong.statusCode).toBe(400);
  expect(shownOf(wrong.body)).toContain(
    'The value of &quot;domain&quot; is wrong: &quot;not a domain&quot; is not a domain: write example.com.\n',
  );
  const added = await ada.post('/setup/domains', { domain: ' Added.Example. ' });
  expect([added.statusCode, added.headers.location]).toEqual([303, '/setup?domain=added.example']);
  const { rows } = await c.t.db.query('select by_name, act, domain from ruawatch.console_acts where domain is not null');
  expect(rows).toEqual([{ by_name: ada.name, act: 'domain_added', domain: 'added.example' }]);
  expect((await ada.get('/setup?domain=added.example')).body).toContain('added.example');
});

test('what all of these pages show', async () => {
  await expect(`${[...new Set(shown)].join('\n\n')}\n`).toMatchFileSnapshot('golden/setup-steps.txt');
});
