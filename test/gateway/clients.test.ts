import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { UpdatedServer } from '../../services/shared/settings/dns-servers.ts';
import { which } from '../helpers/services.ts';
import { startUpdatableBind, startUpdatableKnot, type UpdateServer, updatable } from '../helpers/update-servers.ts';
import { type RunningGateway, recordsAt, runClient, startTestGateway } from './setup.ts';

const ZONE = 'example.com';
const KEY = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const LENT = { name: 'ruawatch_lent_1', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const RECORDS = [
  '@ TXT "v=spf1 ip4:192.0.2.1 include:_spf.example.com -all"',
  '@ TXT "site-verification=1"',
  '_spf TXT "v=spf1 ip4:198.51.100.7 -all"',
  '_dmarc TXT "v=DMARC1; p=reject"',
  'www CNAME host.example.com.',
  'host A 192.0.2.80',
];

for (const [label, command, there, start] of [
  ['Knot', 'knot', updatable.knot, startUpdatableKnot],
  ['BIND', 'bind9', updatable.bind, startUpdatableBind],
] as const)
  describe.runIf(there)(`the gateway before ${label}${there ? '' : ` (SKIPPED: ${command} is not installed)`}`, () => {
    let upstream: UpdateServer;
    let gateway: RunningGateway;
    let target: UpdatedServer;
    beforeAll(async () => {
      upstream = await start({ zone: ZONE, records: RECORDS, keys: [KEY] });
      target = {
        kind: 'rfc2136',
        name: 'primary',
        zones: [ZONE],
        server: upstream.server,
        key: { name: KEY.name, algorithm: KEY.algorithm },
        secret: () => Buffer.from(KEY.secret),
      };
      gateway = await startTestGateway([target], upstream.server, ZONE);
    });
    afterAll(async () => {
      await gateway.stop();
      await upstream.stop();
    });
    beforeEach(() => {
      gateway.ledger.lent = [
        {
          ...LENT,
          grant_key: 1,
          scope: {
            zone: ZONE,
            names: ['_acme-challenge.example.com', '.app.example.com', 'example.com', '_spf.example.com', '_dmarc.example.com'],
            types: ['TXT', 'CNAME', 'A'],
            operations: ['add', 'delete'],
          },
        },
      ];
      gateway.senders.length = 0;
    });
    const secret = LENT.secret.toString('base64');
    const nsupdate = (
      lines: string[],
      { tcp = false, algorithm = LENT.algorithm as string, key = LENT.name, with: given = secret } = {},
    ) =>
      runClient(
        'nsupdate',
        [...(tcp ? ['-v'] : []), '-t', '20', '-y', `${algorithm}:${key}:${given}`],
        [`server 127.0.0.1 ${gateway.server.port}`, ...lines, 'send'],
      );

    test.each([false, true])('nsupdate adds and deletes, and finds the zone by itself (TCP: %s)', async (tcp) => {
      const name = `_acme-challenge.${ZONE}`;
      expect(await nsupdate([`update add ${name} 60 TXT "one ${tcp}"`], { tcp })).toMatchObject({ code: 0 });
      expect(await recordsAt(upstream.server, name)).toEqual([`one ${tcp}`]);
      expect(gateway.ledger.last).toMatchObject({ state: 'applied', rcode: 0 });
      expect(await nsupdate([`zone ${ZONE}`, `prereq yxrrset ${name} TXT`, `update delete ${name} TXT`], { tcp })).toMatchObject({
        code: 0,
      });
      expect(await recordsAt(upstream.server, name)).toEqual([]);
    });

    test('a prerequisite of the client that does not hold has its own code', async () => {
      const name = `_acme-challenge.${ZONE}`;
      const { code, said } = await nsupdate([`prereq yxrrset ${name} TXT "nothing"`, `update add ${name} 60 TXT "x"`]);
      expect([code, said]).toEqual([2, expect.stringContaining('NXRRSET')]);
      expect((await nsupdate([`prereq nxrrset ${ZONE} TXT`, `update add ${name} 60 TXT "x"`])).said).toContain('YXRRSET');
      expect(await recordsAt(upstream.server, name)).toEqual([]);
    });

    test.runIf(which('knsupdate') !== null)('knsupdate works as it is', async () => {
      const lines = [
        `server 127.0.0.1 ${gateway.server.port}`,
        `zone ${ZONE}`,
        `update add k.app.${ZONE}. 60 A 192.0.2.9`,
        'send',
      ];
      expect(await runClient('knsupdate', ['-y', `${LENT.algorithm}:${LENT.name}:${secret}`], lines)).toMatchObject({ code: 0 });
      expect(await recordsAt(upstream.server, `k.app.${ZONE}`, 'A')).toEqual(['"192.0.2.9"']);
    });

    test('a wrong key, secret and algorithm have the errors of RFC 8945', async () => {
      const add = [`update add _acme-challenge.${ZONE} 60 TXT "x"`];
      expect((await nsupdate(add, { key: 'other' })).said).toMatch(/BADKEY|NOTAUTH/);
      expect((await nsupdate(add, { with: randomBytes(32).toString('base64') })).said).toMatch(/BADSIG|NOTAUTH/);
      expect((await nsupdate(add, { algorithm: 'hmac-sha512' })).said).toMatch(/BADKEY|NOTAUTH/);
      expect((await nsupdate(add, { algorithm: 'hmac-md5' })).code).not.toBe(0);
      expect(await recordsAt(upstream.server, `_acme-challenge.${ZONE}`)).toEqual([]);
    });

    test('what is outside the scope is refused whole', async () => {
      for (const lines of [
        [`update add www2.${ZONE} 60 A 192.0.2.1`],
        [`update add a.app.${ZONE} 60 A 192.0.2.1`, `update add www2.${ZONE} 60 A 192.0.2.1`],
        [`update add app.${ZONE} 60 A 192.0.2.1`],
        [`update add *.app.${ZONE} 60 A 192.0.2.1`],
        [`update add a.app.${ZONE} 60 AAAA 2001:db8::1`],
        [`update delete a.app.${ZONE}`],
        [`update add a.app.${ZONE} 1000000 A 192.0.2.1`],
      ])
        expect([lines, (await nsupdate([`zone ${ZONE}`, ...lines])).said]).toEqual([lines, expect.stringContaining('REFUSED')]);
      expect(await recordsAt(upstream.server, `a.app.${ZONE}`, 'A')).toEqual([]);
    });

    test('what breaks records, weakens the policy or locks out a sender is refused', async () => {
      const refused = async (lines: string[]) => {
        expect((await nsupdate([`zone ${ZONE}`, ...lines])).said).toContain('REFUSED');
        return gateway.ledger.last!.answer;
      };
      expect(await refused([`update add ${ZONE} 60 TXT "v=spf1 ip4:203.0.113.5 -all"`])).toContain(ZONE);
      expect(await refused([`update delete _dmarc.${ZONE} TXT`])).toContain('policy');
      expect(
        await refused([`update delete _dmarc.${ZONE} TXT`, `update add _dmarc.${ZONE} 60 TXT "v=DMARC1; p=none"`]),
      ).toContain('weakens');
      gateway.senders.push({ name: 'mailer', addresses: ['198.51.100.7'], messages: 90, spf_alone: 3 });
      const include = [`update delete _spf.${ZONE} TXT`, `update add _spf.${ZONE} 60 TXT "v=spf1 -all"`];
      expect(await refused(include)).toContain('locks out mailer');
      expect(await recordsAt(upstream.server, ZONE)).toHaveLength(2);
      expect(await recordsAt(upstream.server, `_dmarc.${ZONE}`)).toEqual(['v=DMARC1; p=reject']);
      expect((await nsupdate([`zone ${ZONE}`, `update add ${ZONE} 60 TXT "site=2"`])).code).toBe(0);
      expect(await recordsAt(upstream.server, ZONE)).toHaveLength(3);
    });

    test('nothing below the domain may be sent from, or has another policy', async () => {
      gateway.ledger.lent[0]!.scope.names.push('_dmarc.news.app.example.com');
      for (const lines of [
        [`update add x.app.${ZONE} 60 TXT "v=spf1 +all"`],
        [`update add _acme-challenge.${ZONE} 60 TXT "v=spf1 ip4:203.0.113.5 -all"`],
        [`update add x.app.${ZONE} 60 CNAME _spf.${ZONE}`],
        [`update add evil._domainkey.x.app.${ZONE} 60 TXT "v=DKIM1; p=MCowBQYDK2VwAyEA"`],
        [`update add _dmarc.x.app.${ZONE} 60 TXT "v=DMARC1; p=none"`],
        [`update add _dmarc.news.app.${ZONE} 60 TXT "v=DMARC1; p=none"`],
        [`update add _dmarc.news.app.${ZONE} 60 CNAME dmarc.example.net`],
      ])
        expect([lines, (await nsupdate([`zone ${ZONE}`, ...lines])).said]).toEqual([lines, expect.stringContaining('REFUSED')]);
      // The halves of the internet are all of it.
      gateway.ledger.lent[0]!.scope.names.push(ZONE);
      const halves = `v=spf1 ip4:192.0.2.1 include:_spf.${ZONE} ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all`;
      const spf = `update delete ${ZONE} TXT "v=spf1 ip4:192.0.2.1 include:_spf.example.com -all"`;
      expect((await nsupdate([`zone ${ZONE}`, spf, `update add ${ZONE} 60 TXT "${halves}"`])).said).toContain('REFUSED');
      for (const lines of [
        [`update add x.app.${ZONE} 60 TXT "v=spf1 -all"`],
        [`update add _dmarc.news.app.${ZONE} 60 TXT "v=DMARC1; p=reject"`],
      ])
        expect([lines, (await nsupdate([`zone ${ZONE}`, ...lines])).code]).toEqual([lines, 0]);
    });

    test('an alias is neither planted beside records nor written through', async () => {
      gateway.ledger.lent[0]!.scope.names.push('www.example.com', 'host.example.com');
      expect((await nsupdate([`zone ${ZONE}`, `update add host.${ZONE} 60 CNAME evil.example.net.`])).said).toContain('YXDOMAIN');
      expect((await nsupdate([`zone ${ZONE}`, `update add www.${ZONE} 60 TXT "x"`])).said).toContain('YXRRSET');
      expect(await recordsAt(upstream.server, `host.${ZONE}`, 'CNAME')).toEqual([]);
      gateway.ledger.lent[0]!.scope.operations = ['add'];
      expect((await nsupdate([`zone ${ZONE}`, `update add www.${ZONE} 60 CNAME evil.example.net.`])).said).toContain('REFUSED');
      expect(await recordsAt(upstream.server, `www.${ZONE}`, 'CNAME')).toEqual(['"host.example.com"']);
    });

    test('nothing works without the store, with no use left, and after the end', async () => {
      const add = [`zone ${ZONE}`, `update add u.app.${ZONE} 60 A 192.0.2.1`];
      gateway.ledger.away = true;
      expect((await nsupdate(add)).said).toContain('SERVFAIL');
      gateway.ledger.away = false;
      gateway.ledger.uses = 0;
      expect((await nsupdate(add)).said).toContain('REFUSED');
      gateway.ledger.uses = Number.POSITIVE_INFINITY;
      gateway.ledger.lent = [];
      expect((await nsupdate(add)).said).toMatch(/BADKEY|NOTAUTH/);
      expect(await recordsAt(upstream.server, `u.app.${ZONE}`, 'A')).toEqual([]);
    });
  });
