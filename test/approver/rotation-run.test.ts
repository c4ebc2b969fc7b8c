import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DemoNameServer, startNameServer } from '../../demo/dns/server.ts';
import { applyRequest } from '../../services/applier/apply.ts';
import { recordOf } from '../../services/applier/keys/files.ts';
import { rotateKeys } from '../../services/applier/rotate.ts';
import { watchChanges } from '../../services/applier/watch.ts';
import { keepRotations } from '../../services/approver/rotations.ts';
import { createDnsClient } from '../../services/dns/client/client.ts';
import { shownValue } from '../../services/dns/shown-value.ts';
import type { DkimKey } from '../../services/shared/settings/dkim-keys.ts';
import { toApply } from '../../services/store/requests/applying.ts';
import { listAudit, verifyAudit } from '../../services/store/requests/audit.ts';
import { decide } from '../../services/store/requests/decide.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { listRequests } from '../../services/store/requests/requests.ts';
import { beginRotation, rotationsOf } from '../../services/store/requests/rotations.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { DOMAIN, row } from '../analyzer/rows.ts';
import { type Signer, signedBy, signers, startSigner, verified } from '../helpers/signers.ts';
import { GROUPS, rulesOf } from '../requests/sample.ts';

let f: Fixture;
let folder: string;
let names: DemoNameServer;
const KEY = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
beforeEach(async () => {
  f = await fixture();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-keys-'));
  await f.t.db.query(
    `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ($1, 'google.com', 'known', true), ($1, 'stranger.example', 'new', false)`,
    [DOMAIN],
  );
  names = await startNameServer({
    zones: { '.': [], [DOMAIN]: [`@ TXT "v=spf1 -all"`, `old._domainkey TXT "v=DKIM1; p=${'A'.repeat(200)}"`] },
    keys: [KEY],
  });
});
afterEach(async () => {
  await names.stop();
  rmSync(folder, { recursive: true, force: true });
  await f.close();
});

/** What a reporter says of mail that passed on a day. */
const passes = (selector: string, day: string, reporter: string, passed: number) =>
  f.t.db.query(
    `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
     values ($1, '192.0.2.0/24', $1, $2, $3, $4, 'ok', 100, $5) on conflict do nothing`,
    [DOMAIN, selector, day, reporter, passed],
  );
const dns = () => createDnsClient({ servers: [names.server], recursive: true, cacheEntries: 0 });
const AUTOMATIC = rulesOf({ name: 'keys', when: { kinds: ['dkim.rotate'] }, decide: 'automatic', ceiling: { per_day: 10 } });
const settings = (extra: Partial<DkimKey> = {}): DkimKey => ({
  domain: DOMAIN,
  layout: 'opendkim',
  folder,
  command: null,
  kubernetes: null,
  reload: null,
  prefix: 'r',
  bits: 2048,
  rotateEveryDays: null,
  ...extra,
});
const textAt = async (selector: string): Promise<string | null> => {
  const answer = await dns().ask(`${selector}._domainkey.${DOMAIN}`, 'TXT');
  return answer.state === 'records' ? answer.records[0]!.join('') : null;
};
/** The selector that the signer's table names. */
const signing = (): string | null => {
  const table = (name: string) => (existsSync(path.join(folder, name)) ? readFileSync(path.join(folder, name), 'utf8') : '');
  const line = /^\S+ \S+?:(\S+?):/m.exec(table('KeyTable')) ?? /^\S+ (\S+)$/m.exec(table('dkim_selectors.map'));
  return line?.[1] ?? null;
};
/** One turn of both services. */
const turn = async (keys: readonly DkimKey[], rules = AUTOMATIC) => {
  const now = f.context.clock.now();
  await keepRotations({
    db: f.t.db,
    dns: dns(),
    log: f.context.log,
    rules,
    keys,
    registrable: (one) => one,
    at: now,
    now,
    turned: () => undefined,
    asking: {},
  });
  const target = {
    kind: 'rfc2136' as const,
    name: 'demo',
    zones: [DOMAIN],
    server: names.server,
    key: { name: KEY.name, algorithm: KEY.algorithm },
    secret: () => Buffer.from(KEY.secret),
  };
  const means = {
    db: f.t.db,
    log: f.context.log,
    targets: [target],
    at: () => f.context.clock.now(),
    now: () => f.context.clock.now(),
    signal: new AbortController().signal,
  };
  for (const request of await toApply(f.t.db)) await applyRequest(request, means);
  await watchChanges(means);
  await rotateKeys({ db: f.t.db, log: f.context.log, keys, now: () => f.context.clock.now() });
};
/** What the watcher would have seen of the keys by now. */
const watch = async () => {
  const { rows } = await f.t.db.query<{ selector: string }>(
    'select distinct new_selector as selector from ruawatch.rotations where new_selector is not null',
  );
  for (const { selector } of rows) {
    const text = await textAt(selector);
    const name = `${selector}._domainkey.${DOMAIN}`;
    const now = f.context.clock.now();
    await f.t.db.query(
      `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, answered_at, answers) values ($1, $2, 'TXT', 'dkim', $3, $4, $4, '[]')
       on conflict (domain, name, type) do update set answered_at = $4, state = $3`,
      [DOMAIN, name, text === null ? 'absent' : 'records', now],
    );
    if (text !== null)
      await f.t.db.query(
        `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen)
         select $1, $2, 'TXT', 'dkim', $3, '{ns}', $4, $4
          where not exists (select from ruawatch.dns_records where name = $2 and value = $3 and gone_at is null)`,
        [DOMAIN, name, shownValue(text), now],
      );
  }
};
/** The day's mail as reports show it: signed by whoever signs, passing when the key is published. */
const reports = async (selector = signing() ?? 'old') => {
  const day = f.context.clock.now().toISOString().slice(0, 10);
  const works = /p=[A-Za-z0-9]/.test((await textAt(selector)) ?? '');
  await passes(selector, day, 'google.com', works ? 100 : 0);
  await f.put([row(day, 'both', 100, { source: '192.0.2.0/24' })], { work: false });
  return works;
};
const DAY = 86_400_000;

const MAIL = `From: a@${DOMAIN}\r\nTo: b@example.org\r\nSubject: x\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@${DOMAIN}>\r\n\r\nhello\r\n`;

/** Two of them, by whose layout the keys are kept; the program itself signs where it is installed. */
const LAYOUTS = (['opendkim', 'rspamd'] as const).map(
  (layout) => [layout, signers[layout] ? '' : ` (SKIPPED: ${layout} is not installed)`] as const,
);
describe.each(LAYOUTS)('an unattended rotation of keys for %s%s', (layout, absent) => {
  const present = absent === '';
  let signer: Signer | null;
  beforeEach(async () => {
    signer = present ? await startSigner(layout, folder, DOMAIN) : null;
  });
  afterEach(async () => signer?.stop());

  /**
   * A mail that the program signs by the tables as they are, verified with the records of the name server as
   * they are.
   */
  const signedNow = async (selector: string) => {
    if (signer === null) return [`${DOMAIN} ${selector} pass`];
    const signature = await signedBy(signer, MAIL, selector);
    return verified(signature, MAIL, (name) => textAt(name.split('.')[0]!));
  };
  const privateKey = (selector: string) =>
    path.join(folder, layout === 'opendkim' ? `${DOMAIN}/${selector}.private` : `${DOMAIN}.${selector}.key`);

  test('replaces the key twice, and no mail is ever signed with a key that is not published', async () => {
    const keys = [settings({ layout, rotateEveryDays: 40 })];
    const begun = f.context.clock.now().getTime();
    const order: string[] = [];
    for (let day = 0; day < 75; day++) {
      for (const hour of [0, 12]) {
        f.setNow(new Date(begun + day * DAY + hour * 3_600_000));
        await watch();
        await turn(keys);
        const now = signing();
        if (now !== null && order.at(-1) !== now) {
          order.push(now);
          expect(await signedNow(now), `day ${day}`).toEqual([`${DOMAIN} ${now} pass`]);
        }
      }
      const now = signing();
      if (day % 10 === 9 && now !== null) expect(await signedNow(now), `day ${day}`).toEqual([`${DOMAIN} ${now} pass`]);
      expect(await reports(), `the key ${now ?? 'old'} on day ${day}`).toBe(true);
    }
    const rotations = await rotationsOf(f.t.db, DOMAIN, 9);
    expect(rotations.map(({ step }) => step)).toEqual(['done', 'done']);
    expect(order).toEqual(rotations.map(({ new_selector }) => new_selector).reverse());
    expect(await textAt(order[1]!)).toBe(recordOf(readFileSync(privateKey(order[1]!), 'utf8')));
    expect(await textAt(order[0]!)).toBeNull();
    expect(statSync(privateKey(order[1]!)).mode & 0o777).toBe(0o600);
    expect((await verifyAudit(f.t.db)).faults).toEqual([]);
    const told = (await listAudit(f.t.db, { limit: 500 }))
      .map(({ body }) => JSON.parse(body))
      .filter(({ object }) => object === 'rotation 2');
    expect(told.map(({ verb }) => verb)).toEqual(
      ['wanted', 'made', 'publishing', 'published', 'switched', 'revoking', 'revoked', 'removing', 'done'].map(
        (step) => `rotation.${step}`,
      ),
    );
    // The private half is in its file alone.
    const { rows } = await f.t.db.query("select string_agg(t::text, '') as all from ruawatch.rotations t");
    expect(rows[0].all).not.toMatch(/PRIVATE/);
  }, 120_000);
});

describe('a rotation that somebody asks for', () => {
  const PEOPLE = rulesOf({ name: 'all', stages: [{ group: 'mail' }] });
  const begin = () => beginRotation(f.t.db, DOMAIN, { person: 'zoe@example.com', why: 'The key is old.' }, f.context.clock.now());
  const newest = async () => (await rotationsOf(f.t.db, DOMAIN, 1))[0]!;
  const say = async (decision: 'approve' | 'deny') => {
    const [request] = await listRequests(f.t.db, { states: ['pending'], limit: 9 });
    const { request_key: key, digest } = request!;
    await decide(f.t.db, key, { person: GROUPS.mail[0]!, decision, why: 'so', digest, via: 'test' }, f.context.clock.now());
    return request!;
  };
  const later = async (ms: number, rules = PEOPLE) => {
    f.setNow(new Date(f.context.clock.now().getTime() + ms));
    await watch();
    await turn([settings()], rules);
  };

  test('publishes nothing before people agree, and stops when they do not', async () => {
    await syncGroups(f.t.db, { groups: GROUPS, deputies: [] } as never);
    await begin();
    await expect(begin()).rejects.toMatchObject({ code: 'rotating' });
    await later(0);
    await later(0);
    const { new_selector } = await newest();
    expect(await newest()).toMatchObject({ step: 'publishing', asked_by: 'zoe@example.com' });
    expect(await textAt(new_selector!)).toBeNull();
    expect(await say('deny')).toMatchObject({ kind: 'dkim.rotate', requester_kind: 'service' });
    await later(0);
    expect(await newest()).toMatchObject({ step: 'stopped', waits_for: expect.stringMatching(/is denied: Denied by /) });
    expect(signing()).toBeNull();
    await begin();
  });

  test('waits for the watcher, for caches, and for reports of the new key, and says so', async () => {
    await begin();
    await turn([settings()]);
    await turn([settings()]);
    await turn([settings()]);
    expect((await newest()).waits_for).toMatch(/^not all servers of the zone give /);
    await later(1000, AUTOMATIC);
    expect((await newest()).waits_for).toMatch(/^resolvers may not know .* before /);
    expect(signing()).toBeNull();
    await later(DAY, AUTOMATIC);
    await later(1000, AUTOMATIC);
    expect(signing()).toBe((await newest()).new_selector);
    // There was no key before, so none is revoked.
    expect((await newest()).step).toBe('done');
    await begin();
    for (const ms of [0, 0, 1000, DAY, 1000, 1000]) await later(ms, AUTOMATIC);
    expect(await newest()).toMatchObject({
      step: 'switched',
      waits_for: expect.stringMatching(/^no report shows mail that passes with .* yet$/),
    });
    // A stranger's word takes no step.
    await passes((await newest()).new_selector!, f.context.clock.now().toISOString().slice(0, 10), 'stranger.example', 100);
    await later(1000, AUTOMATIC);
    expect(await newest()).toMatchObject({ waits_for: expect.stringMatching(/^no report shows mail that passes/) });
    await later(5 * DAY, AUTOMATIC);
    expect((await newest()).waits_for).toMatch(/5 days after the switch: look whether the signer has read its tables$/);
  });

  test('is tried again where the keys cannot be reached, and asks once however often it is taken up', async () => {
    await begin();
    await turn([]);
    expect(await newest()).toMatchObject({ step: 'wanted', waits_for: expect.stringMatching(/have no keys of /) });
    await turn([settings()]);
    await turn([settings()], PEOPLE.slice(0, 0));
    expect(await newest()).toMatchObject({
      step: 'made',
      waits_for: expect.stringMatching(/^No rule of approvals is for dkim\.rotate/),
    });
    await turn([settings()]);
    // A process that ended between the request and the note of it.
    await f.t.db.query("update ruawatch.rotations set step = 'made', request_key = null");
    await turn([settings()]);
    expect((await listRequests(f.t.db, { limit: 9 })).length).toBe(1);
    expect((await newest()).request_key).not.toBeNull();
  });
});
