import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attackRows, type DkimKey, dkimKey, dkimSigned, knotPresent, mailOf, startWorld, titled, type World } from './harness.ts';

/** Where anybody gets an account, and the names under which its reports come, or might. */
const PROVIDERS: readonly [domain: string, ...names: string[]][] = [
  ['gmail.com', 'google.com', 'Google Inc.', 'Gmail'],
  ['googlemail.com', 'google.com'],
  ['outlook.com', 'Enterprise Outlook', 'Outlook.com', 'Microsoft Corporation', 'outlook.com'],
  ['hotmail.com', 'Hotmail', 'Outlook.com', 'hotmail.com'],
  ['live.com', 'Microsoft'],
  ['msn.com', 'Microsoft'],
  ['yahoo.com', 'Yahoo', 'Yahoo! Inc.', 'yahoo.com'],
  ['yahoo.co.jp', 'Yahoo! JAPAN'],
  ['ymail.com', 'Yahoo'],
  ['aol.com', 'AOL', 'aol.com'],
  ['mail.ru', 'Mail.Ru', 'mail.ru'],
  ['bk.ru', 'Mail.Ru'],
  ['yandex.ru', 'yandex.ru', 'Yandex'],
  ['yandex.com', 'Yandex'],
  ['rambler.ru', 'rambler.ru'],
  ['gmx.net', 'GMX', 'gmx.net'],
  ['gmx.de', 'GMX'],
  ['gmx.com', 'GMX', 'gmx.com'],
  ['web.de', 'WEB.DE', 'web.de'],
  ['t-online.de', 't-online.de', 'Telekom'],
  ['freenet.de', 'freenet.de'],
  ['fastmail.com', 'FastMail Pty Ltd', 'fastmail.com'],
  ['fastmail.fm', 'Fastmail'],
  ['icloud.com', 'icloud.com', 'Apple Inc.'],
  ['me.com', 'Apple Inc.'],
  ['proton.me', 'Proton AG', 'proton.me'],
  ['protonmail.com', 'protonmail.com'],
  ['zoho.com', 'zoho.com', 'Zoho'],
  ['163.com', '163.com', 'NetEase'],
  ['126.com', '126.com'],
  ['qq.com', 'qq.com', 'Tencent'],
  ['sina.com', 'sina.com'],
  ['naver.com', 'naver.com', 'NAVER Corp.'],
  ['orange.fr', 'orange.fr', 'Orange'],
  ['wanadoo.fr', 'wanadoo.fr'],
  ['laposte.net', 'laposte.net', 'La Poste'],
  ['free.fr', 'free.fr'],
  ['libero.it', 'libero.it', 'Italiaonline S.p.A.'],
  ['virgilio.it', 'virgilio.it'],
  ['seznam.cz', 'seznam.cz', 'Seznam.cz, a.s.'],
  ['wp.pl', 'wp.pl', 'Wirtualna Polska'],
  ['o2.pl', 'o2.pl'],
  ['interia.pl', 'interia.pl'],
  ['comcast.net', 'comcast.net', 'Comcast'],
  ['xs4all.nl', 'xs4all.nl'],
  ['verizon.net', 'verizon.net'],
  ['att.net', 'AT&T'],
  ['btinternet.com', 'BT'],
  ['docomo.ne.jp', 'docomo.ne.jp'],
  ['evil.onmicrosoft.com', 'Enterprise Outlook', 'onmicrosoft.com'],
  ['mail.com', 'mail.com'],
  ['tutanota.com', 'Tuta'],
  ['uol.com.br', 'UOL'],
  ['rediffmail.com', 'Rediff'],
];

/** The genuine addresses of those of them that write from where anybody gets an account, or beside it. */
const GENUINE: readonly [address: string, name: string][] = [
  ['noreply-dmarc-support@google.com', 'google.com'],
  ['dmarcreport@microsoft.com', 'Enterprise Outlook'],
  ['noreply@dmarc.yahoo.com', 'Yahoo'],
  ['abuse_dmarc@abuse.aol.com', 'AOL'],
  ['dmarc_support@corp.mail.ru', 'Mail.Ru'],
  ['noreply-dmarc@sicher.gmx.net', 'GMX'],
  ['noreply-dmarc@sicher.web.de', 'WEB.DE'],
  ['reports@fastmaildmarc.com', 'Fastmail Pty Ltd'],
  ['noreply-dmarc@zoho.com', 'zoho.com'],
  ['abuse@163.com', '163.com'],
  ['abuse@126.com', '126.com'],
  ['abuse@seznam.cz', 'seznam.cz'],
  ['dmarc-support@wp.pl', 'wp.pl'],
  ['dmarc.reports@interia.pl', 'interia.pl'],
  ['dmarc-admin@alerts.comcast.net', 'comcast.net'],
  ['noreply@dmarc-reports.xs4all.net', 'xs4all.nl'],
  ['reporting@dmarc25.jp', 'docomo.ne.jp'],
];

/**
 * Threat: an account that anybody gets, whose mail its provider signs, speaks for the provider (issue 10,
 * part 2).
 */
describe.skipIf(!knotPresent)(titled('a free-mail account'), () => {
  let world: World;
  const key: DkimKey = dkimKey();
  beforeEach(async () => {
    const zones = [...PROVIDERS.map(([domain]) => domain), ...GENUINE.map(([address]) => address)].map(
      (name) => name.split('.').at(-1)!,
    );
    world = await startWorld({ zones });
  });
  afterEach(() => world.close());

  test('speaks for no provider, in any name', async () => {
    const mails: Buffer[] = [];
    for (const [domain, ...names] of PROVIDERS) {
      await world.publish(domain, key);
      const email = `evil1234@${domain}`;
      for (const org of [...names, 'Anybody']) {
        const mail = mailOf({ org, id: `${domain} ${org}`, rows: attackRows(3, 900) }, { email });
        mails.push(dkimSigned(mail, { domain, key }));
      }
    }
    await world.bring(mails);
    const reports = await world.reports();
    expect(reports).toHaveLength(mails.length);
    expect(reports.filter((report) => report.reporter_trust !== 'mismatched' || report.trust !== 'bad')).toEqual([]);
    expect((await world.findings()).filter(({ kind }) => kind !== 'forged_report')).toEqual([]);
  });

  test('is no reason to doubt what the provider itself writes', async () => {
    const mails: Buffer[] = [];
    for (const [email, org] of GENUINE) {
      const domain = email.slice(email.indexOf('@') + 1);
      await world.publish(domain, key);
      mails.push(dkimSigned(mailOf({ org, id: org }, { email }), { domain, key }));
    }
    await world.bring(mails);
    expect((await world.reports()).map(({ org_name, trust }) => [org_name, trust])).toEqual(
      GENUINE.map(([, org]) => [org, 'ok']),
    );
  });
});
