import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BEGIN, DAY } from '../helpers/report.ts';
import {
  attackRows,
  bringDay,
  type DkimKey,
  dailyReport,
  dkimKey,
  dkimSigned,
  knotPresent,
  mailOf,
  type Reporter,
  startWorld,
  titled,
  type World,
} from './harness.ts';

/** A reporter that no catalogue has, and a stranger who calls himself the same. */
const TERN: Reporter = { org: 'Tern Mail a.s.', domain: 'tern.example', email: 'dmarc@tern.example' };
const STRANGER: Reporter = { org: 'Tern Mail a.s.', domain: 'stranger.example', email: 'dmarc@stranger.example' };

/**
 * Threat: who calls himself as another does writes into his sums, or displaces his reports (issue 10, part
 * 2).
 */
describe.skipIf(!knotPresent)(titled('the name of a reporter that is not listed'), () => {
  let world: World;
  const key: DkimKey = dkimKey();
  beforeEach(async () => {
    world = await startWorld();
    for (const { domain } of [TERN, STRANGER]) await world.publish(domain, key);
  });
  afterEach(() => world.close());

  const days = () =>
    world.query<{ reporter: string; messages: string }>(
      `select reporter, sum(messages) as messages from ruawatch.source_days where trust = 'ok' and messages > 0 group by 1 order by 1`,
    );

  test('is shared by two signers without their sums being one', async () => {
    const rows = [{ ip: '192.0.2.1', count: 500 }];
    await bringDay(world, 0, [
      dailyReport(TERN, key, 0, rows),
      dailyReport(STRANGER, key, 0, attackRows(2, 900), { id: 'other' } as object),
    ]);
    expect(await days()).toEqual([
      { reporter: 'stranger.example', messages: 1800 },
      { reporter: 'tern.example', messages: 500 },
    ]);
    expect(
      await world.query(
        `select reporter, count(*)::int as n from ruawatch.policy_days where reports > 0 and trust = 'ok' group by 1 order by 1`,
      ),
    ).toEqual([
      { reporter: 'stranger.example', n: 1 },
      { reporter: 'tern.example', n: 1 },
    ]);
    expect(await world.query(`select from ruawatch.source_days where trust = 'pending'`)).toEqual([]);
  });

  test('does not displace the report of its owner, though all that identifies it is the same', async () => {
    const genuine = dailyReport(TERN, key, 0, [{ ip: '192.0.2.1', count: 500 }]);
    await bringDay(world, 0, [genuine, dailyReport(STRANGER, key, 0, [{ ip: '192.0.2.9', count: 1 }])]);
    const reports = await world.reports();
    expect(new Set(reports.map((report) => report.report_id)).size).toBe(1);
    expect(reports.map(({ org_email, trust, stands }) => [org_email, trust, stands])).toEqual([
      [TERN.email, 'ok', true],
      [STRANGER.email, 'ok', true],
    ]);
    expect((await days()).find(({ reporter }) => reporter === 'tern.example')).toEqual({
      reporter: 'tern.example',
      messages: 500,
    });
  });

  test("in a report with its address is another's", async () => {
    const mail = mailOf({ org: TERN.org, id: 'lie', rows: attackRows(2, 900) }, { email: TERN.email, from: STRANGER.email });
    await world.bring([dkimSigned(mail, { domain: STRANGER.domain, key })]);
    expect(await world.reports()).toMatchObject([{ reporter_trust: 'mismatched', trust_domain: 'stranger.example' }]);
  });

  test('stays one reporter through another spelling', async () => {
    const rows = [{ ip: '192.0.2.1', count: 500 }];
    await bringDay(world, 0, [dailyReport(TERN, key, 0, rows)]);
    await bringDay(world, 1, [dailyReport({ ...TERN, org: 'Tern Mail, spol. s r.o.' }, key, 1, rows)]);
    expect(await days()).toEqual([{ reporter: 'tern.example', messages: 1000 }]);
  });

  test('of a known reporter is one through its renames, and another from an address that is not known', async () => {
    const rows = [{ ip: '192.0.2.1', count: 500 }];
    const of = (org: string, email: string): Reporter => ({ org, email, domain: email.slice(email.indexOf('@') + 1) });
    for (const domain of ['google.com', 'microsoft.com', 'dmarc.yahoo.com']) await world.publish(domain, key);
    await bringDay(world, 0, [
      dailyReport(of('google.com', 'noreply-dmarc-support@google.com'), key, 0, rows),
      dailyReport(of('Google LLC', 'noreply-dmarc-support@google.com'), key, 0, rows),
      dailyReport(of('Google Inc.', 'postmaster@google.com'), key, 0, rows),
      dailyReport(of('Enterprise Outlook', 'dmarcreport@microsoft.com'), key, 0, rows),
      dailyReport(of('Outlook.com', 'dmarcreport@microsoft.com'), key, 0, rows),
      dailyReport(of('Yahoo! Inc.', 'noreply@dmarc.yahoo.com'), key, 0, rows),
      dailyReport(of('Yahoo', 'noreply@dmarc.yahoo.com'), key, 0, rows),
    ]);
    expect(await days()).toEqual([
      { reporter: '@google.com', messages: 500 },
      { reporter: 'enterprise outlook', messages: 1000 },
      { reporter: 'google.com', messages: 1000 },
      { reporter: 'yahoo', messages: 1000 },
    ]);
  });

  test('never stands alone before a person: beside it stands the domain that was proven', async () => {
    for (let day = 0; day < 10; day++) {
      await world.deliver(
        [dailyReport(STRANGER, key, day, [{ ip: '192.0.2.1', count: 500 }])],
        new Date((BEGIN + (day + 1) * DAY) * 1000),
      );
    }
    await bringDay(world, 10, [dailyReport(STRANGER, key, 10, attackRows(8, 900))]);
    const findings = await world.findings();
    expect(findings.map(({ kind }) => kind)).toEqual(['unconfirmed_report']);
    expect(findings[0]!.evidence).toMatchObject({ reporter_names: { 'stranger.example': 'Tern Mail a.s. (stranger.example)' } });
  });
});
