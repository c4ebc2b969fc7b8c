import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { Random } from '../../../demo/random.ts';
import type { Server } from '../../../services/dns/client/servers.ts';
import type { Dns } from '../../../services/dns/client/types.ts';
import { sendUpdate } from '../../../services/dns/wire/send.ts';
import { newTsigCredential } from '../../../services/requests/grants/tsig-credential.ts';
import { planGrant } from '../../../services/requests/plans/grant.ts';
import type { Db } from '../../../services/shared/runtime/db.ts';
import { scramVerifier } from '../../../services/shared/runtime/embedded-secrets.ts';
import { type Grant, grantMark, grantOf, loadGrant } from '../../../services/store/grants/grants.ts';
import { lendRole, onLender } from '../../../services/store/grants/lending.ts';
import { beginEnd } from '../../../services/store/grants/life.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { AUTOMATIC, askForRole, type Lender } from '../../helpers/lending.ts';
import type { MortalPostgres } from './target.ts';
import { KeyVisitor, RoleVisitor } from './visitors.ts';

export const ZONE = 'example.com';

/** Those who are taken out of the settings while they hold a right. */
export const peopleWhoLeave = (kills: number): string[] =>
  Array.from({ length: Math.ceil(kills / 2) }, (_, n) => `leaver${n}@example.com`);

type End = 'time' | 'uses' | 'task' | 'ended by a person' | 'holder gone';

interface Lent {
  grant: Grant;
  end: End;
  /** When somebody ends it; null for those that end by themselves. */
  at: number | null;
  visitor: RoleVisitor | KeyVisitor;
  secret: string;
  uses: number | null;
}

export interface Around {
  db: Db;
  lender: Lender;
  target: MortalPostgres;
  gateway: Server;
  keyFile: Buffer;
  random: Random;
  /** People who may leave, each once. */
  leavers: string[];
}

/** Asks for rights of both kinds with every end, and knows what must have come of each. */
export class Lending {
  readonly all: Lent[] = [];
  private readonly around: Around;
  private readonly database: string;
  private ending = true;

  constructor(around: Around) {
    this.around = around;
    this.database = new URL(around.lender.server.url()).pathname.slice(1);
  }

  async lend(): Promise<void> {
    const { random } = this.around;
    this.all.push(random.int(0, 1) === 0 ? await this.lendRole() : await this.lendKey());
  }

  /** Ends early what is to end so, until told to stop; then ends the rest. */
  async endEarly(leave: (who: string) => Promise<void>): Promise<void> {
    const due = (one: Lent) => one.at !== null && (one.at <= Date.now() || !this.ending);
    for (;;) {
      const one = this.all.find(due);
      if (one === undefined) {
        if (!this.ending) return;
        await wait(50);
        continue;
      }
      one.at = null;
      if (one.end === 'holder gone') await leave(one.grant.holder);
      else await this.insist(() => beginEnd(this.around.db, one.grant, { reason: 'Ended by ada', by: 'ada@example.com' }, null));
    }
  }

  async stopEnding(): Promise<void> {
    this.ending = false;
  }

  async allLeave(): Promise<void> {
    await Promise.all(this.all.map(({ visitor }) => visitor.leave()));
  }

  /** A role that was lent, and that the store does not know. */
  async plantStray(): Promise<void> {
    const { db, lender } = this.around;
    const name = `${await grantMark(db)}0_${randomBytes(3).toString('hex')}`;
    const role = { name, verifier: scramVerifier('stray'), group: lender.server.groups[0]!, seconds: 3_600, connections: 5 };
    // The server may be down at this moment: then none is planted.
    await onLender(lender.server.url(), (client) => lendRole(client, role)).catch(() => undefined);
  }

  async rolesLeft(): Promise<string[]> {
    const mark = await grantMark(this.around.db);
    const rows = await this.around.target.rows<{ rolname: string }>(
      this.database,
      'select rolname from pg_roles where starts_with(rolname, $1)',
      [mark],
    );
    return rows.map(({ rolname }) => rolname);
  }

  /** Uses that were possible after the end of their right. */
  async outlived(): Promise<string[]> {
    const wrong: string[] = [];
    for (const { grant: given, visitor, uses } of this.all) {
      const grant = await loadGrant(this.around.db, given.grant_key);
      const { grant_key, ends_at, end_since, ended_at } = grant;
      if (visitor instanceof RoleVisitor) {
        // The server itself refuses log-ins from that time on, whatever runs.
        if (ends_at !== null && visitor.lastLogin > ends_at.getTime())
          wrong.push(`grant ${grant_key}: a log-in ${visitor.lastLogin - ends_at.getTime()} ms after its time`);
        const last = Math.max(visitor.lastLogin, visitor.lastUse);
        if (ended_at !== null && last > ended_at.getTime())
          wrong.push(`grant ${grant_key}: used ${last - ended_at.getTime()} ms after it was confirmed to have ended`);
        continue;
      }
      const end = Math.min(ends_at?.getTime() ?? Number.POSITIVE_INFINITY, end_since?.getTime() ?? Number.POSITIVE_INFINITY);
      const late = visitor.sent.find(({ accepted, begun }) => accepted && begun > end);
      if (late !== undefined) wrong.push(`grant ${grant_key}: an update ${late.begun - end} ms after its end was accepted`);
      const accepted = visitor.sent.filter((one) => one.accepted).length;
      if (uses !== null && accepted > uses) wrong.push(`grant ${grant_key}: ${accepted} of ${uses} uses`);
    }
    return wrong;
  }

  /** What is at the targets, or open in the store, and must not be. */
  async leftBehind(dns: Dns): Promise<string[]> {
    const { db, target } = this.around;
    const wrong: string[] = [];
    const [left] = await target.rows<{ objects: number; rights: number; sessions: number; owners: number }>(
      this.database,
      `select (select count(*)::int from pg_largeobject_metadata) as objects, (select count(*)::int from pg_default_acl) as rights,
              (select count(*)::int from pg_stat_activity where usename like 'ruawatch_lent_%') as sessions,
              (select count(*)::int from pg_shdepend d where refclassid = 'pg_authid'::regclass and not exists (select from pg_authid a where a.oid = d.refobjid)) as owners`,
    );
    if (Object.values(left!).some((n) => n !== 0)) wrong.push(`left at Postgres: ${JSON.stringify(left)}`);
    const { rows: intended } = await db.query("select change_key from ruawatch.changes where state = 'intended'");
    if (intended.length > 0) wrong.push(`${intended.length} changes are still intended`);
    const { rows } = await db.query<{ name: string; state: string }>(
      "select split_part(c.name, ' ', 1) as name, c.state from ruawatch.changes c where c.update_key is not null",
    );
    const written = new Map<string, string[]>();
    for (const { name, state } of rows) written.set(name, [...(written.get(name) ?? []), state]);
    for (const { grant, visitor } of this.all) {
      if (!(visitor instanceof KeyVisitor)) continue;
      const { ends_at, end_since } = await loadGrant(db, grant.grant_key);
      const end = Math.min(ends_at?.getTime() ?? 0, end_since?.getTime() ?? Number.POSITIVE_INFINITY);
      for (const { name, begun, accepted } of visitor.sent) {
        const answer = await dns.ask(name, 'TXT');
        const there = answer.state === 'records';
        if (accepted && !there) wrong.push(`${name} was accepted, and is not there`);
        if (there && begun > end && !accepted && !visitor.sent.some((one) => one.name === name && one.begun <= end))
          wrong.push(`${name} was published after the end of its grant`);
        if (there && written.get(name) === undefined) wrong.push(`${name} is there, and nobody wrote it down`);
        if (!there && written.get(name)?.includes('applied')) wrong.push(`${name} is written down as applied, and is not there`);
      }
    }
    return wrong;
  }

  /** Secrets that still work. */
  async stillWork(): Promise<string[]> {
    const wrong: string[] = [];
    for (const { grant, visitor, secret } of this.all) {
      if (visitor instanceof RoleVisitor) {
        const client = this.connect(grant.name, secret);
        client.on('error', () => undefined);
        const works = await client.connect().then(
          () => true,
          () => false,
        );
        await client.end().catch(() => undefined);
        if (works) wrong.push(`the password of grant ${grant.grant_key} works`);
        continue;
      }
      const key = { name: grant.name, algorithm: 'hmac-sha256' as const, secret: Buffer.from(secret, 'base64') };
      const change = {
        kind: 'add' as const,
        name: `late.${visitor.under}`,
        type: 'TXT' as const,
        ttl: 60,
        data: ['x'],
      };
      const outcome = await sendUpdate(this.around.gateway, key, { zone: ZONE, prerequisites: [], changes: [change] });
      if (outcome.state !== 'refused') wrong.push(`the key of grant ${grant.grant_key}: ${JSON.stringify(outcome)}`);
    }
    return wrong;
  }

  /** How it went, for people. */
  async figures() {
    let [late_ms, uses, updates] = [0, 0, 0];
    const ends: Record<string, number> = {};
    for (const { grant: given, visitor, end } of this.all) {
      const kind = visitor instanceof RoleVisitor ? 'role' : 'key';
      ends[`${kind} by ${end}`] = (ends[`${kind} by ${end}`] ?? 0) + 1;
      if (visitor instanceof KeyVisitor) {
        updates += visitor.sent.filter(({ accepted }) => accepted).length;
        continue;
      }
      uses += visitor.uses;
      const { ends_at, end_since } = await loadGrant(this.around.db, given.grant_key);
      if (ends_at !== null)
        late_ms = Math.max(
          late_ms,
          visitor.lastUse - Math.min(ends_at.getTime(), end_since?.getTime() ?? Number.POSITIVE_INFINITY),
        );
    }
    const { rows } = await this.around.db.query<{ n: number }>(
      "select count(*)::int as n from ruawatch.lent_updates where state = 'unknown'",
    );
    return { late_ms, uses, updates, ends, unknown: rows[0]!.n };
  }

  private async lendRole(): Promise<Lent> {
    const { db, lender, random } = this.around;
    const end = this.endOf(['time', 'ended by a person', 'holder gone']);
    const { grant, password } = await askForRole(db, lender, {
      seconds: end.end === 'time' ? random.int(2, 6) : 20,
      holder: end.holder,
    });
    const visitor = new RoleVisitor(() => this.connect(grant.name, password), random);
    return { grant, ...end, visitor, secret: password, uses: null };
  }

  private async lendKey(): Promise<Lent> {
    const { db, keyFile, random, gateway } = this.around;
    const end = this.endOf(['time', 'ended by a person', 'holder gone', 'uses', 'task']);
    const { secret, credential } = newTsigCredential(keyFile);
    const n = this.all.length;
    const under = `g${n}.${ZONE}`;
    const task = end.end === 'task' ? `done.${under}` : null;
    const uses = end.end === 'uses' ? random.int(1, 4) : null;
    const plan = planGrant({
      kind: 'access.dns',
      domain: ZONE,
      holder: end.holder,
      holder_kind: 'person',
      groups: ['mail'],
      server: 'primary',
      scope: {
        use: 'key',
        zone: ZONE,
        names: [`.${under}`],
        types: ['TXT'],
        operations: ['add'],
        task: task === null ? null : { name: task, type: 'TXT', value: 'done' },
      },
      seconds: end.end === 'time' ? random.int(2, 6) : 20,
      uses,
      credential,
      risk: 'low',
    });
    const given = { plan, requester: end.holder, requester_kind: 'person' as const, why: 'chaos', credential };
    const grant = await grantOf(db, (await openRequest(db, AUTOMATIC, given))!);
    const key = { name: grant.name, algorithm: 'hmac-sha256' as const, secret: Buffer.from(secret, 'base64') };
    const visitor = new KeyVisitor(gateway, key, { zone: ZONE, under, task, random });
    return { grant, ...end, visitor, secret, uses };
  }

  private endOf(ends: readonly End[]): { end: End; at: number | null; holder: string } {
    const { random, leavers } = this.around;
    const end = ends[random.int(0, ends.length - 1)]!;
    const holder = end === 'holder gone' ? leavers.shift() : 'ada@example.com';
    if (holder === undefined) return { end: 'time', at: null, holder: 'ada@example.com' };
    const early = end === 'holder gone' || end === 'ended by a person';
    return { end, at: early ? Date.now() + random.int(1_000, 6_000) : null, holder };
  }

  private connect(user: string, password: string): pg.Client {
    const { target } = this.around;
    const { database } = this;
    return new pg.Client({ host: '127.0.0.1', port: target.port, user, password, database, connectionTimeoutMillis: 2_000 });
  }

  /** A person says it again when the store was cut off. */
  private async insist(work: () => Promise<unknown>): Promise<void> {
    for (let tries = 0; ; tries++)
      try {
        await work();
        return;
      } catch (error) {
        if (tries === 5) throw error;
        await wait(100);
      }
  }
}
