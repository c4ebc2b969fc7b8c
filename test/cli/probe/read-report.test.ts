import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importPaths } from '../../../services/cli/commands/import.ts';
import { isProbeReport } from '../../../services/cli/probe/is-probe-report.ts';
import { readProbeReport } from '../../../services/cli/probe/read-report.ts';
import { reportsOf } from '../../../services/cli/probe/report.ts';
import type { Verdict } from '../../../services/cli/probe/verdict.ts';
import type { ImportSummary } from '../../../services/cli/terminal/import-text.ts';
import { discoverPolicy } from '../../../services/dns/dmarc/walk.ts';
import { saveProbe } from '../../../services/store/sending/probes.ts';
import { dnsOf } from '../../dns/zone.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { reportMail } from '../../helpers/report.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-probe-report-'));
let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(async () => {
  await t.drop();
  rmSync(folder, { recursive: true });
});

const discovery = await discoverPolicy('kestrel.test', dnsOf({ '_dmarc.kestrel.test': { TXT: [['v=DMARC1; p=reject']] } }));
const GOOD: Verdict = {
  at: new Date(0),
  domain: 'kestrel.test',
  from: 'a@kestrel.test',
  mailFrom: 'a@bounce.kestrel.test',
  sender: null,
  dkim: [{ domain: 'kestrel.test', selector: 's1', result: 'pass', why: null, aligned: true }],
  spf: { address: '192.0.2.1', of: 'connection', domain: 'kestrel.test', result: 'pass', why: null, aligned: true },
  dmarc: 'pass',
  discovery,
  underReject: 'delivered',
  findings: [],
};
const UNSIGNED: Verdict = {
  ...GOOD,
  dkim: [],
  spf: { ...GOOD.spf, address: '198.51.100.7', result: 'fail', aligned: false },
  dmarc: 'fail',
  underReject: 'rejected',
};
const begin = new Date('2026-11-27T12:00:00.250Z');
const xmlOf = (...verdicts: Verdict[]) =>
  reportsOf(verdicts, { environment: 'staging', begin, end: new Date('2026-11-27T12:01:00Z') })[0]!.xml;

async function imported(name: string, content: string | Buffer): Promise<ImportSummary> {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  const context = testContext(t);
  try {
    return await importPaths(context, [file], () => undefined);
  } finally {
    await context.queues.close();
  }
}
const mails = async () =>
  (
    await t.db.query(
      'select environment, header_from, source, spf_result, dmarc, under_reject, codes from dmarc.probe_mails order by n',
    )
  ).rows;

test('a report of the probe is imported as mail of its environment, once, and apart from all reports', async () => {
  const xml = xmlOf(GOOD, GOOD, UNSIGNED);
  expect(await imported('staging.xml', xml)).toMatchObject({ probe_reports: 1, probe_mails: 3, reports: 0, quarantined: [] });
  const good = { environment: 'staging', header_from: 'kestrel.test', source: '192.0.2.1', spf_result: 'pass', dmarc: 'pass' };
  const seen = [
    { ...good, under_reject: 'delivered', codes: [] },
    { ...good, under_reject: 'delivered', codes: [] },
    {
      ...good,
      source: '198.51.100.7',
      spf_result: 'fail',
      dmarc: 'fail',
      under_reject: 'rejected',
      codes: ['probe_unsigned', 'probe_spf', 'probe_dmarc'],
    },
  ];
  expect(await mails()).toEqual(seen);
  expect(await imported('again.xml', xml)).toMatchObject({ probe_reports: 0, probe_mails: 0, known: 1 });
  expect(await mails()).toEqual(seen);
  const { rows } = await t.db.query('select environment, header_from, mails, dmarc_pass, rejected from dmarc.probe_days');
  expect(rows).toEqual([{ environment: 'staging', header_from: 'kestrel.test', mails: 3, dmarc_pass: 2, rejected: 1 }]);
  expect((await t.db.query("select from ruawatch.domains where domain = 'kestrel.test'")).rowCount).toBe(0);
  for (const table of ['dmarc.reports', 'dmarc.findings', 'ruawatch.messages'])
    expect((await t.db.query(`select from ${table}`)).rowCount, table).toBe(0);
});

test('what the probe has kept itself does not count a second time', async () => {
  const run = { environment: 'staging', began_at: begin, ended_at: begin, missing: [] };
  await t.db.query('delete from ruawatch.probe_runs');
  expect(await saveProbe(t.db, { ...run, mails: [] })).not.toBeNull();
  expect(await imported('kept.xml', xmlOf(GOOD))).toMatchObject({ probe_reports: 0, known: 1 });
  expect(await mails()).toEqual([]);
});

test('in a mail it is quarantined: whoever sends one may write what he likes', async () => {
  const done = await imported('mail.eml', reportMail(xmlOf(GOOD)));
  expect(done).toMatchObject({ probe_reports: 0, quarantined: [{ code: 'probe_report' }] });
});

test('one with more mails than a run takes, or without an environment, goes the way of all others', async () => {
  const xml = xmlOf(GOOD);
  for (const wrong of [
    xml.replace('<count>1<', '<count>1001<'),
    xml.replace('(staging)', ''),
    xml.slice(0, xml.indexOf('<record>')),
  ]) {
    expect(isProbeReport(Buffer.from(wrong))).toBe(true);
    const read = await readProbeReport(Buffer.from(wrong), 'x.xml');
    if (!wrong.includes('</feedback>')) expect(read === null || read.mails.length === 0).toBe(true);
    else expect(read).toBeNull();
  }
  expect(await imported('many.xml', xml.replace('<count>1<', '<count>100000000<'))).toMatchObject({
    quarantined: [{ code: 'probe_report' }],
  });
});
