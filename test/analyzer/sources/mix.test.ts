import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Random } from '../../../demo/random.ts';
import { newSource } from '../../../services/analyzer/rules/new_source.ts';
import { classify } from '../../../services/analyzer/sources/classes.ts';
import { carriesMix } from '../../../services/analyzer/sources/mix.ts';
import type { KeyUse } from '../../../services/store/analysis/senders.ts';
import { binomial } from '../../../simulate/draws.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, REPORTERS, reporterDays, row, senderWindow, sourceWindow, span } from '../rows.ts';
import { expectLives } from '../senders/invented-senders.ts';

const RELAY = 'members.alumni.example';
const of = new Set([RELAY]);
const use = (source: string, selector: string, passed: number): KeyUse => ({
  source,
  key: `${selector}._domainkey.example.com`,
  first_day: ago(40),
  last_day: ago(0),
  passed,
  recent: passed,
});
const MAIN = [use('192.0.2.0/24', 'mail', 6000), use('sendgrid.net', 's1', 3000), use('zendesk.com', 'zendesk1', 1000)];

/** A domain with several authors, each with a key or two, and what each signs. */
function world(random: Random): { uses: KeyUse[]; authors: { source: string; share: number; selectors: string[] }[] } {
  const authors = Array.from({ length: random.int(2, 5) }, (_, i) => ({
    source: `author${i}.example`,
    share: i === 0 ? 0.4 + 0.35 * random.next() : 0.1 + random.next(),
    selectors: random.chance(0.3) ? [`a${i}`, `b${i}`] : [`a${i}`],
  }));
  const rest = authors.slice(1).reduce((n, { share }) => n + share, 0);
  for (const one of authors.slice(1)) one.share *= (1 - authors[0]!.share) / rest;
  const mail = 2000 * 10 ** (2 * random.next());
  const uses = authors.flatMap(({ source, share, selectors }) =>
    selectors.map((selector) => use(source, selector, Math.ceil((mail * share) / selectors.length))),
  );
  return { uses, authors };
}
const sum = (uses: readonly KeyUse[]) => uses.reduce((n, { passed }) => n + passed, 0);

describe('in drawn worlds', () => {
  test.each([0.005, 0.02, 0.05, 0.1, 0.3, 0.6])('who passes on mail of all authors is known by it at %f of the mail', (part) => {
    const random = new Random(7);
    const found = Array.from({ length: 200 }, () => {
      const { uses, authors } = world(random);
      const all = Math.round((sum(uses) * part) / (1 - part));
      // Whose mail its members get is not quite what the domain sends.
      const weights = authors.map(({ share }) => share * (0.5 + random.next()));
      const whole = weights.reduce((a, b) => a + b, 0);
      const carried = authors.flatMap(({ selectors }, i) =>
        selectors.map((selector) => use(RELAY, selector, binomial(random, all, weights[i]! / whole / selectors.length))),
      );
      return carriesMix([...uses, ...carried.filter(({ passed }) => passed > 0)], of);
    });
    const share = found.filter(Boolean).length / found.length;
    // Of ten messages nothing can be said.
    expect(share).toBeGreaterThan(part < 0.02 ? 0.6 : 0.9);
  });

  test.each([0.005, 0.05, 0.1, 0.3, 0.6])(
    'who has one stolen key is not, with %f of the mail and genuine mail mixed in',
    (part) => {
      const random = new Random(11);
      for (let n = 0; n < 200; n++) {
        const { uses, authors } = world(random);
        const all = Math.ceil((sum(uses) * part) / (1 - part));
        const stolen = random.pick(authors);
        const replayed = random.pick(authors);
        const genuine = Math.floor(all * 0.1 * random.next());
        const carried = [use(RELAY, stolen.selectors[0]!, all - genuine), use(RELAY, replayed.selectors[0]!, genuine)];
        expect(carriesMix([...uses, ...carried.filter(({ passed }) => passed > 0)], of)).toBe(false);
      }
    },
  );

  test('nor is a sender with keys of its own, however many, beside a stray of others', () => {
    const random = new Random(13);
    for (let n = 0; n < 200; n++) {
      const { uses, authors } = world(random);
      const own = Array.from({ length: random.int(1, 3) }, (_, i) => use(RELAY, `own${i}`, random.int(20, 5000)));
      const stray = use(RELAY, authors[0]!.selectors[0]!, Math.ceil(0.3 * sum(own)));
      const other = use(RELAY, authors[1]!.selectors[0]!, Math.ceil(0.3 * sum(own)));
      expect(carriesMix([...uses, ...own, stray, other], of)).toBe(false);
    }
  });
});

describe('how much of another author makes a mix', () => {
  const least = (main: number) => {
    const isMix = (n: number) => carriesMix([...MAIN, use(RELAY, 'mail', main), use(RELAY, 's1', n)], of);
    return Array.from({ length: 200 }, (_, n) => n + 1).find(isMix) ?? null;
  };

  test('depends on how much there is of the first', () => {
    expect([5, 20, 50, 100, 200, 400].map((n) => least(n))).toEqual([5, 6, 14, 26, 53, 110]);
  });

  test('a tenth of what it signs may be under keys of its own', () => {
    const mixed = [use(RELAY, 'mail', 54), use(RELAY, 's1', 36)];
    expect(carriesMix([...MAIN, ...mixed, use(RELAY, 'own', 10)], of)).toBe(true);
    expect(carriesMix([...MAIN, ...mixed, use(RELAY, 'own', 11)], of)).toBe(false);
  });

  test('an author signs three tenths of its mail with the key; of two, the larger, else the first by name', () => {
    const mixed = [use(RELAY, 'mail', 60), use(RELAY, 'k', 40)];
    const main = use('192.0.2.0/24', 'mail', 6000);
    const by = (...uses: KeyUse[]) => carriesMix([main, ...uses, ...mixed], of);
    expect(by(use('a.example', 'k', 300), use('a.example', 'else', 700))).toBe(true);
    expect(by(use('a.example', 'k', 299), use('a.example', 'else', 701))).toBe(false);
    const rest = use('192.0.2.0/24', 'k', 3000);
    expect(by(rest, use('192.0.1.0/24', 'k', 3000))).toBe(true);
    expect(by(use('192.0.1.0/24', 'k', 3000), rest)).toBe(true);
    expect(by(rest, use('192.0.1.0/24', 'k', 2999))).toBe(false);
    expect(by(rest, use('z.example', 'k', 3000))).toBe(false);
  });
});

describe('nothing is a mix', () => {
  test('where nobody else signs, or one author alone', () => {
    expect(carriesMix([], of)).toBe(false);
    expect(carriesMix([use(RELAY, 'mail', 100), use(RELAY, 's1', 100)], of)).toBe(false);
    expect(carriesMix([use('192.0.2.0/24', 'mail', 900), use(RELAY, 'mail', 100)], of)).toBe(false);
  });

  test('of a sender with two keys that others pass on a little', () => {
    const sender = [use(RELAY, 'a', 5000), use(RELAY, 'b', 5000)];
    expect(carriesMix([...sender, use('one.example', 'a', 300), use('two.example', 'b', 300)], of)).toBe(false);
  });

  test('by both keys of an author that was changing them', () => {
    const rotated = [use('192.0.2.0/24', 'old', 500), use('192.0.2.0/24', 'new', 500)];
    expect(carriesMix([...rotated, use(RELAY, 'old', 50), use(RELAY, 'new', 50)], of)).toBe(false);
  });
});

describe('a new relay with a tenth of the mail', () => {
  const rows = span(6, 0, 'dkim', 50, undefined, { source: RELAY });
  const others = [row(ago(41), 'both', 1500), ...span(40, 0, 'both', 500)];
  const window = (keyUses: readonly KeyUse[]) => {
    const given = { firstSeen: ago(6), borrowed: 1, keyUses, reporterDays: reporterDays(rows, 1500) };
    return senderWindow(rows, { ...given, mixed: carriesMix(keyUses, of) });
  };
  const carried = [use(RELAY, 'mail', 600), use(RELAY, 's1', 350), use(RELAY, 'zendesk1', 100)];

  test('is no new sender when it bears the keys of all authors, and one when it bears the main one alone', () => {
    expect(newSource.find(window([...MAIN, ...carried]))).toEqual([]);
    expect(newSource.find(window([...MAIN, use(RELAY, 'mail', 1050)]))).toMatchObject([{ kind: 'new_source' }]);
  });

  test('is forwarded, and authorized without that', () => {
    const [domainDays, mixed] = [sourceWindow([...rows, ...others]).domainDays, true];
    expect(classify(sourceWindow(rows, { domainDays, mixed }))).toMatchObject({
      class: 'forwarded',
      why: expect.stringContaining('keys of several'),
    });
    expect(classify(sourceWindow(rows, { domainDays }))).toMatchObject({ class: 'authorized' });
  });

  test('is none when no signature of the domain survives on it', () => {
    const forged = span(6, 0, 'unauthenticated', 50, undefined, { source: '203.0.113.0/24' });
    expect(classify(sourceWindow(forged, { mixed: false })).class).toBe('unauthorized');
  });
});

describe('in the database', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f?.close());

  const OWN = '192.0.2.0/24';
  /** Mail of a source from `from` days ago on, `n` a day and reporter under each key. */
  async function signed(source: string, from: number, keys: Record<string, number>, kind: 'both' | 'dkim'): Promise<void> {
    await f.put(
      span(
        from,
        0,
        kind,
        Object.values(keys).reduce((a, b) => a + b, 0),
        REPORTERS,
        { source },
      ),
    );
    await f.t.db.query(
      `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
       select $1, $2, $1, k.key, $3::date + d, r, 'ok', k.value::int, k.value::int
         from jsonb_each_text($4) k, generate_series(0, $5::int) d, unnest($6::text[]) r`,
      [DOMAIN, source, ago(from), JSON.stringify(keys), from, REPORTERS],
    );
  }
  const classOf = async (source: string) =>
    (await f.t.db.query('select class from dmarc.sources where source = $1', [source])).rows[0].class;
  const NET = '203.0.113.0/24';

  test.each([8, 30, 120])('a relay of all authors with %d messages of 160 is forwarded and no new sender', async (n) => {
    await signed(OWN, 41, { mail: 100 }, 'both');
    await signed('crm.example', 41, { crm: 60 }, 'dkim');
    await signed(NET, 6, { mail: Math.round(0.6 * n), crm: Math.round(0.4 * n) }, 'dkim');
    await f.analyze();
    expect((await f.findings()).filter(({ kind }) => kind === 'new_source')).toEqual([]);
    expect(await classOf(NET)).toBe('forwarded');
    expect(await classOf('crm.example')).toBe('authorized');
  });

  test('its hostile twin with one key is a new sender, medium, since its mail ends all over, as that of a forwarder does not', async () => {
    await signed(OWN, 41, { mail: 100 }, 'both');
    await signed('crm.example', 41, { crm: 60 }, 'dkim');
    await signed(NET, 6, { mail: 30 }, 'dkim');
    await f.analyze();
    expect(await f.findings()).toMatchObject([{ kind: 'new_source', subject: NET, severity: 'medium' }]);
    expect(await classOf(NET)).not.toBe('forwarded');
  });

  test('and one without any signature is a forger, whatever it looks like', async () => {
    await signed(OWN, 41, { mail: 100 }, 'both');
    await signed('crm.example', 41, { crm: 60 }, 'dkim');
    await f.put(span(6, 0, 'unauthenticated', 30, REPORTERS, { source: NET }));
    await f.analyze();
    expect(await f.findings()).toMatchObject([{ kind: 'unauthorized_source' }]);
    expect(await classOf(NET)).toBe('unauthorized');
  });
});

test('who carries invented keys is as it was', () => expectLives('mix'));
