import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseReporters, ReporterCatalogueError } from '../../../services/report/reporters/catalogue.ts';
import { belongingOf, isFreeMail, isKnown, knownKeys, reporterOf } from '../../../services/report/reporters/reporters.ts';

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'));
const json = read('data/reporters.json') as { reporters: { id: string }[] };
const catalogue = parseReporters(json);
const of = (org_name: string | null, org_email: string | null, address: string) =>
  belongingOf({ org_name, org_email }, address.slice(address.indexOf('@') + 1), address);
const stranger = (org_name: string) => of(org_name, 'dmarc@stranger.example', 'dmarc@stranger.example');

describe('the catalogue of reporters we ship', () => {
  test('keeps to its schema, in the order of its ids, with at least 60 entries', () => {
    const schema = z.fromJSONSchema(read('data/reporters.schema.json') as Parameters<typeof z.fromJSONSchema>[0]);
    expect(schema.safeParse(json).error?.issues ?? []).toEqual([]);
    const ids = json.reporters.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(ids.length).toBeGreaterThanOrEqual(60);
  });

  test('knows every entry from each of its addresses, by each of its names, and nobody else by those that are reserved', () => {
    for (const { name, names, addresses, domains, reserved } of catalogue) {
      const key = names[0]!.toLowerCase();
      for (const address of [...addresses, ...domains.map((domain) => `no-reply@eu-1.${domain}`)]) {
        for (const org_name of names) {
          expect(of(org_name, address, address), `${org_name} ${address}`).toBe('known');
          expect(reporterOf({ org_name, org_email: address }, address.split('@')[1]!, address)).toEqual({
            key,
            label: name,
            known: true,
          });
        }
      }
      for (const org_name of names) expect(stranger(org_name), org_name).toBe(reserved ? 'other' : 'own');
      expect(isKnown(key)).toBe(true);
    }
    expect(new Set(knownKeys()).size).toBe(catalogue.length);
  });

  test.each([
    [{}, null, /"reporters"/],
    [{ reporters: [], more: 1 }, null, /"more"/],
    [{ reporters: [{ name: 'A' }] }, 'number 1', /"id"/],
    [{ reporters: [{ id: 'a', name: 'A', names: ['A'], sources: ['samples: x'] }] }, '"a"', /no address/],
    [
      { reporters: [{ id: 'a', name: 'A', names: ['A'], addresses: ['A@b.example'], sources: ['samples: x'] }] },
      '"a"',
      /lower case/,
    ],
    [{ reporters: [{ id: 'a', name: 'A', names: ['A'], addresses: ['a@b.example'] }] }, '"a"', /"sources"/],
    [{ reporters: [{ id: 'a', name: 'A', names: ['A'], address: [] }] }, '"a"', /"address" is not a field/],
  ])('%j is refused, with what to write instead', (wrong, entry, message) => {
    expect(() => parseReporters(wrong)).toThrow(ReporterCatalogueError);
    expect(() => parseReporters(wrong)).toThrow(message);
    try {
      parseReporters(wrong);
    } catch (error) {
      expect((error as ReporterCatalogueError).entry).toBe(entry);
    }
  });

  test('an address leads to one reporter only', () => {
    const one = { id: 'a', name: 'A', names: ['A'], addresses: ['a@b.example'], sources: ['samples: x'] };
    expect(() => parseReporters({ reporters: [one, { ...one, id: 'b', names: ['B'] }] })).toThrow(/address a@b\.example.*"a"/);
  });
});

describe('names in their normal form', () => {
  test.each([
    'google.com',
    'GOOGLE.COM.',
    'Google LLC.',
    'Google, Inc',
    'Google Inc.',
    'google com',
    'googlecom',
    ' google.com ',
    'goo\u200Bgle.com',
    'google\u00AD.com',
    'g\u043E\u043Egle',
    'g\u043E\u043Egle.com',
    'GoogIe',
    'g00gle',
    '\uFF27\uFF4F\uFF4F\uFF47\uFF4C\uFF45',
    'xn--ggle-55da.com',
    'g\u0333oogle',
    'google\u3002com',
    'Google Inc. via Stranger',
    'Google Reports',
    'DMARC@Google',
    'G o o g l e',
    'GoogleReports',
    'Enterprise Outlook DMARC',
    'enterprise\u00A0outlook',
    'Outlook DMARC Reports',
    'Outlook',
    'Microsoft Corp.',
    'rnicrosoft',
    'Yahoo!',
    'Yahoo! Inc',
    'Mail.ru',
    'mail ru',
    'MAIL.RU LLC',
    '\u041Cail.Ru',
    'WEB.DE',
    'web.de GmbH',
    'G.M.X',
    'GMX GmbH',
    'Amazon SES',
    'amazonses',
    'Linked In',
    'Seznam.cz a.s.',
    'Comcast Corporation',
    'Fastmail Pty Ltd',
    'protection.outlook.com',
    'yandex.ru',
    'gmail.com',
    'Mimecast S.p.A.',
    'Google\u2122',
    '\u{1F156}oogle',
    '\u0262oogle',
    'Linkedln',
    'Amazon Simple Email Service',
  ])("%s from a stranger is another's", (name) => {
    expect(stranger(name)).toBe('other');
  });

  test.each([
    'Googleville GmbH',
    'Stranger Mail',
    'Servicios Web de Stranger',
    'Amazonas Reisen',
    'Outlook Magazine',
    'Gmxa',
    'Report Service GmbH',
    'Yahooligans',
    'Microsofties',
    'stranger.example',
    'Telusko',
    'Mall.ru',
    'Seznamy',
    'WP Design',
    'Comcastle',
    'DMARC Reports',
    '\u65E5\u672C\u30E1\u30FC\u30EB',
    'M\u00FCller & S\u00F6hne',
  ])("%s is nobody's but his own", (name) => {
    expect(stranger(name)).toBe('own');
  });
});

describe('free mail', () => {
  test("an account speaks for no organization, in any name; the provider's own report address does", () => {
    for (const domain of [
      'outlook.com',
      'yahoo.com',
      'aol.com',
      'mail.ru',
      'gmx.net',
      'web.de',
      'fastmail.com',
      '163.com',
      'icloud.com',
    ])
      for (const name of ['Enterprise Outlook', domain, 'Anybody', null]) {
        expect(isFreeMail(domain)).toBe(true);
        expect(of(name, `evil1234@${domain}`, `evil1234@${domain}`), `${name} ${domain}`).toBe('free_mail');
      }
    expect(of('163.com', 'abuse@163.com', 'abuse@163.com')).toBe('known');
    expect(isFreeMail('evil.onmicrosoft.com')).toBe(true);
    expect(isFreeMail('google.com')).toBe(false);
  });

  test('a known reporter that writes from a new address of its organization is no forger, and not known', () => {
    expect(of('Google Inc.', 'postmaster@google.com', 'postmaster@google.com')).toBe('own');
    const reporter = reporterOf({ org_name: 'Google Inc.', org_email: null }, 'google.com', 'postmaster@google.com');
    expect(reporter).toEqual({ key: '@google.com', label: 'Google Inc. (google.com)', known: false });
    expect(isKnown(reporter.key)).toBe(false);
  });
});

describe('whose report it is', () => {
  test('two signers never share a key, whatever they call themselves', () => {
    const claim = { org_name: 'Tern Mail', org_email: 'dmarc@tern.example' };
    expect(reporterOf(claim, 'mail.tern.example', 'dmarc@mail.tern.example')).toEqual({
      key: 'tern.example',
      label: 'Tern Mail (tern.example)',
      known: false,
    });
    expect(reporterOf({ ...claim, org_email: 'x@evil.example' }, 'evil.example', 'x@evil.example').key).toBe('evil.example');
  });

  test('what is not proven is kept under whom it claims to be', () => {
    const key = (org_name: string | null, org_email: string | null) => reporterOf({ org_name, org_email }, null, null).key;
    expect(key('google.com', 'noreply-dmarc-support@google.com')).toBe('google.com');
    expect(key('Google LLC', 'x@evil.example')).toBe('google.com');
    expect(key('Outlook.com', 'dmarcreport@microsoft.com')).toBe('enterprise outlook');
    expect(key('Tern Mail', 'DMARC <dmarc@mail.tern.example>')).toBe('tern.example');
    expect(key('Bob', 'bob@gmail.com')).toBe('bob@gmail.com');
    expect(key('mail.tern.example', null)).toBe('tern.example');
    expect(key('Tern Mail', null)).toBe('tern mail');
    expect(key(null, null)).toBe('unknown');
    expect(reporterOf({ org_name: 'google.com', org_email: null }, null, null).known).toBe(false);
  });
});
