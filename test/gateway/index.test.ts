import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GrantKeeper } from '../../services/applier/grants/keep.ts';
import { createDnsClient } from '../../services/dns/client/client.ts';
import type { Dns } from '../../services/dns/client/types.ts';
import { readSigned, signMessage } from '../../services/dns/wire/tsig.ts';
import { encodeUpdate } from '../../services/dns/wire/update.ts';
import { type RunningGateway, startGateway } from '../../services/gateway/index.ts';
import { settleOpen } from '../../services/gateway/recover.ts';
import { newTsigCredential } from '../../services/requests/grants/tsig-credential.ts';
import { planGrant } from '../../services/requests/plans/grant.ts';
import { txtOf } from '../../services/requests/plans/members.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { grantOf, loadGrant } from '../../services/store/grants/grants.ts';
import { openUpdates, receiveUpdate, settleUpdate } from '../../services/store/grants/lent-updates.ts';
import { beginEnd } from '../../services/store/grants/life.ts';
import { verifyAudit } from '../../services/store/requests/audit.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';
import { exchangeBytes, startUpdatableKnot, type UpdateServer, updatable } from '../helpers/update-servers.ts';
import { planOf, rulesOf } from '../requests/sample.ts';
import { recordsAt, runClient } from './setup.ts';

const ZONE = 'example.com';
const NAME = `_acme-challenge.${ZONE}`;
const UPSTREAM = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });

describe.runIf(updatable.knot)(`the gateway with its store${updatable.knot ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let upstream: UpdateServer;
  let folder: string;
  let keyFile: Buffer;
  let t: TestDatabase;
  let context: Context;
  let gateway: RunningGateway;
  let keeper: GrantKeeper;
  let dns: Dns;
  beforeAll(async () => {
    upstream = await startUpdatableKnot({
      zone: ZONE,
      records: ['@ TXT "v=spf1 -all"', '_dmarc TXT "v=DMARC1; p=reject"'],
      keys: [UPSTREAM],
    });
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-gateway-'));
    keyFile = Buffer.from(randomBytes(32).toString('base64'));
    const port = upstream.server.port;
    writeFileSync(path.join(folder, 'key'), keyFile);
    writeFileSync(
      path.join(folder, 'ruawatch.yaml'),
      `dns_servers: ["127.0.0.1:${port}"]
gateway: { listen: "127.0.0.1:0", key_file: ${folder}/key }
dns: { servers: [{ name: primary, zones: [${ZONE}], address: "127.0.0.1:${port}", key: { name: ruawatch, secret: "${UPSTREAM.secret.toString('base64')}" } }] }
access: { dns: [{ name: primary }] }
`,
    );
  });
  afterAll(async () => {
    await upstream.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    t = await testDatabase();
    context = testContext(t, { env: { RUAWATCH_CONFIG: path.join(folder, 'ruawatch.yaml') } });
    await syncGroups(t.db, { groups: { ops: ['ada@example.com'] }, deputies: [] });
    await t.db.query(
      "insert into ruawatch.domains (domain, state, how, since) values ($1, 'own', 'added', now()) on conflict do nothing",
      [ZONE],
    );
    keeper = new GrantKeeper();
    dns = createDnsClient({ servers: [upstream.server], recursive: false, cacheEntries: 0 });
    gateway = await startGateway(context);
  });
  afterEach(async () => {
    await gateway.stop();
    await context.queues.close();
    await t.drop();
  });
  const turn = () =>
    keeper.turn({
      db: t.db,
      log: context.log,
      access: context.config.access,
      dnsTargets: context.config.dnsTargets,
      dns,
      at: () => null,
      signal: new AbortController().signal,
    });
  const lend = async (
    given: {
      use?: 'key' | 'requests';
      uses?: number;
      seconds?: number;
      task?: { name: string; type: string; value: string };
    } = {},
  ) => {
    const { use = 'key', uses = null, seconds = 3600, task = null } = given;
    const made = use === 'key' ? newTsigCredential(keyFile) : null;
    const plan = planGrant({
      kind: 'access.dns',
      domain: ZONE,
      holder: 'ada@example.com',
      holder_kind: 'person',
      groups: [],
      server: 'primary',
      scope: { use, zone: ZONE, names: [NAME, `_dmarc.${ZONE}`], types: ['TXT'], operations: ['add', 'delete'], task },
      seconds,
      uses,
      credential: made?.credential ?? null,
      risk: 'low',
    });
    const request = (await openRequest(t.db, RULES, {
      plan,
      requester: 'ada@example.com',
      requester_kind: 'person',
      why: 'a certificate',
      credential: made?.credential ?? null,
    }))!;
    await turn();
    return { secret: made?.secret ?? '', grant: await grantOf(t.db, request) };
  };
  const nsupdate = ({ secret, grant }: { secret: string; grant: { name: string } }, ...lines: string[]) =>
    runClient(
      'nsupdate',
      ['-t', '20', '-y', `hmac-sha256:${grant.name}:${secret}`],
      [`server 127.0.0.1 ${gateway.port}`, `zone ${ZONE}`, ...lines, 'send'],
    );
  const rows = async (table: string) => (await t.db.query(`select * from ${table} order by 1`)).rows;

  test('a lent key changes what it is for, everything is kept, and it ends with its grant', async () => {
    const lent = await lend();
    expect(lent.grant).toMatchObject({ state: 'active', used: 0 });
    expect(lent.grant.credential).not.toContain(lent.secret);
    expect(await nsupdate(lent, `update add ${NAME} 60 TXT "token-1"`)).toMatchObject({ code: 0 });
    expect(await recordsAt(upstream.server, NAME)).toEqual(['token-1']);
    expect((await nsupdate(lent, `update add www.${ZONE} 60 TXT "x"`)).said).toContain('REFUSED');
    expect((await nsupdate(lent, `update delete _dmarc.${ZONE} TXT`)).said).toContain('REFUSED');
    expect(await rows('dmarc.grant_updates')).toMatchObject([
      { state: 'applied', rcode: 0, holder: 'ada@example.com', domain: ZONE },
      { state: 'refused', rcode: 5 },
      { state: 'refused', rcode: 5, answer: expect.stringContaining('policy') },
    ]);
    expect(await rows('dmarc.changes')).toMatchObject([
      { name: `${NAME} TXT`, target: 'primary', before: [], after: [txtOf('token-1')], state: 'applied' },
    ]);
    expect((await loadGrant(t.db, lent.grant.grant_key)).used).toBe(1);
    expect((await rows('dmarc.audit')).filter(({ verb }) => verb === 'grant.update')).toHaveLength(3);
    expect((await verifyAudit(t.db)).faults).toEqual([]);
    await beginEnd(t.db, lent.grant, { reason: 'done' }, null);
    await until(async () => /BADKEY|NOTAUTH/.test((await nsupdate(lent, `update delete ${NAME} TXT`)).said));
    expect(await recordsAt(upstream.server, NAME)).toEqual(['token-1']);
    const other = await lend();
    expect(await nsupdate(other, `update delete ${NAME} TXT`)).toMatchObject({ code: 0 });
  });

  test('a grant ends at its end, after its uses, and when its task is seen done', async () => {
    const once = await lend({ uses: 1 });
    expect(await nsupdate(once, `update add ${NAME} 60 TXT "one"`)).toMatchObject({ code: 0 });
    expect((await nsupdate(once, `update add ${NAME} 60 TXT "two"`)).code).not.toBe(0);
    await turn();
    expect(await loadGrant(t.db, once.grant.grant_key)).toMatchObject({ state: 'ended' });

    const short = await lend({ seconds: 1 });
    await until(async () => (await nsupdate(short, `update add ${NAME} 60 TXT "late"`)).code !== 0);
    await until(async () => (await turn()) && (await loadGrant(t.db, short.grant.grant_key)).state === 'ended');

    // The zone's own name server is at port 53 of this machine, where nothing answers: not all servers have
    // the record.
    const task = await lend({ task: { name: NAME, type: 'TXT', value: 'two' } });
    expect(await nsupdate(task, `update delete ${NAME} TXT`, `update add ${NAME} 60 TXT "two"`)).toMatchObject({ code: 0 });
    await turn();
    expect(await loadGrant(t.db, task.grant.grant_key)).toMatchObject({ state: 'active' });
    expect(await nsupdate(task, `update delete ${NAME} TXT`)).toMatchObject({ code: 0 });
  });

  test('a message that is sent again is carried out once, by any process, also after others', async () => {
    const lent = await lend();
    const key = { name: lent.grant.name, algorithm: 'hmac-sha256' as const, secret: Buffer.from(lent.secret, 'base64') };
    const add = encodeUpdate(
      { zone: ZONE, prerequisites: [], changes: [{ kind: 'add', name: NAME, type: 'TXT', ttl: 60, data: ['again'] }] },
      7,
    );
    const { bytes } = signMessage(add, key, { time: Math.floor(Date.now() / 1000) });
    const send = async () => readSigned(await exchangeBytes({ address: '127.0.0.1', port: gateway.port }, bytes)).message.rcode;
    expect(await send()).toBe(0);
    expect(await nsupdate(lent, `update delete ${NAME} TXT`)).toMatchObject({ code: 0 });
    await gateway.stop();
    gateway = await startGateway(context);
    expect(await send()).toBe(0);
    expect(await recordsAt(upstream.server, NAME)).toEqual([]);
  });

  test('what ended the grant is answered again when it is sent again, and nothing else is', async () => {
    const lent = await lend({ uses: 1 });
    const key = { name: lent.grant.name, algorithm: 'hmac-sha256' as const, secret: Buffer.from(lent.secret, 'base64') };
    const signed = (data: string) => {
      const changes = [{ kind: 'add' as const, name: NAME, type: 'TXT' as const, ttl: 60, data: [data] }];
      const update = encodeUpdate({ zone: ZONE, prerequisites: [], changes }, 7);
      return signMessage(update, key, { time: Math.floor(Date.now() / 1000) }).bytes;
    };
    const send = async (bytes: Buffer) =>
      readSigned(await exchangeBytes({ address: '127.0.0.1', port: gateway.port }, bytes)).message.rcode;
    const last = signed('last');
    expect(await send(last)).toBe(0);
    // The client has not heard of it, before and after the end is carried out.
    for (const step of [async () => undefined, turn]) {
      await step();
      await new Promise((resolve) => setTimeout(resolve, 1_050));
      expect(await send(last)).toBe(0);
      expect(await send(signed('one more'))).toBe(9);
    }
    expect((await loadGrant(t.db, lent.grant.grant_key)).state).toBe('ended');
    expect(await recordsAt(upstream.server, NAME)).toEqual(['last']);
    const cleaner = await lend();
    expect(await nsupdate(cleaner, `update delete ${NAME} TXT`)).toMatchObject({ code: 0 });
  });

  test('no more than thirty messages a minute', async () => {
    const { grant } = await lend();
    const given = (n: number) => ({ grant_key: grant.grant_key, mac: Buffer.from([n]), client: 'x' });
    for (let n = 0; n < 30; n++) expect(await receiveUpdate(t.db, given(n))).toMatchObject({ state: 'new' });
    expect(await receiveUpdate(t.db, given(30))).toEqual({ state: 'too_many' });
    expect(await receiveUpdate(t.db, given(3))).toEqual({ state: 'again', rcode: null });
  });

  test('what a process left behind is settled by the records', async () => {
    const { grant } = await lend();
    const steps = [
      { after: txtOf('there'), code: 'applied' },
      { after: txtOf('elsewhere'), code: 'failed' },
    ];
    const lent = await lend();
    await nsupdate(lent, `update add ${NAME} 60 TXT "there"`);
    const { intendUpdate } = await import('../../services/store/grants/lent-updates.ts');
    for (const [n, { after }] of steps.entries()) {
      const received = await receiveUpdate(t.db, { grant_key: grant.grant_key, mac: Buffer.from([n]), client: 'x' });
      if (received.state !== 'new') throw new Error('not new');
      const before = n === 0 ? [] : [txtOf('there')];
      await intendUpdate(t.db, { grant_key: grant.grant_key, update_key: received.update_key, target: 'primary' }, [
        { name: NAME, type: 'TXT', before, after: [after] },
      ]);
    }
    await receiveUpdate(t.db, { grant_key: grant.grant_key, mac: Buffer.from([9]), client: 'x' });
    await t.db.query(
      "update ruawatch.lent_updates set received_at = received_at - interval '2 minutes' where settled_at is null",
    );
    await settleOpen(t.db, context.config.dnsTargets, new AbortController().signal);
    expect(await openUpdates(t.db)).toEqual([]);
    const settled = (await rows('ruawatch.lent_updates')).filter(({ client }) => client === 'x');
    expect(settled.map(({ state }) => state)).toEqual(['applied', 'failed', 'failed']);
    await settleUpdate(t.db, settled[0]!.update_key, { state: 'failed', rcode: 2, answer: 'later' });
    expect((await rows('ruawatch.lent_updates')).filter(({ client }) => client === 'x')[0]).toMatchObject({ state: 'applied' });
    await nsupdate(lent, `update delete ${NAME} TXT`);
  });

  test('a gateway that starts settles what one before it left, and one that stops ends its turn first', async () => {
    await gateway.stop();
    const { grant } = await lend();
    const left = async (n: number) => {
      await receiveUpdate(t.db, { grant_key: grant.grant_key, mac: Buffer.from([n]), client: 'x' });
      await t.db.query("update ruawatch.lent_updates set received_at = now() - interval '2 minutes'");
    };
    await left(1);
    gateway = await startGateway(context);
    expect([gateway.name, gateway.waitingFor()]).toEqual(['gateway', null]);
    await until(async () => (await openUpdates(t.db)).length === 0);
    await gateway.stop();
    const closed = connect({ host: '127.0.0.1', port: gateway.port });
    expect(await once(closed, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);

    await left(2);
    const lock = await t.db.connect();
    await lock.query('begin');
    await lock.query('lock table ruawatch.lent_updates');
    gateway = await startGateway(context);
    const waits = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    await until(async () => (await t.db.query(waits)).rowCount === 1);
    let stopped = false;
    const stopping = gateway.stop().then(() => {
      stopped = true;
    });
    await until(
      async () =>
        await once(connect({ host: '127.0.0.1', port: gateway.port }), 'connect').then(
          () => false,
          () => true,
        ),
    );
    await t.db.query('select 1');
    expect(stopped).toBe(false);
    await lock.query('commit');
    lock.release();
    await stopping;
    expect(await openUpdates(t.db)).toEqual([]);
  });

  test('says that it waits for the store while it cannot read which keys are lent', async () => {
    await gateway.stop();
    await t.db.query('alter table ruawatch.grants rename to grants_away');
    gateway = await startGateway(context);
    await until(() => gateway.waitingFor() !== null);
    expect(gateway.waitingFor()).toBe(
      'The gateway refuses all updates, as it cannot read which keys are lent: relation "ruawatch.grants" does not exist',
    );
    expect(gateway.stuck!()).toBeNull();
  });

  test('a scope for requests decides those that lie in it, and no key leaves', async () => {
    const { grant } = await lend({ use: 'requests', uses: 2 });
    expect(grant).toMatchObject({ state: 'active', credential: null });
    const people = rulesOf({ name: 'people', decide: 'people', stages: [{ group: 'mail' }] });
    const ask = async (name: string, requester = 'ada@example.com', warnings: string[] = []) => {
      const change = {
        target: 'dns' as const,
        name,
        type: 'TXT' as const,
        ttl: { before: null, after: 60 },
        before: [],
        after: [txtOf('x')],
      };
      const plan = planOf({ kind: 'dns.change', domain: ZONE, changes: [change], warnings });
      const key = (await openRequest(t.db, people, { plan, requester, requester_kind: 'person', why: 'x' }))!;
      const { state, rule } = await loadRequest(t.db, key);
      return [state, rule.rule];
    };
    await syncGroups(t.db, { groups: { mail: ['ada@example.com', 'ben@example.com', 'cleo@example.com'] }, deputies: [] });
    expect(await ask(NAME)).toEqual(['approved', `grant ${grant.grant_key}`]);
    expect(await ask(`www.${ZONE}`)).toEqual(['pending', 'people']);
    expect(await ask(NAME, 'ben@example.com')).toEqual(['pending', 'people']);
    expect(await ask(NAME, 'ada@example.com', ['It is bad.'])).toEqual(['pending', 'people']);
    expect(await ask(NAME)).toEqual(['approved', `grant ${grant.grant_key}`]);
    expect(await ask(NAME)).toEqual(['pending', 'people']);
  });
});
