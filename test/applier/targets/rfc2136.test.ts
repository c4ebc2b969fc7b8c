import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyByUpdate } from '../../../services/applier/targets/rfc2136.ts';
import { type RecordChange, reversed } from '../../../services/applier/targets/target.ts';
import { createDnsClient } from '../../../services/dns/client/client.ts';
import type { Dns } from '../../../services/dns/client/types.ts';
import { aliasOf, txtMember, txtOf } from '../../../services/requests/plans/members.ts';
import type { UpdatedServer } from '../../../services/shared/settings/dns-servers.ts';
import {
  startUpdatableBind,
  startUpdatableKnot,
  startUpdatablePowerDns,
  type UpdateServer,
  updatable,
} from '../../helpers/update-servers.ts';

const ZONE = 'example.com';
const KEY = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const GIVEN = {
  zone: ZONE,
  records: [
    '@ TXT "v=spf1 -all"',
    '@ TXT "site-verification=1"',
    '_dmarc TXT "v=DMARC1; p=none"',
    'www CNAME host.example.com.',
    'child NS ns.child',
    'ns.child A 127.0.0.1',
  ],
  keys: [KEY],
};
const name = `_dmarc.${ZONE}`;
const change = (before: string[], after: string[], at = name): RecordChange => ({
  name: at,
  type: 'TXT',
  ttl: { before: before.length === 0 ? null : 60, after: after.length === 0 ? null : 300 },
  before: before.map(txtOf),
  after: after.map(txtOf),
});

for (const [label, command, there, start] of [
  ['Knot', 'knot', updatable.knot, startUpdatableKnot],
  ['BIND', 'bind9', updatable.bind, startUpdatableBind],
  ['PowerDNS', 'pdns-server', updatable.powerdns, startUpdatablePowerDns],
] as const) {
  describe.runIf(there)(`changes on ${label}${there ? '' : ` (SKIPPED: ${command} is not installed)`}`, () => {
    let running: UpdateServer;
    let target: UpdatedServer;
    beforeAll(async () => {
      running = await start(GIVEN);
      target = {
        kind: 'rfc2136',
        name: 'primary',
        zones: [ZONE],
        server: running.server,
        key: { name: KEY.name, algorithm: KEY.algorithm },
        secret: () => Buffer.from(KEY.secret),
      };
    });
    afterAll(() => running.stop());
    const textsAt = async (at: string) => {
      const answer = await createDnsClient({ servers: [running.server], recursive: false, cacheEntries: 0 }).ask(at, 'TXT');
      return answer.state === 'records' ? answer.records.map((strings) => strings.join('')).sort() : answer.state;
    };
    const apply = (one: RecordChange, other: Partial<UpdatedServer> = {}) => applyByUpdate({ ...target, ...other }, ZONE, one);

    test('a change is made once, is recognized when it comes again, and goes back', async () => {
      const step = change(['v=DMARC1; p=none'], ['v=DMARC1; p=quarantine']);
      expect(await apply(step)).toMatchObject({ state: 'applied' });
      expect(await textsAt(name)).toEqual(['v=DMARC1; p=quarantine']);
      expect(await apply(step)).toEqual({ state: 'applied', answer: 'It is there already.' });
      expect(await apply(reversed(step))).toMatchObject({ state: 'applied' });
      expect(await textsAt(name)).toEqual(['v=DMARC1; p=none']);
    });

    test('what was changed meanwhile by somebody else is left alone', async () => {
      const stale = change(['v=DMARC1; p=reject'], ['v=DMARC1; p=quarantine']);
      expect(await apply(stale)).toMatchObject({ state: 'stale' });
      expect(await textsAt(name)).toEqual(['v=DMARC1; p=none']);
    });

    test('an alias comes where nothing is, changes and goes, and never beside other records', async () => {
      const alias = (before: string[], after: string[], at: string): RecordChange => ({
        ...change([], []),
        name: at,
        type: 'CNAME',
        ttl: { before: null, after: 300 },
        before: before.map(aliasOf),
        after: after.map(aliasOf),
      });
      const at = `k2._domainkey.${ZONE}`;
      const target = async () => {
        const dns = createDnsClient({ servers: [running.server], recursive: false, cacheEntries: 0 });
        const answer = await dns.ask(at, 'CNAME');
        return answer.state === 'records' ? answer.records : answer.state;
      };
      const step = alias([], ['dkim2.mcsv.net'], at);
      expect(await apply(step)).toMatchObject({ state: 'applied' });
      expect(await target()).toEqual(['dkim2.mcsv.net']);
      expect(await apply(step)).toMatchObject({ state: 'applied', answer: 'It is there already.' });
      expect(await apply(alias(['other.example.net'], ['x.example.net'], at))).toMatchObject({ state: 'stale' });
      expect(await apply(alias(['dkim2.mcsv.net'], ['dkim3.mcsv.net'], at))).toMatchObject({ state: 'applied' });
      expect(await target()).toEqual(['dkim3.mcsv.net']);
      expect(await apply(reversed(alias([], ['dkim3.mcsv.net'], at)))).toMatchObject({ state: 'applied' });
      expect(await apply(alias([], ['dkim2.mcsv.net'], name))).toMatchObject({ state: 'stale' });
      expect(await textsAt(name)).toEqual(['v=DMARC1; p=none']);
    });

    test('other records of the name stay, and long ones keep their octets', async () => {
      const key = `v=DKIM1; k=rsa; p=${'A'.repeat(700)}`;
      const at = `s1._domainkey.${ZONE}`;
      expect(await apply(change([], [key], at))).toMatchObject({ state: 'applied' });
      expect(await textsAt(at)).toEqual([key]);
      expect(await apply(change([key], [], at))).toMatchObject({ state: 'applied' });
      const spf = change(['v=spf1 -all', 'site-verification=1'], ['v=spf1 mx -all', 'site-verification=1'], ZONE);
      expect(await apply(spf)).toMatchObject({ state: 'applied' });
      expect(await textsAt(ZONE)).toEqual(['site-verification=1', 'v=spf1 mx -all']);
      expect(await apply(reversed(spf))).toMatchObject({ state: 'applied' });
    });

    test('an alias is not published beside', async () => {
      expect(await apply(change([], ['v=spf1 -all'], `www.${ZONE}`))).toEqual({
        state: 'failed',
        answer: `www.${ZONE} is an alias (CNAME) of host.${ZONE}: change the record there, or take the alias away first.`,
      });
    });

    test('a record below a zone cut is not written where nobody would see it', async () => {
      for (const at of [`_dmarc.child.${ZONE}`, `child.${ZONE}`])
        expect(await apply(change([], ['v=DMARC1; p=none'], at))).toEqual({
          state: 'failed',
          answer: expect.stringMatching(/a zone below it was delegated \(a zone cut\)/),
        });
    });

    test('other servers of the zone that are behind or silent are named', async () => {
      const at = `everywhere.${ZONE}`;
      const dns = createDnsClient({ servers: [running.server], recursive: false, cacheEntries: 0 });
      const behind: Dns = { ask: async (...asked) => ({ ...(await dns.ask(...asked)), state: 'nodata' }) as never };
      const silent: Dns = { ask: async () => ({ state: 'unknown', reason: 'timeout', message: 'No answer.' }) };
      const by = (other: Dns, one: RecordChange) =>
        applyByUpdate(target, ZONE, one, { around: { resolver: silent, connect: () => other } });
      expect(await by(dns, change([], ['one'], at))).toEqual({ state: 'applied', answer: 'It was accepted, and is there.' });
      expect(await by(behind, change(['one'], ['two'], at))).toEqual({
        state: 'applied',
        answer: `It was accepted, and is there. ns.${ZONE} (127.0.0.1) does not have it yet.`,
      });
      expect(await by(silent, change(['two'], [], at))).toEqual({
        state: 'applied',
        answer: `It was accepted, and is there. ns.${ZONE} (127.0.0.1) did not answer.`,
      });
    });

    test('records at the top of the zone, international names, many strings and the serial', async () => {
      const serial = async () => {
        const answer = await createDnsClient({ servers: [running.server], recursive: false, cacheEntries: 0 }).ask(ZONE, 'SOA');
        return answer.state === 'records' ? answer.records[0]!.serial : -1;
      };
      const first = await serial();
      const at = `_dmarc.xn--mnchen-3ya.${ZONE}`;
      const strings = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(100)}`);
      const one: RecordChange = {
        ...change([], [], at),
        ttl: { before: null, after: 0 },
        after: [txtMember(strings), txtMember([''])],
      };
      expect(await apply(one)).toMatchObject({ state: 'applied' });
      expect(await serial()).toBeGreaterThan(first);
      const second = await serial();
      expect(await apply(one)).toEqual({ state: 'applied', answer: 'It is there already.' });
      expect(await serial()).toBe(second);
      expect(await apply({ ...one, before: one.after, after: [txtMember([strings.join('').slice(0, 255)])] })).toMatchObject({
        state: 'applied',
      });
    });

    test('a wrong secret, an unreadable one and a server that is away change nothing', async () => {
      const step = change(['v=DMARC1; p=none'], ['v=DMARC1; p=reject']);
      expect(await apply(step, { secret: () => randomBytes(32) })).toMatchObject({ state: 'later' });
      const unreadable = () => {
        throw new Error('has a secret_file that cannot be read');
      };
      expect(await apply(step, { secret: unreadable })).toMatchObject({ state: 'later' });
      expect(await apply(step, { server: { address: '127.0.0.1', port: 1 } })).toMatchObject({ state: 'later' });
      expect(await textsAt(name)).toEqual(['v=DMARC1; p=none']);
    });

    test('of forty writers at once exactly one succeeds', async () => {
      const at = `race.${ZONE}`;
      const ends = await Promise.all(Array.from({ length: 40 }, (_, i) => apply(change([], [`writer ${i}`], at))));
      expect(ends.filter(({ state }) => state === 'applied')).toHaveLength(1);
      expect(ends.filter(({ state }) => state === 'stale')).toHaveLength(39);
      expect(await textsAt(at)).toEqual([`writer ${ends.findIndex(({ state }) => state === 'applied')}`]);
    });
  });
}
