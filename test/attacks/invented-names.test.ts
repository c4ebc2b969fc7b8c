import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { composeWeekly } from '../../services/alerter/mail/weekly.ts';
import { BEGIN, DAY, reportXml } from '../helpers/report.ts';
import { dkimKey, dkimSigned, GOOGLE, knotPresent, startWorld, titled, type World } from './harness.ts';
import { attack, Cast, daysFrom, noonAfter, own, stranger } from './standing.ts';

const EVIL = stranger('evil-receiver.example');
const NAMES = 150;
let serial = 0;

/** One mail with a report on each of many names below the domain. */
function reportsOn(names: readonly string[], org: string, email: string, day: number): Buffer {
  const parts = names.map((domain) => {
    const id = `${domain} ${day} ${serial++}`;
    const xml = reportXml({ org, id, begin: BEGIN + day * DAY, domain, rows: [attack(500)] });
    const body = gzipSync(xml.replace('dmarc@reporter.example', email)).toString('base64').replace(/.{76}/g, '$&\r\n');
    return `--b1\r\nContent-Type: application/gzip; name="${serial}.xml.gz"\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n`;
  });
  const header = `From: ${email}\r\nTo: rua@example.com\r\nSubject: Reports\r\nDate: Fri, 11 Sep 2026 03:00:00 +0000\r\nMessage-ID: <n${serial}@${EVIL.domain}>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b1"\r\n\r\n`;
  return Buffer.from(`${header}${parts.join('')}--b1--\r\n`);
}

/**
 * Threat: what is below an own domain is own, and names cost nothing. A stranger reports on hundreds of names
 * that he makes up below the domain that he attacks, with a signature of his own or without any.
 */
describe.skipIf(!knotPresent)(titled('names invented below an own domain'), () => {
  let world: World;
  afterEach(() => world.close());

  test('have a few quiet findings together, no room in the digest, and hold up nothing that is true', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE]);
    const key = dkimKey();
    await world.publish(EVIL.domain, key);
    const below = 'news.example.com';
    for (const day of daysFrom(0, 9)) {
      const reports = ['example.com', below].map((domain) => cast.report(GOOGLE, day, [own()], { domain }));
      await world.deliver(reports, noonAfter(day));
    }
    world.setNow(noonAfter(9));
    await world.settle();

    world.setNow(noonAfter(11));
    const invented = (kind: string) => Array.from({ length: NAMES }, (_, i) => `${kind}${i}.example.com`);
    await world.deliver(
      [
        ...[9, 10].map((day) =>
          dkimSigned(reportsOn(invented('signed'), EVIL.org, EVIL.email, day), { domain: EVIL.domain, key }),
        ),
        reportsOn(invented('signed'), EVIL.org, EVIL.email, 10),
        reportsOn(invented('unsigned'), GOOGLE.org, GOOGLE.email, 10),
      ],
      noonAfter(11),
    );
    // The flood is in, and waits to be judged; then the true attack is told of.
    await expect
      .poll(async () => (await world.messages()).some(({ state }) => state === 'received'), { timeout: 60_000 })
      .toBe(false);
    await expect.poll(async () => (await world.query('select from ruawatch.trust_checks')).length, { timeout: 60_000 }).toBe(0);
    await world.deliver([cast.report(GOOGLE, 11, [own(), attack(300)])], noonAfter(11));
    const found = async () =>
      (await world.findings()).filter(({ kind }) => kind === 'unauthorized_source').map(({ domain }) => domain);
    await expect.poll(found, { timeout: 60_000, interval: 100 }).toEqual(['example.com']);
    const [{ left }] = (await world.query('select count(distinct domain)::int as left from ruawatch.analysis_work')) as [
      { left: number },
    ];
    expect(left).toBeGreaterThan(NAMES);

    await world.settle();
    const quiet = (await world.findings()).filter(({ kind }) => kind !== 'unauthorized_source');
    expect(quiet.length).toBeGreaterThan(0);
    expect(quiet.length).toBeLessThanOrEqual(4);
    expect(new Set(quiet.map(({ severity }) => severity))).toEqual(new Set(['low']));
    expect((await world.alerts()).map(({ subject }) => subject)).toEqual([
      expect.stringContaining('1 network sends as example.com'),
    ]);

    const { alertFrom, alertTo, alerts } = world.context.config;
    const moment = noonAfter(12);
    await composeWeekly(world.context, { from: alertFrom!, alertTo, alerts }, moment, moment);
    const digest = (await world.alerts()).find(({ kind }) => kind === 'weekly')!.raw;
    expect(digest).toContain('2 domains');
    expect(digest).toContain(below);
  });
});
