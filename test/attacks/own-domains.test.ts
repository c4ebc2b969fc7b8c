import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startEnricher } from '../../services/enricher/index.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { ignoreDomain, putOwn } from '../../services/store/domains/domains.ts';
import { startKnot } from '../helpers/knot.ts';
import { BEGIN, DAY, reportXml, type TestRow } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';
import { zipOf } from '../report/archives.ts';
import {
  attackRows,
  bringDay,
  type DkimKey,
  dailyReport,
  dkimKey,
  dkimSigned,
  GOOGLE,
  knotPresent,
  mailOf,
  morningAfter,
  ordinaryDays,
  startWorld,
  titled,
  type World,
} from './harness.ts';

const HOUR = 3_600_000;
const OURS = 'v=DMARC1; p=none; rua=mailto:dmarc@victim.example';

/** A report of stranger.test's as a document. */
const told = (domain: string, day: number, rows: TestRow[]) => ({
  name: `${domain}-${day}.xml`,
  data: reportXml({ org: 'stranger.test', id: `${domain}-${day}`, domain, begin: BEGIN + day * DAY, rows }).replace(
    'dmarc@reporter.example',
    'dmarc@stranger.test',
  ),
});

/** A mail of many documents, from stranger.test. */
async function zipMail(documents: { name: string; data: string }[]): Promise<Buffer> {
  const zip = (await zipOf(documents)).toString('base64').replace(/.{76}/g, '$&\r\n');
  const fields = [
    'From: dmarc@stranger.test',
    'Subject: Reports',
    'Date: Wed, 02 Sep 2026 00:00:00 GMT',
    'MIME-Version: 1.0',
    'Content-Type: application/zip',
    'Content-Transfer-Encoding: base64',
  ];
  return Buffer.from([...fields, '', zip, ''].join('\r\n'));
}

/**
 * Anybody can point his domain at our mailbox, and report on any: only what we say or DNS proves from both
 * sides is watched.
 */
describe.skipIf(!knotPresent)(titled('whose domains are watched'), () => {
  let world: World;
  let enricher: Service | null;
  let key: DkimKey;

  const start = async (addresses: string[]) => {
    world = await startWorld({
      settings: { mailboxes: [{ url: 'imap://login:x@127.0.0.1:1/INBOX?tls=none', addresses }], alerts: { per_hour: 10 } },
    });
    await world.query('delete from ruawatch.domains');
    await world.publish(GOOGLE.domain, key);
    enricher = startEnricher(world.context);
  };
  beforeEach(() => {
    key = dkimKey();
    enricher = null;
  });
  afterEach(async () => {
    await enricher?.stop();
    await world.close();
  });

  const row = async (domain: string) =>
    (
      await world.query<{
        state: string;
        how: string;
        reason: string | null;
        checked: Date | null;
        attempts: number;
        lost: Date | null;
      }>(
        `select state, how, reason, last_checked as checked, attempts, lost_since as lost from ruawatch.domains where domain = $1`,
        [domain],
      )
    )[0];
  const checked = (domain: string, since = new Date(0)) =>
    until(async () => {
      const one = await row(domain);
      return one?.checked != null && one.checked > since;
    });
  const report = (domain: string, id = domain) =>
    dkimSigned(mailOf({ org: GOOGLE.org, id, domain, rows: [{ count: 5, header_from: domain }] }, { email: GOOGLE.email }), {
      domain: GOOGLE.domain,
      key,
    });
  /** Another name server is asked from now on. */
  const askAt = async (server: string) => {
    await enricher?.stop();
    world.context.config.dnsServers = [server];
    enricher = startEnricher(world.context);
  };
  /** Checks at a later time, and waits for the answer. */
  const later = async (domain: string, ms: number) => {
    const before = world.context.clock.now();
    world.setNow(new Date(before.getTime() + ms));
    await checked(domain, before);
  };

  test('the record of the domain names our mailbox: it is own, and an attack on it is mailed', async () => {
    await start(['dmarc@victim.example']);
    await world.txt('_dmarc.victim.example', OURS);
    const day = await ordinaryDays(world, GOOGLE, key, 10, { domain: 'victim.example' });
    await until(async () => (await row('victim.example'))?.state === 'own');
    expect(await row('victim.example')).toMatchObject({ how: 'confirmed' });
    await until(async () => (await world.query('select from ruawatch.domains where history')).length === 0);
    const rows = [{ ip: '192.0.2.1', count: 500 }, ...attackRows(8, 900)].map((one) => ({
      ...one,
      header_from: 'victim.example',
    }));
    await bringDay(world, day, [dailyReport(GOOGLE, key, day, rows, { domain: 'victim.example' })]);
    expect(await world.findings()).toMatchObject([{ domain: 'victim.example', kind: 'unauthorized_source' }]);
    expect((await world.alerts()).map((mail) => mail.kind)).toEqual(['finding']);
  });

  test('a stranger who points his domain at our mailbox proves nothing, nor does a wildcard; a record for just his domain does', async () => {
    await start(['dmarc@victim.example']);
    await world.txt('_dmarc.stranger.test', OURS);
    await world.txt('_dmarc.partner.test', OURS);
    await world.txt('_dmarc.below.wild.test', OURS);
    await world.txt('_dmarc.silent.test', 'v=DMARC1; p=none');
    await world.txt('_dmarc.shop.victim.example', OURS);
    await world.txt('partner.test._report._dmarc.victim.example', 'v=DMARC1');
    await world.txt('*.wild.test._report._dmarc.victim.example', 'v=DMARC1');
    const names = ['stranger.test', 'partner.test', 'below.wild.test', 'silent.test', 'nothing.test', 'shop.victim.example'];
    await world.deliver(names.map((name) => report(name)));
    for (const name of names) await checked(name);
    const states = Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await row(name))!.state])));
    expect(states).toEqual({
      'stranger.test': 'observed',
      'partner.test': 'own',
      'below.wild.test': 'observed',
      'silent.test': 'observed',
      'nothing.test': 'observed',
      'shop.victim.example': 'own',
    });
    expect((await row('below.wild.test'))!.reason).toContain('wildcard');
    // The very record of the other side is what was missing.
    await world.txt('stranger.test._report._dmarc.victim.example', 'v=DMARC1');
    await later('stranger.test', 2 * HOUR);
    expect(await row('stranger.test')).toMatchObject({ state: 'own', how: 'confirmed' });
  });

  test('a wildcard over all of the mailbox domain proves nothing of anyone', async () => {
    await start(['dmarc@victim.example']);
    await world.txt('_dmarc.stranger.test', OURS);
    await world.txt('*._report._dmarc.victim.example', 'v=DMARC1');
    await world.deliver([report('stranger.test')]);
    await checked('stranger.test');
    expect(await row('stranger.test')).toMatchObject({ state: 'observed', reason: expect.stringContaining('wildcard') });
  });

  test('customers of one provider are strangers to one another: a private suffix of the list, or psd=y, keeps them apart', async () => {
    await start(['dmarc@alice.github.io', 'dmarc@mail.alice.hoster.test']);
    await world.txt('_dmarc.bob.github.io', 'v=DMARC1; p=none; rua=mailto:dmarc@alice.github.io');
    await world.txt('_dmarc.alice.github.io', 'v=DMARC1; p=none; rua=mailto:dmarc@alice.github.io');
    await world.txt('_dmarc.hoster.test', 'v=DMARC1; p=none; psd=y');
    await world.txt('_dmarc.bob.hoster.test', 'v=DMARC1; p=none; rua=mailto:dmarc@mail.alice.hoster.test');
    await world.txt('_dmarc.alice.hoster.test', 'v=DMARC1; p=none; rua=mailto:dmarc@mail.alice.hoster.test');
    const names = ['bob.github.io', 'alice.github.io', 'bob.hoster.test', 'alice.hoster.test'];
    await world.deliver(names.map((name) => report(name)));
    for (const name of names) await checked(name);
    const states = await Promise.all(names.map(async (name) => (await row(name))!.state));
    expect(states).toEqual(['observed', 'own', 'observed', 'own']);
  });

  const attacked = (domain: string) =>
    [{ ip: '192.0.2.1', count: 500 }, ...attackRows(8, 900)].map((one) => ({ ...one, header_from: domain }));
  /** More than the alerts of an hour, which are ten here. */
  const names = (what: string) => Array.from({ length: 12 }, (_, i) => `${what}-${i}.test`);
  /** On the day of the attack nothing is told but of the one domain that is watched. */
  const toldOfOurs = async (day: number, before: Buffer[], others: string[]) => {
    const reports = () =>
      world.query<{ domain: string }>('select distinct domain from dmarc.reports where domain = any($1)', [others]);
    await bringDay(world, day, before);
    await bringDay(world, day, [dailyReport(GOOGLE, key, day, attacked('victim.example'), { domain: 'victim.example' })]);
    expect(await world.findings()).toMatchObject([{ domain: 'victim.example', kind: 'unauthorized_source' }]);
    expect((await world.alerts()).map((mail) => mail.subject)).toEqual([expect.stringContaining('victim.example')]);
    expect(await reports()).toHaveLength(others.length);
    expect(await world.query('select from dmarc.sources where domain = any($1) limit 1', [others])).toHaveLength(1);
  };

  test('12 domains that one stranger invents in two mails have no finding and use up no alert of the hour', async () => {
    await start(['dmarc@victim.example']);
    await putOwn(world.database.db, ['victim.example'], 'added', { now: world.context.clock.now(), ignored: true });
    const stranger = dkimKey();
    await world.publish('stranger.test', stranger);
    const day = await ordinaryDays(world, GOOGLE, key, 10, { domain: 'victim.example' });
    const invented = names('invented');
    const past = Array.from({ length: day }, (_, n) => n);
    const mails = [
      await zipMail(past.flatMap((n) => invented.map((domain) => told(domain, n, [{ ip: '192.0.2.1', count: 500 }])))),
      await zipMail(invented.map((domain) => told(domain, day, attacked(domain)))),
    ];
    await toldOfOurs(
      day,
      mails.map((mail) => dkimSigned(mail, { domain: 'stranger.test', key: stranger })),
      invented,
    );
  });

  test('nor have 12 that are his and that he points at our mailbox, so that a known reporter tells of them', async () => {
    await start(['dmarc@victim.example']);
    await putOwn(world.database.db, ['victim.example'], 'added', { now: world.context.clock.now(), ignored: true });
    const his = names('his');
    const honest = [{ ip: '192.0.2.1', count: 500 }];
    for (const domain of his) await world.txt(`_dmarc.${domain}`, OURS);
    for (let n = 0; n < 10; n++) {
      const mails = his.map((domain) => dailyReport(GOOGLE, key, n, honest, { domain }));
      await world.deliver(mails, morningAfter(n));
    }
    const day = await ordinaryDays(world, GOOGLE, key, 10, { domain: 'victim.example' });
    const mails = his.map((domain) => dailyReport(GOOGLE, key, day, attacked(domain), { domain }));
    await toldOfOurs(day, mails, his);
  });

  test('a hundred thousand invented domains do not keep an honest one from being asked about', async () => {
    await start(['dmarc@victim.example']);
    await world.txt('_dmarc.victim.example', OURS);
    await world.query(
      `insert into ruawatch.domains (domain, state, how, since, due_at, vouched_by, last_reported)
       select 'd' || n || '.test', 'observed', 'reported', $1, $1::timestamptz - interval '1 hour',
              case when n % 2 = 0 then 'stranger.test' end, $1 from generate_series(1, 100000) n`,
      [world.context.clock.now()],
    );
    await world.deliver([report('victim.example')]);
    await until(async () => (await row('victim.example'))?.state === 'own');
    const [asked] = await world.query<{ n: number }>('select count(*)::int as n from ruawatch.domains where attempts > 0');
    expect(asked!.n).toBeLessThanOrEqual(120);
  });

  test('SERVFAIL decides nothing; rua= removed is told after several definite answers, and is over when it is back', async () => {
    await start(['dmarc@victim.example']);
    await world.txt('_dmarc.victim.example', OURS);
    await world.deliver([report('victim.example')]);
    await until(async () => (await row('victim.example'))?.state === 'own');
    await world.settle();
    const broken = await startKnot({ example: null });
    await askAt(broken.server);
    for (let i = 0; i < 4; i++) await later('victim.example', 25 * HOUR);
    await askAt(world.server);
    await broken.stop();
    expect(await row('victim.example')).toMatchObject({ state: 'own', lost: null, attempts: 4 });
    await world.txt('_dmarc.victim.example', 'v=DMARC1; p=none; rua=mailto:dmarc@elsewhere.test');
    await later('victim.example', 25 * HOUR);
    await later('victim.example', 2 * HOUR);
    await world.settle();
    expect(await world.findings()).toEqual([]);
    await later('victim.example', 2 * HOUR);
    await until(async () => (await world.findings()).length > 0);
    await world.settle();
    expect(await world.findings()).toMatchObject([
      { domain: 'victim.example', kind: 'reports_stopped', subject: 'victim.example', severity: 'high', state: 'open' },
    ]);
    expect(await row('victim.example')).toMatchObject({ state: 'own' });
    expect((await world.alerts()).map((mail) => mail.subject)).toEqual([expect.stringContaining('victim.example')]);
    await world.txt('_dmarc.victim.example', OURS);
    await later('victim.example', 25 * HOUR);
    await until(async () => (await world.findings())[0]?.state === 'resolved');
    expect(await row('victim.example')).toMatchObject({ state: 'own', lost: null });
  });

  test('a mailbox at a provider proves nothing: a person says whose the domain is, and has the last word', async () => {
    await start(['reports@gmail.com']);
    await world.txt('_dmarc.gmail.com', 'v=DMARC1; p=none; rua=mailto:mailauth-reports@google.com');
    await world.txt('_dmarc.victim.example', 'v=DMARC1; p=none; rua=mailto:reports@gmail.com');
    await world.deliver(['victim.example', 'gmail.com'].map((name) => report(name)));
    for (const name of ['victim.example', 'gmail.com']) await checked(name);
    expect(await row('victim.example')).toMatchObject({ state: 'observed' });
    expect(await row('gmail.com')).toMatchObject({ state: 'observed' });
    const now = world.context.clock.now();
    await putOwn(world.database.db, ['victim.example'], 'added', { now, ignored: true });
    await until(async () => (await world.classes()).some((one) => one.domain === 'victim.example' && one.class !== null));
    await ignoreDomain(world.database.db, 'victim.example', { by: 'Ada', why: 'sold' }, now);
    await world.txt('victim.example._report._dmarc.gmail.com', 'v=DMARC1');
    await world.deliver([report('victim.example', 'again'), report('shop.victim.example')]);
    await until(async () => (await row('shop.victim.example')) !== undefined);
    await world.settle();
    expect(await row('victim.example')).toMatchObject({ state: 'ignored' });
    expect((await row('shop.victim.example'))!.state).toBe('observed');
  });
});

describe.skipIf(!knotPresent)(titled('the domain of a report'), () => {
  let world: World;
  let key: DkimKey;
  beforeEach(async () => {
    world = await startWorld();
    key = dkimKey();
    await world.publish(GOOGLE.domain, key);
  });
  afterEach(() => world.close());

  const signed = (report: Parameters<typeof mailOf>[0]) =>
    dkimSigned(mailOf({ org: GOOGLE.org, ...report }, { email: GOOGLE.email }), { domain: GOOGLE.domain, key });

  test('what is no host name is quarantined with a code, and reaches no row and no subject', async () => {
    const hostile = [
      'a b.example',
      'x.example&#13;&#10;Bcc: you@evil.test',
      'evil&#x202e;.example',
      `${'a'.repeat(300)}.example`,
      '-x-.example',
    ];
    await world.bring(hostile.map((domain, i) => signed({ id: `h${i}`, domain })));
    const messages = await world.messages();
    expect(messages.map((one) => [one.state, one.code])).toEqual(hostile.map(() => ['quarantined', 'policy_domain_invalid']));
    for (const { reason } of messages) expect(reason).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(await world.reports()).toEqual([]);
    expect(await world.alerts()).toEqual([]);
  });

  test('an odd From of a forger does not set a genuine report aside, and an international name is its A-labels', async () => {
    const odd = ['a b.example.com', 'evil&#x202e;.example.com', `${'a'.repeat(300)}.example.com`];
    await world.bring([
      signed({ id: 'odd', rows: [{ count: 7 }, ...odd.map((header_from) => ({ ip: '203.0.113.5', count: 2, header_from }))] }),
      signed({ id: 'idn', domain: 'bücher.example', rows: [{ count: 3, header_from: 'bücher.example' }] }),
    ]);
    expect(await world.reports()).toMatchObject([
      { domain: 'example.com', messages: 13, trust: 'ok' },
      { domain: 'xn--bcher-kva.example', messages: 3, trust: 'ok' },
    ]);
    expect(await world.query('select count(*)::int as n from dmarc.records')).toEqual([{ n: 5 }]);
    expect(await world.query("select from dmarc.subdomain_days where domain = 'example.com'")).toHaveLength(0);
  });
});
