import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Checks } from '../../../services/cli/doctor-checks.ts';
import { checkRights } from '../../../services/cli/rights/doctor.ts';
import type { DnsTarget } from '../../../services/shared/settings/dns-servers.ts';
import { grantRoles } from '../../../services/store/schema/roles.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { startUpdatableBind, startUpdatableKnot, type UpdateServer, updatable } from '../../helpers/update-servers.ts';

let t: TestDatabase;
let context: ReturnType<typeof testContext>;
beforeAll(async () => {
  t = await testDatabase();
  context = testContext(t);
  context.config.databaseUrl = t.url;
  await grantRoles(t.db);
});
afterAll(async () => {
  await context.queues.close();
  await t.drop();
});
async function said(dnsTargets: DnsTarget[] = []): Promise<string> {
  const lines: string[] = [];
  await checkRights(t.db, { ...context.config, dnsTargets }, new Checks((line) => lines.push(line)));
  return lines.join('\n');
}

test('a superuser, and a right that no service needs, are named', async () => {
  expect(await said()).toMatch(/^-- {4}rights in the database: DATABASE_URL logs in as \w+, a superuser: give each service/);
  expect(await said()).not.toContain('may also');
  await t.db.query('grant delete on ruawatch.reports to ruawatch_alerter; grant select on ruawatch.people to ruawatch_poller');
  expect(await said()).toContain(
    'ruawatch_alerter may also delete in ruawatch.reports and ruawatch_poller may also select in ruawatch.people: "ruawatch migrate --roles"',
  );
  await grantRoles(t.db);
  expect(await said()).not.toContain('may also');
});

const zone = 'kestrel.test';
const SERVERS = [
  ['Knot', updatable.knot, startUpdatableKnot],
  ['BIND', updatable.bind, startUpdatableBind],
] as const;
// Debian: knot, bind9
describe.each(SERVERS)('the keys of %s', (_, there, start) => {
  const [wide, narrow] = ['wide', 'narrow'].map((name) => ({ name, algorithm: 'hmac-sha256' as const, secret: randomBytes(32) }));
  let server: UpdateServer;
  beforeAll(async () => {
    if (there) server = await start({ zone, records: [], keys: [wide!, { ...narrow!, textOnly: true }] });
  });
  afterAll(() => server?.stop());
  const target = (key: { name: string; secret: Buffer }): DnsTarget => ({
    kind: 'rfc2136',
    name: 'primary',
    zones: [zone],
    server: server.server,
    key: { name: key.name, algorithm: 'hmac-sha256' },
    secret: () => Buffer.from(key.secret),
  });
  test.skipIf(!there)('one that may change every type is named, one for TXT is not', async () => {
    expect(await said([target(wide!)])).toContain(`--    TSIG key wide: may change records of every type in ${zone}: limit it`);
    expect(await said([target(narrow!)])).toContain(`ok    TSIG key narrow: may not change A records of ${zone}`);
    expect(await said([target({ ...narrow!, secret: randomBytes(32) })])).toContain(
      '--    TSIG key narrow: what it may do is not known',
    );
  });
});
