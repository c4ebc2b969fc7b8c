import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Applying } from '../../../services/applier/apply.ts';
import { applyRequest } from '../../../services/applier/apply.ts';
import { closeManual } from '../../../services/applier/manual.ts';
import { runAccessReview } from '../../../services/cli/commands/access-review.ts';
import { runAccessStanding } from '../../../services/cli/commands/access-standing.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { addPerson, changePerson, findPerson } from '../../../services/store/console/people.ts';
import { endToken, makeToken } from '../../../services/store/console/tokens.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { askForGrant, makeActive } from '../../helpers/grants.ts';
import { type Lender, makeLender } from '../../helpers/lending.ts';
import { GROUPS } from '../../requests/sample.ts';

let f: Fixture;
let lender: Lender;
let lines: string[];
const out = (line: string) => {
  lines.push(line);
};
const [ADA] = GROUPS.mail as [string];
const later = new Date(Date.now() + 86_400_000);
beforeEach(async () => {
  f = await fixture();
  lender = await makeLender(process.env.TEST_POSTGRES_URL!);
  lines = [];
  const { config } = f.context;
  config.approvals = approvalsSchema.parse({
    groups: GROUPS,
    rules: [{ name: 'all', decide: 'automatic', ceiling: { per_day: 100 } }],
  });
  config.access = {
    ...lender.access,
    dns: ['lent', 'all'].map((name) => ({
      ...{ name, for: [], services: [], longestSeconds: 3600, risk: 'low' as const },
      names: name === 'lent' ? ['a.example.com'] : null,
    })),
    console: { name: 'console', for: [], services: [], longestSeconds: 3600, risk: 'low', roles: ['operator'] },
  };
  config.dnsTargets = [
    {
      kind: 'rfc2136',
      name: 'primary',
      zones: ['example.com'],
      server: { address: '127.0.0.1', port: 1 },
      key: { name: 'ruawatch-old', algorithm: 'hmac-sha256' },
      secret: () => {
        throw new Error('nobody reads it');
      },
    },
  ];
  await syncGroups(f.t.db, config.approvals);
});
afterEach(async () => {
  await lender.close();
  await f.close();
});
const standing = async (options: object = {}) => {
  lines = [];
  await runAccessStanding(f.context.config, { json: true, ...options }, { out });
  return lines;
};
const rows = async () => (await standing()).map((line) => JSON.parse(line) as Record<string, unknown>);
const applying = (): Applying => ({
  db: f.t.db,
  log: f.context.log,
  targets: f.context.config.dnsTargets,
  at: () => null,
  now: () => new Date(),
  signal: new AbortController().signal,
});
/** Carries out what is approved, and looks whether people have done it. */
const carryOut = async (key: number) => {
  const request = await loadRequest(f.t.db, key);
  if (request.state === 'approved') await applyRequest(request, applying());
  await closeManual(applying(), f.context.config);
  return (await loadRequest(f.t.db, key)).state;
};
const askFor = async (right: string) => {
  lines = [];
  await runAccessStanding(f.context.config, { ask: right, why: 'not needed', by: ADA }, { out });
  return Number(/Request (\d+) is open/.exec(lines.join('\n'))![1]);
};

test('lists keys, log-ins, tokens and people with their last use, and no secret', async () => {
  const now = new Date();
  const key = await addPerson(f.t.db, { name: 'zoe', role: 'operator', domains: ['example.com'] }, 'test', now);
  const { token } = await makeToken(
    f.t.db,
    { person_key: key, person: 'zoe', name: 'job', scopes: ['read'], domains: null, ends_at: later },
    'test',
    now,
  );
  await lender.sql(`create role app_${lender.server.groups[0]} login in role ${lender.server.groups[0]}`);
  const all = await rows();
  const byId = (id: string) => all.find((one) => one.id === id);
  expect(byId('key:primary')).toMatchObject({
    right: 'updates of example.com with the TSIG key ruawatch-old',
    used: null,
    instead: 'no key',
  });
  expect(byId('token:1')).toMatchObject({ who: 'zoe', used: null, instead: 'none' });
  expect(byId('person:zoe')).toMatchObject({
    right: 'operator of the console for example.com',
    instead: 'viewer, and operator when it is lent (access.console)',
  });
  const login = byId(`role:main/app_${lender.server.groups[0]}`);
  expect(login).toMatchObject({ used_known: false, instead: `${lender.server.groups[0]} when it is lent (access.database)` });
  expect(String(login!.right)).toMatch(/^log-in to main for good: member of readers_/);
  // Of a log-in that is in use now, since when.
  expect(all.find(({ id, right }) => String(id).startsWith('role:') && String(right).includes('superuser'))).toMatchObject({
    used_known: true,
  });
  expect(byId('login:access.database main')).toMatchObject({ instead: null });
  expect(JSON.stringify(all)).not.toContain(token);
  expect(JSON.stringify(all)).not.toContain(new URL(lender.server.url()).password);
  lines = [];
  await runAccessStanding(f.context.config, {}, { out });
  expect(lines.join('\n')).toContain('ruawatch access standing --ask RIGHT');
  await lender.sql(`drop role app_${lender.server.groups[0]}`);
  await expect(askFor('login:access.database main')).rejects.toThrow(/needed by our own services/);
  await expect(askFor('token:99')).rejects.toThrow(/There is no right "token:99"/);
});

test('a request to take one away is handed over, and closes when it is seen to be gone', async () => {
  const now = new Date();
  const key = await addPerson(f.t.db, { name: 'zoe', role: 'operator', domains: ['example.com'] }, 'test', now);
  await makeToken(
    f.t.db,
    { person_key: key, person: 'zoe', name: 'job', scopes: ['read'], domains: null, ends_at: later },
    'test',
    now,
  );
  const ofToken = await askFor('token:1');
  const ofPerson = await askFor('person:zoe');
  const ofKey = await askFor('key:primary');
  for (const one of [ofToken, ofPerson, ofKey]) expect(await carryOut(one)).toBe('handed_over');
  const { plan } = await loadRequest(f.t.db, ofPerson);
  expect(JSON.parse(plan).changes[0].run).toBe('ruawatch people change zoe --role viewer --domain example.com');
  await endToken(f.t.db, 1, { person_key: null, by: 'test' }, new Date());
  expect(await carryOut(ofToken)).toBe('done');
  expect(await carryOut(ofPerson)).toBe('handed_over');
  await changePerson(f.t.db, 'zoe', { role: 'viewer', domains: ['example.com'] }, { by: 'test', now: new Date() });
  expect(await carryOut(ofPerson)).toBe('done');
  expect((await loadRequest(f.t.db, ofPerson)).outcome).toBe('It is done: what it asked to take away is gone.');
  f.context.config.dnsTargets = [];
  expect(await carryOut(ofKey)).toBe('done');
  expect(await findPerson(f.t.db, 'zoe')).toMatchObject({ role: 'viewer' });
});

test('review: what was really used, and a request for a shorter time', async () => {
  const { config } = f.context;
  const review = async (options: object = {}) => {
    lines = [];
    await runAccessReview(config, options, { out });
    return lines.join('\n');
  };
  expect(await review()).toBe('No right was granted in the last 90 days.');
  for (let n = 0; n < 6; n++) {
    const grant = await askForGrant(f.t.db, {
      kind: 'access.database',
      server: 'main',
      holder: ADA,
      scope: { group: lender.server.groups[0]! },
      seconds: 8 * 3600,
    });
    await makeActive(f.t.db, grant);
    await f.t.db.query(
      "update ruawatch.grants set applied_at = now() - interval '3 hours', last_used_at = $2 where grant_key = $1",
      [grant.grant_key, n === 0 ? null : new Date(Date.now() - 3 * 3_600_000 + n * 300_000)],
    );
  }
  const text = await review();
  expect(text).toMatch(/access\.database +main +readers_\w+ +6 +1 +8 hours, at most 8 hours +15 minutes, at most 25 minutes/);
  expect(text).toContain('Proposed: Lend at main for 1 hour at most, in place of 1 day.');
  await review({ ask: true, by: ADA });
  const key = Number(/Request (\d+) is open/.exec(lines.join('\n'))![1]);
  expect(await carryOut(key)).toBe('handed_over');
  config.access = { ...config.access, databases: [{ ...lender.server, longestSeconds: 3600, defaultSeconds: 1800 }] };
  expect(await carryOut(key)).toBe('done');
  await expect(review({ ask: true, by: ADA })).rejects.toThrow(/proposes nothing/);
  expect(JSON.parse((await review({ json: true })).split('\n')[0]!)).toMatchObject({ unused: 1, known: 6, names: [] });
});
