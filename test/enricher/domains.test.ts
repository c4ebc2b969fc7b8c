import { describe, expect, test } from 'vitest';
import type { Answer, Dns } from '../../services/dns/client/types.ts';
import { checkOf, LOST_CHECKS } from '../../services/enricher/domains.ts';
import { addressOf, proveDomain } from '../../services/enricher/proof.ts';

const NOW = new Date('2026-09-03T12:00:00Z');
const ONE = { domain: 'a.example', vouched: true, attempts: 0, denied: 0, confirmed: false, lost: false };
const denied = { state: 'denied', reason: 'no' } as const;
const unknown = { state: 'unknown', reason: 'SERVFAIL' } as const;

/** A name service of these TXT records; `null` is one that cannot say. */
function dnsOf(zone: Record<string, string | null>): Dns & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    ask: async (name, type) => {
      asked.push(name);
      const told = { name, aliases: [], ttl: 60, authenticated: false };
      const text = zone[name];
      if (text === null) return { state: 'unknown', reason: 'servfail', message: 'SERVFAIL.' };
      if (text === undefined || type !== 'TXT') return { ...told, state: 'nxdomain' };
      return { ...told, state: 'records', records: [[text]] } as unknown as Answer<typeof type>;
    },
  };
}

describe('when a domain is asked about again, and when it is lost', () => {
  test('what nobody could say decides nothing, and is tried again soon', () => {
    const confirmed = { ...ONE, confirmed: true, denied: LOST_CHECKS - 1, attempts: 3 };
    expect(checkOf(confirmed, unknown, NOW)).toMatchObject({ lost: false, due: new Date(NOW.getTime() + 80 * 60_000) });
    expect(checkOf({ ...confirmed, lost: true }, unknown, NOW)).toMatchObject({ lost: true });
  });

  test('what was proven is lost by several definite answers, what never was is not', () => {
    const confirmed = { ...ONE, confirmed: true };
    expect(checkOf({ ...confirmed, denied: LOST_CHECKS - 2 }, denied, NOW).lost).toBe(false);
    expect(checkOf({ ...confirmed, denied: LOST_CHECKS - 1 }, denied, NOW).lost).toBe(true);
    expect(checkOf({ ...ONE, denied: 50 }, denied, NOW).lost).toBe(false);
    expect(checkOf({ ...confirmed, lost: true, denied: 9 }, { state: 'proven', at: 'a.example', reason: 'r' }, NOW).lost).toBe(
      false,
    );
  });

  test('what is proven is asked about each day; what was, soon, for somebody may be mending it', () => {
    const hours = (one: typeof ONE, proof: Parameters<typeof checkOf>[1]) =>
      (checkOf(one, proof, NOW).due.getTime() - NOW.getTime()) / 3_600_000;
    const proven = { state: 'proven', at: 'a.example', reason: 'r' } as const;
    expect(checkOf(ONE, proven, NOW)).toEqual({
      domain: 'a.example',
      state: 'proven',
      reason: 'r',
      at: 'a.example',
      lost: false,
      due: new Date(NOW.getTime() + 24 * 3_600_000),
    });
    expect(checkOf(ONE, denied, NOW).at).toBeNull();
    const confirmed = { ...ONE, confirmed: true, attempts: 5 };
    expect([hours(confirmed, proven), hours(confirmed, denied), hours({ ...confirmed, lost: true }, denied)]).toEqual([24, 1, 6]);
    expect([0, 1, 5, 6, 60].map((attempts) => hours({ ...ONE, attempts }, unknown) * 60)).toEqual([10, 20, 320, 360, 360]);
  });

  test('the waits grow to a day, or to a week when no proven reporter told of it', () => {
    const hours = (one: typeof ONE) => (checkOf(one, denied, NOW).due.getTime() - NOW.getTime()) / 3_600_000;
    expect([0, 1, 2, 3, 9].map((attempts) => hours({ ...ONE, attempts }))).toEqual([1, 4, 16, 24, 24]);
    expect([0, 3, 9].map((attempts) => hours({ ...ONE, attempts, vouched: false }))).toEqual([1, 64, 168]);
  });
});

describe('the proof', () => {
  const ours = new Set(['dmarc@victim.example', 'rua@xn--bcher-kva.example']);

  test('an address is compared without its case and in A-labels', async () => {
    expect(addressOf('Rua@BÜCHER.example')).toBe('rua@xn--bcher-kva.example');
    expect(addressOf('login')).toBeNull();
    const dns = dnsOf({ '_dmarc.victim.example': 'v=DMARC1; p=none; rua=mailto:DMARC@Victim.example!10m,mailto:x@y.example' });
    expect(await proveDomain('shop.victim.example', ours, dns)).toMatchObject({ state: 'proven', at: 'victim.example' });
  });

  test('an address with a detail behind a plus comes to the one without; nothing else that looks like ours does', async () => {
    const proof = async (rua: string) =>
      (await proveDomain('victim.example', ours, dnsOf({ '_dmarc.victim.example': `v=DMARC1; p=none; rua=${rua}` }))).state;
    expect(await proof('mailto:dmarc+shop@victim.example')).toBe('proven');
    expect(await proof('mailto:x@a.test,mailto:y@b.test,mailto:dmarc%2Bshop@victim.example!10m')).toBe('proven');
    for (const other of [
      '+dmarc@victim.example',
      'x+dmarc@victim.example',
      'dmarc+@evil.test',
      'dmarc+x@victim.example%2Eevil.test',
    ])
      expect([other, await proof(`mailto:${other}`)]).toEqual([other, 'denied']);
  });

  test('either side that cannot say makes it unknown, not denied', async () => {
    const rua = 'v=DMARC1; p=none; rua=mailto:dmarc@victim.example';
    expect((await proveDomain('a.test', ours, dnsOf({ '_dmarc.a.test': null }))).state).toBe('unknown');
    const other = { '_dmarc.a.test': rua, 'a.test._report._dmarc.victim.example': null };
    expect((await proveDomain('a.test', ours, dnsOf(other))).state).toBe('unknown');
    const above = { '_dmarc.shop.victim.example': rua, '_dmarc.victim.example': null };
    expect((await proveDomain('shop.victim.example', ours, dnsOf(above))).state).toBe('unknown');
  });

  test('an account at a provider of free mail is not of its organization, and no question is asked without end', async () => {
    const dns = dnsOf({ '_dmarc.evil.gmail.com': 'v=DMARC1; p=none; rua=mailto:reports@gmail.com' });
    expect((await proveDomain('evil.gmail.com', new Set(['reports@gmail.com']), dns)).state).toBe('denied');
    const deep = dnsOf({});
    await proveDomain(`${'a.'.repeat(100)}test`, ours, deep);
    expect(deep.asked.length).toBeLessThanOrEqual(30);
  });

  test('the record of a public suffix speaks for nobody below it', async () => {
    const psd = dnsOf({ '_dmarc.test': 'v=DMARC1; p=none; psd=y; rua=mailto:dmarc@victim.example' });
    expect((await proveDomain('a.test', ours, psd)).state).toBe('denied');
  });

  const RUA = 'v=DMARC1; p=none; rua=mailto:dmarc@victim.example';
  const ASKED = 'a.test._report._dmarc.victim.example';
  test.each<[string, Record<string, string | null>, string, string]>([
    ['a.test', {}, 'denied', 'No DMARC record that asks for reports applies to a.test.'],
    ['a.test', { '_dmarc.a.test': 'v=DMARC1; p=none' }, 'denied', 'The DMARC record at _dmarc.a.test asks for no reports.'],
    [
      'a.test',
      { '_dmarc.a.test': 'v=DMARC1; p=none; rua=mailto:x@other.test' },
      'denied',
      'The DMARC record at _dmarc.a.test names no mailbox in rua= that is read here.',
    ],
    ['a.test', { '_dmarc.test': `${RUA}; psd=y` }, 'denied', 'The DMARC record that applies is that of the public suffix test.'],
    [
      'a.test',
      { '_dmarc.a.test': RUA },
      'denied',
      `victim.example does not accept reports about a.test: there is no record at ${ASKED}.`,
    ],
    [
      'a.test',
      { '_dmarc.a.test': RUA, [ASKED]: 'v=DMARC1' },
      'proven',
      `The DMARC record at _dmarc.a.test names a mailbox whose domain accepts its reports (${ASKED}).`,
    ],
    [
      'victim.example',
      { '_dmarc.victim.example': RUA },
      'proven',
      'The DMARC record at _dmarc.victim.example names a mailbox of the same organization.',
    ],
    [
      'shop.victim.example',
      { '_dmarc.shop.victim.example': RUA, '_dmarc.victim.example': 'v=DMARC1; p=none' },
      'proven',
      'The DMARC record at _dmarc.shop.victim.example names a mailbox of the same organization.',
    ],
    [
      'shop.victim.example',
      { '_dmarc.shop.victim.example': `${RUA}; psd=n`, '_dmarc.victim.example': 'v=DMARC1; p=none' },
      'denied',
      'victim.example does not accept reports about shop.victim.example: there is no record at shop.victim.example._report._dmarc.victim.example.',
    ],
    [
      'shop.victim.example',
      { '_dmarc.shop.victim.example': RUA, '_dmarc.victim.example': 'v=DMARC1; p=none; psd=y' },
      'denied',
      'victim.example does not accept reports about shop.victim.example: there is no record at shop.victim.example._report._dmarc.victim.example.',
    ],
    ['a.test', { '_dmarc.a.test': null }, 'unknown', 'SERVFAIL.'],
    ['a.test', { '_dmarc.a.test': RUA, [ASKED]: null }, 'unknown', 'SERVFAIL.'],
    ['shop.victim.example', { '_dmarc.shop.victim.example': RUA, '_dmarc.victim.example': null }, 'unknown', 'SERVFAIL.'],
  ])('of %s with the records %j is %s: %s', async (domain, zone, state, reason) => {
    expect(await proveDomain(domain, ours, dnsOf(zone))).toMatchObject({ state, reason });
  });
});
