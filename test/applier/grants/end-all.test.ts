import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApplier } from '../../../services/applier/index.ts';
import { runAccessEnd } from '../../../services/cli/commands/access.ts';
import { openPool } from '../../../services/shared/runtime/db.ts';
import { scramVerifier } from '../../../services/shared/runtime/embedded-secrets.ts';
import type { Service } from '../../../services/shared/runtime/service.ts';
import { grantsIn } from '../../../services/store/grants/grants.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { grantRoles } from '../../../services/store/schema/roles.ts';
import { testContext } from '../../helpers/context.ts';
import { admin, type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { askForRole, type Lender, makeLender, ownMark } from '../../helpers/lending.ts';
import { until } from '../../helpers/services.ts';
import { GROUPS } from '../../requests/sample.ts';

const GRANTS = 8;
let t: TestDatabase;
let lender: Lender;
let service: Service;
let context: ReturnType<typeof testContext>;
const login = `applier_${process.pid}`;
let asApplier: pg.Pool;
beforeAll(async () => {
  t = await testDatabase();
  lender = await makeLender(process.env.TEST_POSTGRES_URL!);
  await ownMark(t.db);
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  await grantRoles(t.db);
  await admin(
    process.env.TEST_POSTGRES_URL!,
    `create role ${login} login password '${scramVerifier('applier')}' in role ruawatch_applier`,
  );
  const url = new URL(t.url);
  url.username = login;
  url.password = 'applier';
  asApplier = openPool(url.href, { max: 8 });
  context = testContext(t);
  context.config.access = lender.access;
  context.config.databaseUrl = t.url;
  service = startApplier({ ...context, db: asApplier });
}, 60_000);
afterAll(async () => {
  await service.stop();
  await asApplier.end();
  await context.queues.close();
  await lender.close();
  await t.drop();
  await admin(process.env.TEST_POSTGRES_URL!, `drop role ${login}`);
});

test('access end --all: a running applier, with its own rights alone, has ended everything when the command returns', async ({
  annotate,
}) => {
  const asked = await Promise.all(Array.from({ length: GRANTS }, () => askForRole(t.db, lender)));
  await until(async () => (await grantsIn(t.db, ['active'])).length === GRANTS);
  const [first] = asked;
  const session = await lender.login(first!.grant.name, first!.password);
  const cut = new Promise((resolve) => session.once('end', resolve));
  const lines: string[] = [];
  // The command itself waits for the targets, five seconds at most: exit code 0 says that all have confirmed.
  const word = { all: true, why: 'a leak', by: 'ada@example.com' };
  const begun = performance.now();
  expect(await runAccessEnd(context.config, undefined, word, { out: (line) => lines.push(line) })).toBe(0);
  await annotate(`${GRANTS} roles were gone ${Math.round(performance.now() - begun)} ms after the command began`);
  expect(lines).toEqual([
    `Ended: ${(await grantsIn(t.db, ['ended']))
      .map(({ grant_key }) => grant_key)
      .reverse()
      .join(', ')}.`,
  ]);
  await cut;
  expect(await lender.rows('select from pg_roles where rolname = any($1)', [asked.map(({ grant }) => grant.name)])).toEqual([]);
  expect(service.waitingFor()).toBeNull();
});

test('it is woken by the end of a grant itself, and not by its clock', async () => {
  const listening = new pg.Client({ connectionString: t.url });
  await listening.connect();
  let heard = 0;
  listening.on('notification', () => heard++);
  await listening.query('listen ruawatch_grants');
  await askForRole(t.db, lender);
  await until(async () => (await grantsIn(t.db, ['active'])).length === 1);
  expect(heard).toBe(0);
  await runAccessEnd(context.config, undefined, { all: true, why: 'x', by: 'ada@example.com' }, { out: () => undefined });
  await until(() => heard === 1);
  await listening.end();
});
