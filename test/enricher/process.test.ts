import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { knotPresent, type NameServer, startKnot, startSilent } from '../helpers/knot.ts';
import { mmdb } from '../helpers/mmdb.ts';
import { ruawatch, ruawatchOnce } from '../helpers/process.ts';
import { receive, reportMail, reportXml, trusting } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';

describe.skipIf(!knotPresent)(
  `the enricher beside the analyzer, as a process${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`,
  { timeout: 120_000 },
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-enricher-'));
    let t: TestDatabase;
    let knot: NameServer;
    const settings = (server: string) => {
      const lines = [
        `dns_servers: ["${server}"]`,
        'enrich: { queries_per_second: 1000 }',
        'asn_file: asn.mmdb',
        'sweep: { every_seconds: 0.2, after_seconds: 60 }',
        'analyzer: { patience_seconds: 0.1 }',
      ];
      writeFileSync(path.join(folder, 'ruawatch.yaml'), `${lines.join('\n')}\n`);
    };

    beforeAll(async () => {
      t = await testDatabase();
      writeFileSync(
        path.join(folder, 'asn.mmdb'),
        mmdb({ '0.0.0.0/0': { autonomous_system_number: 64_500, autonomous_system_organization: 'Example Net' } }),
      );
      knot = await startKnot({
        '113.0.203.in-addr.arpa': ['7 PTR mail.example.com.'],
        '2.0.192.in-addr.arpa': [],
        '0.0.127.in-addr.arpa': [],
        '100.51.198.in-addr.arpa': ['5 PTR host-198-51-100-5.isp.example.', '6 PTR host-198-51-100-6.isp.example.'],
        'example.com': ['mail A 203.0.113.7'],
        'isp.example': ['host-198-51-100-5 A 198.51.100.5', 'host-198-51-100-6 A 198.51.100.6'],
      });
      settings(knot.server);
      const failing = { auth_dkim: null, auth_spf: null, dkim: 'fail', spf: 'fail' } as const;
      const xml = reportXml({
        // Recent, as the process has the system's clock.
        begin: Math.floor(Date.now() / 86_400_000) * 86_400 - 2 * 86_400,
        rows: [
          { ip: '203.0.113.7', count: 50 },
          { ip: '192.0.2.9', count: 20 },
          { ip: '198.51.100.5', count: 7, ...failing },
          { ip: '198.51.100.6', count: 7, ...failing },
          {
            ip: '192.0.2.200',
            count: 3,
            auth_dkim: ['mcsv.net', 'pass'],
            auth_spf: ['mcdlv.net', 'pass'],
            dkim: 'fail',
            spf: 'fail',
          },
        ],
      });
      await parseMessages(t.db, await receive(t, [reportMail(xml)], new Date()), { trust: trusting('off') });
    });
    afterAll(async () => {
      await knot.stop();
      await t.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    test('names sources by what DNS, the ASN file and the catalogue say, and ends on SIGTERM with 0', async () => {
      const run = ruawatch(['start', 'enricher', 'analyzer'], { DATABASE_URL: t.url }, folder);
      const named = async () =>
        (
          await t.db.query(
            'select grouped_as, identified_by, messages, passed, name from dmarc.sender_groups order by messages desc, grouped_as',
          )
        ).rows;
      const expected = [
        { grouped_as: 'example.com', identified_by: 'reverse_name', messages: 50, passed: 50, name: 'own servers (example.com)' },
        { grouped_as: 'AS64500', identified_by: 'asn', messages: 20, passed: 20, name: 'Example Net' },
        {
          grouped_as: 'unauthenticated',
          identified_by: 'unauthenticated',
          messages: 14,
          passed: 0,
          name: 'unauthenticated networks',
        },
        { grouped_as: 'mailchimp', identified_by: 'dkim', messages: 3, passed: 0, name: expect.stringMatching(/Mailchimp/) },
      ];
      await until(
        async () => (await named()).filter((group) => ['reverse_name', 'asn'].includes(group.identified_by)).length === 2,
      );
      expect(await named()).toEqual(expected);
      run.child.kill('SIGTERM');
      expect(await run.ended).toEqual({ code: 0, signal: null });
    });

    test('doctor names the ASN file and says whether the name service answers; its silence fails nothing by itself', async () => {
      const lines = async () => (await ruawatchOnce(['doctor'], { DATABASE_URL: t.url }, folder)).stdout;
      const well = await lines();
      expect(well).toMatch(/^ok {4}asn_file: Test-ASN, built 2026-09-01$/m);
      expect(well).toMatch(/^ok {4}reverse names: the name server answers$/m);
      const silent = await startSilent();
      settings(silent.server);
      expect(await lines()).toMatch(
        /^-- {4}reverse names: The name service could not say .*; set dns_servers, or enrich\.dns: off\.$/m,
      );
      await silent.stop();
      writeFileSync(path.join(folder, 'asn.mmdb'), 'nothing');
      expect(await lines()).toMatch(/^FAIL {2}asn_file: asn_file asn\.mmdb is not an MMDB file/m);
    });
  },
);
