import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Dns } from '../../services/dns/client/types.ts';
import type { Web } from '../../services/dns/web.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { lookNow, startWatcher, watchOnce } from '../../services/watcher/index.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';

const DOMAIN = 'example.com';
const MINUTE_MS = 60_000;
const START = new Date('2026-11-20T12:00:00Z');
const ZONE: Zone = {
  [DOMAIN]: { TXT: [['v=spf1 ip4:192.0.2.1 -all']], MX: [{ preference: 10, exchange: 'mx.example.com' }] },
  [`_dmarc.${DOMAIN}`]: { TXT: [['v=DMARC1; p=none']] },
};
const without = (name: string): Zone => Object.fromEntries(Object.entries(ZONE).filter(([one]) => one !== name));
const silent: Dns = { ask: async () => ({ state: 'unknown', reason: 'timeout', message: 'It did not answer.' }) };

let t: TestDatabase;
let context: Context;
let now = START;
let lines: { msg: string; level: number }[] = [];

beforeEach(async () => {
  t = await testDatabase({ own: false });
  now = START;
  lines = [];
  context = testContext(t, { clock: { now: () => now } });
  context.config.watcher.queries_per_second = 5_000;
  context.config.watcher.every_minutes = 60;
  context.config.watcher.lookalikes.questions_a_day = 0;
  context.log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  await putOwn(t.db, [DOMAIN], 'added', { now, ignored: false });
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const look = (zone: Zone | Dns, domains: string[] | null = null, random = 0.5) =>
  lookNow(context, domains, { dns: 'ask' in zone ? (zone as Dns) : dnsOf(zone), connect: () => silent, random: () => random });
const said = (text: string) => lines.filter(({ msg }) => msg.includes(text)).length;
const minutesTillDue = async () => {
  const { rows } = await t.db.query<{ due_at: Date }>('select due_at from ruawatch.dns_watch where domain = $1', [DOMAIN]);
  return (rows[0]!.due_at.getTime() - now.getTime()) / MINUTE_MS;
};

describe('the next round', () => {
  test('comes when the settings say, a tenth sooner or later', async () => {
    for (const [random, minutes] of [
      [0, 54],
      [0.5, 60],
      [1, 66],
    ] as const) {
      await look(ZONE, null, random);
      expect(await minutesTillDue()).toBeCloseTo(minutes, 5);
    }
  });

  test('comes soon when a value was not there, and as always once it is known to be gone', async () => {
    await look(ZONE);
    await look(without(`_dmarc.${DOMAIN}`));
    expect(await minutesTillDue()).toBeCloseTo(5, 5);
    await look(without(`_dmarc.${DOMAIN}`));
    expect(await minutesTillDue()).toBeCloseTo(60, 5);
  });

  test('comes later each time that nobody answers, and never later than the settings say', async () => {
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      await look(silent);
      waits.push(Math.round(await minutesTillDue()));
    }
    expect(waits).toEqual([5, 10, 20, 40, 60, 60]);
    await look(ZONE);
    await look(silent);
    expect(await minutesTillDue()).toBeCloseTo(5, 5);
  });

  test('is never later than the settings say, however often that is', async () => {
    context.config.watcher.every_minutes = 2;
    await look(ZONE);
    expect(await minutesTillDue()).toBeCloseTo(2, 5);
    await look(without(`_dmarc.${DOMAIN}`));
    expect(await minutesTillDue()).toBeCloseTo(2, 5);
  });
});

describe('a look at named domains', () => {
  test('says what is new, what one answer lacks, and what is gone', async () => {
    const dmarc = { name: `_dmarc.${DOMAIN}`, type: 'TXT', value: 'v=DMARC1; p=none' };
    const [first] = await look(ZONE);
    expect(first).toMatchObject({ domain: DOMAIN, first: true, unanswered: false, gone: [], missed: [] });
    expect(first!.added.map(({ name, type, value }) => `${name} ${type} ${value}`).sort()).toEqual([
      '_dmarc.example.com TXT v=DMARC1; p=none',
      'example.com MX 10 mx.example.com',
      'example.com TXT v=spf1 ip4:192.0.2.1 -all',
    ]);
    const [second] = await look(without(`_dmarc.${DOMAIN}`));
    expect(second).toMatchObject({ first: false, unanswered: false, added: [], gone: [], missed: [dmarc] });
    expect(second!.missed.length).toBe(1);
    const [third] = await look(without(`_dmarc.${DOMAIN}`));
    expect(third).toMatchObject({ added: [], gone: [dmarc], missed: [] });
    expect(third!.gone.length).toBe(1);
    // A record that came or went is said in the log, and nothing when all is as it was.
    expect(said('DNS records changed')).toBe(2);
    await look(without(`_dmarc.${DOMAIN}`));
    expect(said('DNS records changed')).toBe(2);
  });

  test('says that nobody answered, once in the log, and once that somebody does again', async () => {
    expect(await look(silent)).toMatchObject([{ unanswered: true, added: [], gone: [], missed: [] }]);
    const one = { dns: silent, connect: () => silent, random: () => 0.5 };
    expect(said('no name server answers')).toBe(1);
    expect(lines.find(({ msg }) => msg.includes('no name server answers'))!.level).toBe(40);
    now = new Date(now.getTime() + 120 * MINUTE_MS);
    await watchOnce(context, one);
    expect(said('no name server answers')).toBe(2);
    expect(said('name servers answer again')).toBe(0);
  });

  test('looks at those that are named, in their order, and at none that is not own', async () => {
    await putOwn(t.db, ['b.example', 'a.example'], 'added', { now, ignored: false });
    expect((await look(ZONE)).map(({ domain }) => domain)).toEqual(['a.example', 'b.example', DOMAIN]);
    expect((await look(ZONE, ['b.example', 'other.example'])).map(({ domain }) => domain)).toEqual(['b.example']);
    expect(await look(ZONE, ['other.example'])).toEqual([]);
    // Whose servers answer first makes no difference.
    const zone = dnsOf(ZONE);
    const slow: Dns = {
      async ask(name, type, options) {
        for (let turn = 0; turn < 50 && name.endsWith('a.example'); turn++) await new Promise(setImmediate);
        return zone.ask(name, type, options);
      },
    };
    expect((await look(slow)).map(({ domain }) => domain)).toEqual(['a.example', 'b.example', DOMAIN]);
  });

  test('fails when one of its rounds does', async () => {
    const random = () => {
      throw new TypeError('broken');
    };
    await expect(watchOnce(context, { dns: dnsOf(ZONE), connect: () => silent, random })).rejects.toThrow('broken');
  });

  test('counts the answers by what they say', async () => {
    await look(ZONE);
    const { values } = await context.metrics.dnsAnswers.get();
    const of = (outcome: string) => values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
    expect(of('records')).toBe(3);
    expect(of('absent')).toBeGreaterThan(0);
    expect(of('unknown')).toBe(0);
    await look(silent);
    const after = (await context.metrics.dnsAnswers.get()).values;
    expect(after.find(({ labels }) => labels.outcome === 'unknown')?.value ?? 0).toBeGreaterThan(0);
  });

  test('asks for the keys of the settings', async () => {
    context.config.watcher.selectors = { [DOMAIN]: ['s1', 's1'], 'other.example': ['s2'] };
    const dns = dnsOf(ZONE);
    await look(dns);
    expect(dns.asked).toContain(`TXT s1._domainkey.${DOMAIN}`);
    expect(dns.asked.join()).not.toContain('s2._domainkey');
  });
});

describe('what the analyzer has to look at', () => {
  /** Whether the domain is on its list since it was asked last. */
  const isNews = async () => (await t.db.query('delete from ruawatch.analysis_work where domain = $1', [DOMAIN])).rowCount === 1;
  const drifts = async () => (await t.db.query('select drifts from ruawatch.dns_drifts')).rows;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-watcher-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const declare = (domains: string) => {
    context.config.guardFile = path.join(folder, 'mail-guard.yaml');
    writeFileSync(context.config.guardFile, `{version: 1, environments: {production: {domains: {${domains}}}}}`);
  };

  test('is what changed, and what a second round confirms; silence is no news', async () => {
    const seen = [await isNews()];
    for (const zone of [ZONE, ZONE, ZONE, silent, silent, ZONE]) {
      await look(zone);
      seen.push(await isNews());
      now = new Date(now.getTime() + 60 * MINUTE_MS);
    }
    expect(seen).toEqual([false, true, true, false, false, false, false]);
  });

  test('is what differs from what is declared, and that it does no longer', async () => {
    const dns = dnsOf(ZONE);
    const round = async (by: Dns) => {
      now = new Date(now.getTime() + 60 * MINUTE_MS);
      await look(by);
      return isNews();
    };
    for (let n = 0; n < 3; n++) await round(dns);
    expect(await drifts()).toEqual([]);
    declare(`${DOMAIN}: {dmarc: {policy: reject}, dkim: {selectors: {s7: any, s8: absent}}}`);
    expect(await round(dns)).toBe(true);
    expect(dns.asked).toContain(`TXT s7._domainkey.${DOMAIN}`);
    const [{ drifts: found }] = await drifts();
    expect(found.map(({ code, name, since }: Record<string, string>) => `${code} ${name} ${since}`)).toEqual(
      expect.arrayContaining([`guard_dmarc_policy _dmarc.${DOMAIN} ${now.toISOString()}`]),
    );
    expect([await round(dns), await round(dns)]).toEqual([true, false]);
    // Nobody who answers, and a file that cannot be read, change nothing of that.
    expect(await round(silent)).toBe(false);
    writeFileSync(context.config.guardFile!, 'version: 9');
    await round(dns);
    expect((await drifts())[0].drifts).toEqual(found);
    expect(await round(dns)).toBe(false);
    // It declares another domain, then none.
    declare('other.example: ');
    expect([await round(dns), await drifts()]).toEqual([true, []]);
    context.config.guardFile = null;
    expect([await round(dns), await drifts()]).toEqual([false, []]);
  });

  test('is a policy of MTA-STS that changed under the id that it had', async () => {
    const zone: Zone = { ...ZONE, [`_mta-sts.${DOMAIN}`]: { TXT: [['v=STSv1; id=1']] } };
    const fetched: string[] = [];
    const round = async (mx: string) => {
      const web: Web = {
        async get(url) {
          fetched.push(url);
          const body = `version: STSv1\r\nmode: enforce\r\nmx: ${mx}\r\nmax_age: 86400\r\n`;
          return { state: 'answered', status: 200, type: 'text/plain', body: Buffer.from(body) };
        },
      };
      await lookNow(context, null, { dns: dnsOf(zone), connect: () => silent, random: () => 0.5, web });
      const { rows } = await t.db.query<{ findings: { code: string }[] }>('select findings from ruawatch.dns_checks');
      return rows[0]!.findings.map(({ code }) => code);
    };
    const first = await round('mx.example.com');
    expect(fetched).toContain(`https://mta-sts.${DOMAIN}/.well-known/mta-sts.txt`);
    expect(await round('mx.example.com')).toEqual(first);
    expect((await round('*.example.com')).sort()).toEqual([...first, 'mta_sts_id_kept'].sort());
  });
});

describe('what is due', () => {
  const once = (dns: Dns) => watchOnce(context, { dns, connect: () => silent, random: () => 0.5 });
  const rounds = async (dns: Dns & { asked: string[] }, minutes: number) => {
    now = new Date(now.getTime() + minutes * MINUTE_MS);
    const before = dns.asked.length;
    await once(dns);
    return dns.asked.length > before;
  };

  test('is asked about, more domains than are taken at once as well', async () => {
    const names = Array.from({ length: 23 }, (_, i) => `d${i}.example`);
    await putOwn(t.db, names, 'added', { now, ignored: false });
    await once(dnsOf(ZONE));
    const { rows } = await t.db.query('select from ruawatch.dns_watch where asked_at = $1', [now]);
    expect(rows.length).toBe(24);
  });

  test('and not before', async () => {
    const dns = dnsOf(ZONE);
    expect([await rounds(dns, 0), await rounds(dns, 59), await rounds(dns, 1), await rounds(dns, 1)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test('names like own ones are asked about while somebody answers, and not by those who do not', async () => {
    context.config.watcher.lookalikes = { ...context.config.watcher.lookalikes, questions_a_day: 50, names: 10 };
    await once(silent);
    const listed = async () => (await t.db.query('select from ruawatch.lookalikes')).rows.length;
    expect(await listed()).toBe(0);
    now = new Date(now.getTime() + 60 * MINUTE_MS);
    await once(dnsOf(ZONE));
    expect(await listed()).toBe(10);
  });
});

describe('the service', () => {
  test('says while it cannot finish its work, and when it can again', async () => {
    const service = startWatcher(context, { dns: dnsOf(ZONE), connect: () => silent, random: () => 0.5 });
    try {
      expect([service.name, service.waitingFor()]).toEqual(['watcher', null]);
      await until(async () => (await t.db.query('select from ruawatch.dns_watch where asked_at is not null')).rows.length === 1);
      await t.db.query('alter table ruawatch.dns_watch rename to elsewhere');
      await until(() => service.waitingFor());
      expect(service.waitingFor()).toMatch(/^The watcher cannot finish its work: .*dns_watch/);
      await t.db.query('alter table ruawatch.elsewhere rename to dns_watch');
      await until(() => service.waitingFor() === null);
      expect(service.stuck?.()).toBeNull();
      // Its clock stands for ten minutes.
      const later = performance.now() + 600_000;
      vi.spyOn(performance, 'now').mockReturnValue(later);
      expect(service.stuck?.()).toMatch(/^watching DNS records has not moved for (?:600|599) seconds$/);
      vi.restoreAllMocks();
    } finally {
      await service.stop();
    }
  });

  test('forgets what is not watched any more once an hour', async () => {
    const dns = dnsOf(ZONE);
    const service = startWatcher(context, { dns, connect: () => silent, random: () => 0.5 });
    const watched = async () => (await t.db.query<{ domain: string }>('select domain from ruawatch.dns_watch order by 1')).rows;
    const added = async (domain: string) => {
      await putOwn(t.db, [domain], 'added', { now, ignored: false });
      await until(async () => (await watched()).some((one) => one.domain === domain));
    };
    try {
      await until(async () => (await watched()).length === 1);
      await t.db.query("update ruawatch.domains set state = 'ignored'");
      // A whole turn later it is still there.
      await added('later.example');
      expect((await watched()).map(({ domain }) => domain)).toEqual([DOMAIN, 'later.example']);
      now = new Date(now.getTime() + 60 * MINUTE_MS);
      await until(async () => (await watched()).every(({ domain }) => domain === 'later.example'));
    } finally {
      await service.stop();
    }
  });
});
