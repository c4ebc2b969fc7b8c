import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  attackRows,
  bringDay,
  dailyReport,
  dkimKey,
  dkimSigned,
  GOOGLE,
  knotPresent,
  mailOf,
  ordinaryDays,
  startWorld,
  titled,
  type World,
} from './harness.ts';

const LOOK_ALIKES = [
  ['company suffix', 'Google LLC.'],
  ['another', 'Google, Inc'],
  ['case and dot', 'GOOGLE.COM.'],
  ['blank for the dot', 'google com'],
  ['zero width space', 'goo\u200Bgle.com'],
  ['soft hyphen', 'google\u00AD.com'],
  ['many invisible characters', `${'\u2060'.repeat(400)}google.com`],
  ['invisible Hangul filler', 'goo\u3164gle'],
  ['Cyrillic', 'g\u043E\u043Egle.com'],
  ['all Cyrillic that looks it', '\u0261\u043E\u043E\u0261l\u0435'],
  ['Greek', 'g\u03BF\u03BFgle'],
  ['full width', '\uFF27\uFF4F\uFF4F\uFF47\uFF4C\uFF45'],
  ['mathematical letters', '\u{1D420}\u{1D428}\u{1D428}\u{1D420}\u{1D425}\u{1D41E}'],
  ['capital i for l', 'GoogIe.com'],
  ['digits', 'g00g1e'],
  ['A-labels', 'xn--ggle-55da.com'],
  ['combining marks', 'g\u0338o\u0338ogle'],
  ['ideographic dot', 'google\u3002com'],
  ['no-break space', 'google\u00A0inc'],
  ['within a sentence', 'Google Inc. via Mailer'],
  ['with a service', 'Google Reports'],
  ['with a service in one word', 'GoogleReports'],
  ['spaced', 'G o o g l e'],
  ['Microsoft and more', 'Enterprise Outlook DMARC'],
  ['Outlook and more', 'Outlook DMARC Reports'],
  ['rn for m', 'rnicrosoft'],
  ['Yahoo without the rest', 'Yahoo!'],
  ['Mail.Ru in mixed script', '\u041C\u0430il.Ru'],
  ['an owner in another form', 'Seznam.cz a.s.'],
  ['letters with a stroke', 'Goog\u0142e'],
  ['other letters with a stroke', 'G\u00F8\u00F8gle'],
  ['a capital with a stroke', '\u01E4oogle'],
  ['a letter with a hook', '\u0260oogle'],
  ['signs of currencies', 'Micro$oft \u00A5ahoo'],
  ['the euro', 'Googl\u20AC'],
  ['letters of flags', '\u{1F1EC}\u{1F1F4}\u{1F1F4}\u{1F1EC}\u{1F1F1}\u{1F1EA}'],
  ['a lunate sigma', 'Mi\u03F2rosoft'],
  ['a company suffix in the same word', 'GoogleLLC'],
  ['a word before it in the same word', 'dmarcgoogle'],
  ['a number in the same word', 'Microsoft365'],
  ['a digit of another script', 'G\u19D0\u19D0gle'],
  ['digits of a third one', 'g\uA8D0\u1A80g\u17E1e'],
  ['a letter that is a ring', 'G\u3147\u3147gle'],
  ['circles', 'g\u25EF\u{1F534}gle'],
  ['a reversed letter', 'googl\u0258'],
  ['turned letters', '\u028Eahoo'],
  ['the letter of the second tone', 'micro\u01A8oft'],
  ['two letters for one', 'vveb.de'],
  ['two capitals for one', 'VVEB.DE'],
  ['two others for one', 'Linkeclln'],
  ['many words before it', `${'a '.repeat(41)}Google`],
] as const;

const HONEST = [
  'Googleville GmbH',
  'Outlook Magazine',
  'Yahooligans Club',
  'Microsofties e.V.',
  'Servicios Web de Stranger',
  'Mall.ru Shopping',
  'stranger.example',
  'M\u00FCller & S\u00F6hne',
  '\u65E5\u672C\u30E1\u30FC\u30EB',
  'DMARC Reports',
  'Googles Nachbarn',
  'Comcastic Studios',
  'G\u00F8teborg Mail',
  'Savvy Clients Ltd',
  'Clever Mail',
  '\uC548\uB155 \uBA54\uC77C',
  '\u25CF Circle \u25CF',
];

/**
 * Threat: a name that a person takes for that of a large reporter, from a stranger's domain (issue 10, part
 * 2).
 */
describe.skipIf(!knotPresent)(titled('names that look like those of others'), () => {
  let world: World;
  const key = dkimKey();
  const stranger = (org: string, id: string) =>
    dkimSigned(mailOf({ org, id, rows: attackRows(3, 900) }, { email: 'dmarc@stranger.example' }), {
      domain: 'stranger.example',
      key,
    });
  beforeEach(async () => {
    world = await startWorld();
    await world.publish('stranger.example', key);
  });
  afterEach(() => world.close());

  test("prove nothing from a stranger's domain", async () => {
    await world.bring(LOOK_ALIKES.map(([how, name]) => stranger(name, how)));
    const reports = await world.reports();
    expect(reports.map(({ report_id, reporter_trust }) => [report_id, reporter_trust])).toEqual(
      LOOK_ALIKES.map(([how]) => [how, 'mismatched']),
    );
    expect(await world.query(`select distinct reporter from ruawatch.reports order by 1`)).toEqual(
      ['enterprise outlook', 'google.com', 'linkedin.com', 'mail.ru', 'seznam.cz', 'web.de', 'yahoo'].map((reporter) => ({
        reporter,
      })),
    );
  });

  test("that are somebody's own are his", async () => {
    await world.bring(HONEST.map((name) => stranger(name, name)));
    const reports = await world.reports();
    expect(reports.map(({ org_name, reporter_trust }) => [org_name, reporter_trust])).toEqual(
      HONEST.map((name) => [name, 'authenticated']),
    );
    expect(await world.query('select distinct reporter from ruawatch.reports')).toEqual([{ reporter: 'stranger.example' }]);
  });

  test('are told as forged beside what the reporter really wrote', async () => {
    await world.publish(GOOGLE.domain, key);
    const day = await ordinaryDays(world, GOOGLE, key);
    await bringDay(world, day, [
      dailyReport(GOOGLE, key, day, [{ ip: '192.0.2.1', count: 500 }]),
      stranger('g\u043E\u043Egle.com', 'one'),
      stranger('Google LLC.', 'two'),
    ]);
    const findings = await world.findings();
    expect(findings.map(({ kind, subject }) => [kind, subject])).toEqual([['forged_report', 'google.com']]);
    expect(JSON.stringify(findings[0]!.evidence)).toContain('stranger.example');
  });
});
