import { expect, test } from 'vitest';
import { createDnsClient } from '../../../services/dns/client/client.ts';
import type { RecordType } from '../../../services/dns/client/types.ts';
import type { UpdateOutcome } from '../../../services/dns/wire/outcome.ts';
import { sendUpdate } from '../../../services/dns/wire/send.ts';
import { appendTsig, readSigned, signMessage, type TsigKey } from '../../../services/dns/wire/tsig.ts';
import { type Change, encodeUpdate, type Prerequisite } from '../../../services/dns/wire/update.ts';
import { exchangeBytes, type UpdateServer, type UpdateZone } from '../../helpers/update-servers.ts';

/** What the servers answer differently; everything else in the table is the same for all. */
export interface Differences {
  /** Of a key that may change TXT records alone; PowerDNS knows no such rights, and makes the change. */
  noRight: string;
  outOfZone: string;
  /** The same of the key that may change TXT records below the zone. */
  outOfZoneOfLimited: string;
  unsigned: string;
  unknownKey: string;
  badSecret: string;
  clock: string;
  /** Of a MAC of 16 and of 10 octets. */
  shortMac: string;
  shorterMac: string;
  besideCname: string;
  /** The TTL of a record that is added once more with a TTL of 30. */
  ttlAfterAdd: 30 | 60;
  comparesCase: boolean;
}

const secret = (fill: string, octets: number) => Buffer.alloc(octets, fill);
const full: TsigKey = { name: 'full.key', algorithm: 'hmac-sha256', secret: secret('full secret ', 32) };
const full512: TsigKey = { name: 'full512.key', algorithm: 'hmac-sha512', secret: secret('another one ', 64) };
const texts: TsigKey = { name: 'texts.key', algorithm: 'hmac-sha256', secret: secret('only texts! ', 32) };
const ZONE = 'update.test';
const SPF = 'v=spf1 include:a.example -all';

export const TABLE_ZONE: UpdateZone = {
  zone: ZONE,
  keys: [full, full512, { ...texts, textOnly: true }],
  records: [
    `@ TXT "${SPF}"`,
    '@ TXT "site-verification=1"',
    '_dmarc TXT "v=DMARC1; p=none"',
    's1._domainkey TXT "AAAABBBB"',
    'alias CNAME www',
    'www A 192.0.2.1',
    'race TXT "0"',
    'ttl TXT "same"',
    'mx MX 10 www',
  ],
};

const equals = (name: string, ...records: string[][]): Prerequisite => ({ kind: 'equals', name, type: 'TXT', records });
const replace = (name: string, data: string[], ttl = 60): Change[] => [
  { kind: 'delete_rrset', name, type: 'TXT' },
  { kind: 'add', name, type: 'TXT', ttl, data },
];
const add = (name: string, text: string, ttl = 60): Change => ({ kind: 'add', name, type: 'TXT', ttl, data: [text] });

/** "NOERROR", or the code with the error of TSIG, as the table of the facts writes them. */
function codeOf(outcome: UpdateOutcome): string {
  if (outcome.state === 'accepted') return 'NOERROR';
  if (outcome.state !== 'refused') return `${outcome.state}: ${outcome.reason}`;
  const tsig: Record<string, string> = {
    bad_key: ' BADKEY',
    bad_signature: ' BADSIG',
    bad_time: ' BADTIME',
    bad_truncation: ' BADTRUNC',
  };
  return `${outcome.rcode}${tsig[outcome.reason] ?? ''}`;
}

/** Every row of the table of RFC 2136 behavior, against one server. */
export function table(running: () => UpdateServer, differs: Differences): void {
  const name = (label: string) => `${label}.${ZONE}`;
  const send = (
    prerequisites: Prerequisite[],
    changes: Change[],
    options: { key?: TsigKey; now?: () => number; zone?: string } = {},
  ) =>
    sendUpdate(
      running().server,
      options.key ?? full,
      { zone: options.zone ?? ZONE, prerequisites, changes },
      { ...options, timeoutMs: 8_000 },
    );
  const code = async (...args: Parameters<typeof send>) => codeOf(await send(...args));
  const ask = async <T extends RecordType>(owner: string, type: T) => {
    const client = createDnsClient({ servers: [running().server], recursive: false, cacheEntries: 0, minTtl: 0 });
    const answer = await client.ask(owner, type);
    if (answer.state === 'unknown') throw new Error(answer.message);
    return answer;
  };
  const valuesOf = async (owner: string) => {
    const answer = await ask(owner, 'TXT');
    return answer.state === 'records' ? answer.records.map((strings) => strings.join('|')).sort() : [];
  };
  const serial = async () => {
    const answer = await ask(ZONE, 'SOA');
    return answer.state === 'records' ? answer.records[0]!.serial : null;
  };

  test('the right value before: accepted, the serial rises; the same message again: NXRRSET', async () => {
    const before = await serial();
    const change = () =>
      code([equals(name('_dmarc'), ['v=DMARC1; p=none'])], replace(name('_dmarc'), ['v=DMARC1; p=quarantine']));
    expect(await change()).toBe('NOERROR');
    expect(await valuesOf(name('_dmarc'))).toEqual(['v=DMARC1; p=quarantine']);
    expect(await serial()).toBeGreaterThan(before!);
    expect(await change()).toBe('NXRRSET');
    expect(await valuesOf(name('_dmarc'))).toEqual(['v=DMARC1; p=quarantine']);
  });

  test('all forms of prerequisites, held and not', async () => {
    const none: Change[] = [];
    expect(await code([{ kind: 'present', name: name('www'), type: 'A' }], none)).toBe('NOERROR');
    expect(await code([{ kind: 'present', name: name('www'), type: 'TXT' }], none)).toBe('NXRRSET');
    expect(await code([{ kind: 'absent', name: name('www'), type: 'TXT' }], none)).toBe('NOERROR');
    expect(await code([{ kind: 'absent', name: name('www'), type: 'A' }], none)).toBe('YXRRSET');
    expect(await code([equals(name('www'))], none)).toBe('NOERROR');
    expect(await code([{ kind: 'name_in_use', name: name('www') }], none)).toBe('NOERROR');
    expect(await code([{ kind: 'name_in_use', name: name('nobody') }], none)).toBe('NXDOMAIN');
    expect(await code([{ kind: 'name_not_in_use', name: name('nobody') }], none)).toBe('NOERROR');
    expect(await code([{ kind: 'name_not_in_use', name: name('www') }], none)).toBe('YXDOMAIN');
    const mx = { name: name('mx'), type: 'MX' } as const;
    expect(await code([{ kind: 'equals', ...mx, records: [{ preference: 10, exchange: name('www') }] }], none)).toBe('NOERROR');
    expect(await code([{ kind: 'equals', ...mx, records: [{ preference: 20, exchange: name('www') }] }], none)).toBe('NXRRSET');
  });

  test("a value before with the record's own TTL: FORMERR", async () => {
    const bytes = encodeUpdate({ zone: ZONE, prerequisites: [equals(name('s1._domainkey'), ['AAAABBBB'])], changes: [] }, 7);
    // The TTL of the prerequisite: its record ends with the string, its length and the length of the data.
    const at = bytes.length - 9 - 2 - 4;
    expect(bytes.readUInt32BE(at)).toBe(0);
    bytes.writeUInt32BE(60, at);
    const answer = await exchangeBytes(running().server, signMessage(bytes, full, { time: Math.floor(Date.now() / 1000) }).bytes);
    expect(answer.readUInt16BE(2) & 15).toBe(1);
  });

  test('the set of values is whole, in any order', async () => {
    const one = code([equals(ZONE, [SPF])], [add(ZONE, 'x')]);
    expect(await one).toBe('NXRRSET');
    const all = (...order: string[]) => code([equals(ZONE, ...order.map((text) => [text]))], [add(name('order'), 'x')]);
    expect(await all(SPF, 'site-verification=1')).toBe('NOERROR');
    expect(await all('site-verification=1', SPF)).toBe('NOERROR');
  });

  test('deleting one record and adding another keeps those of strangers', async () => {
    const now = await valuesOf(ZONE);
    const next = 'v=spf1 include:b.example -all';
    const changes: Change[] = [{ kind: 'delete_record', name: ZONE, type: 'TXT', data: [SPF] }, add(ZONE, next)];
    expect(await code([equals(ZONE, ...now.map((text) => [text]))], changes)).toBe('NOERROR');
    expect(await valuesOf(ZONE)).toEqual(['site-verification=1', next]);
    const back: Change[] = [{ kind: 'delete_record', name: ZONE, type: 'TXT', data: [next] }, add(ZONE, SPF)];
    expect(await code([equals(ZONE, [next], ['site-verification=1'])], back)).toBe('NOERROR');
    expect(await valuesOf(ZONE)).toEqual(now);
  });

  test('the strings of a record are part of its value', async () => {
    expect(await code([equals(name('s1._domainkey'), ['AAAA', 'BBBB'])], [add(name('strings'), 'x')])).toBe('NXRRSET');
    expect(await valuesOf(name('strings'))).toEqual([]);
    expect(await code([equals(name('s1._domainkey'), ['AAAABBBB'])], [])).toBe('NOERROR');
  });

  test('letter case: of a name it does not matter, of a value it does (PowerDNS compares without it)', async () => {
    expect(await code([equals(name('S1._DomainKey').toUpperCase(), ['AAAABBBB'])], [])).toBe('NOERROR');
    expect(await code([equals(name('s1._domainkey'), ['aaaabbbb'])], [])).toBe(differs.comparesCase ? 'NXRRSET' : 'NOERROR');
  });

  test('of forty changes at once, exactly one is made', async () => {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) => code([equals(name('race'), ['0'])], replace(name('race'), [`winner ${i}`]))),
    );
    expect(results.filter((result) => result === 'NOERROR')).toHaveLength(1);
    expect(results.filter((result) => result === 'NXRRSET')).toHaveLength(39);
    expect(await valuesOf(name('race'))).toEqual([`winner ${results.indexOf('NOERROR')}`]);
  });

  test('one good and one bad prerequisite: nothing changes', async () => {
    const before = await valuesOf(name('_dmarc'));
    const both = [equals(name('_dmarc'), ...before.map((text) => [text])), equals(name('s1._domainkey'), ['other'])];
    expect(await code(both, replace(name('_dmarc'), ['v=DMARC1; p=reject']))).toBe('NXRRSET');
    expect(await valuesOf(name('_dmarc'))).toEqual(before);
  });

  test('a record beside a CNAME is not added, whatever the server says', async () => {
    expect(await code([], [add(name('alias'), 'x')])).toBe(differs.besideCname);
    const answer = await ask(name('alias'), 'CNAME');
    expect(answer.state === 'records' && answer.records).toEqual([name('www')]);
    expect(await valuesOf(name('alias'))).toEqual([]);
  });

  test('what changes nothing is accepted, and the serial stays', async () => {
    const before = await serial();
    expect(await code([], [{ kind: 'delete_record', name: name('ttl'), type: 'TXT', data: ['other'] }])).toBe('NOERROR');
    expect(await code([], [add(name('ttl'), 'same')])).toBe('NOERROR');
    expect(await serial()).toBe(before);
  });

  test('a record that is there, added with another TTL', async () => {
    expect(await code([], [add(name('ttl'), 'same', 30)])).toBe('NOERROR');
    const answer = await ask(name('ttl'), 'TXT');
    expect(answer.state === 'records' && [answer.records.length, answer.ttl]).toEqual([1, differs.ttlAfterAdd]);
    // Deleted and added in one message, the TTL changes everywhere.
    expect(await code([equals(name('ttl'), ['same'])], replace(name('ttl'), ['same'], 45))).toBe('NOERROR');
    const after = await ask(name('ttl'), 'TXT');
    expect(after.state === 'records' && after.ttl).toBe(45);
  });

  test('an algorithm of 512 bits; a key of two strings', async () => {
    const key = ['k=rsa; p='.padEnd(255, 'A'), 'B'.repeat(140)];
    expect(
      await code([{ kind: 'absent', name: name('s2._domainkey'), type: 'TXT' }], replace(name('s2._domainkey'), key), {
        key: full512,
      }),
    ).toBe('NOERROR');
    expect(await valuesOf(name('s2._domainkey'))).toEqual([key.join('|')]);
    expect(
      await code([equals(name('s2._domainkey'), key)], [{ kind: 'delete_name', name: name('s2._domainkey') }], { key: full512 }),
    ).toBe('NOERROR');
    expect(await valuesOf(name('s2._domainkey'))).toEqual([]);
  });

  test('octets that are no text survive', async () => {
    const octets = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i))
      .join('')
      .slice(1);
    expect(await code([], replace(name('octets'), [octets, '', '"\\;']))).toBe('NOERROR');
    expect(await valuesOf(name('octets'))).toEqual([[octets, '', '"\\;'].join('|')]);
    expect(await code([equals(name('octets'), [octets, '', '"\\;'])], [])).toBe('NOERROR');
  });

  test('a key without the right for one of the types: nothing changes', async () => {
    const changes: Change[] = [
      add(name('right'), 'x'),
      { kind: 'add', name: name('right'), type: 'A', ttl: 60, data: '192.0.2.9' },
    ];
    expect(await code([], changes, { key: texts })).toBe(differs.noRight);
    const made = differs.noRight === 'NOERROR';
    expect(await valuesOf(name('right'))).toEqual(made ? ['x'] : []);
    expect((await ask(name('right'), 'A')).state).toBe(made ? 'records' : 'nxdomain');
    expect(await code([], [add(name('right'), 'x')], { key: texts })).toBe('NOERROR');
    // A prerequisite on a type that the key may not write is allowed: it shows whether the records exist.
    expect(await code([{ kind: 'present', name: name('www'), type: 'A' }], [], { key: texts })).toBe('NOERROR');
  });

  test('a name out of the zone, and a zone that the server does not have', async () => {
    expect(await code([], [add('elsewhere.test', 'x')])).toBe(differs.outOfZone);
    expect(await code([], [add('elsewhere.test', 'x')], { key: texts })).toBe(differs.outOfZoneOfLimited);
    expect((await send([], [add('elsewhere.test', 'x')], { zone: 'elsewhere.test' })).state).toBe('refused');
  });

  test('an unsigned update: refused', async () => {
    const bytes = encodeUpdate({ zone: ZONE, prerequisites: [], changes: [add(name('unsigned'), 'x')] }, 9);
    const answer = await exchangeBytes(running().server, bytes);
    expect(String(answer.readUInt16BE(2) & 15)).toBe(differs.unsigned);
    expect(await valuesOf(name('unsigned'))).toEqual([]);
  });

  test('an unknown key, another secret, a clock that is ten minutes off: refused, nothing changes', async () => {
    const changes = [add(name('signature'), 'x')];
    const unknownKey = await send([], changes, { key: { ...full, name: 'nobody.key' } });
    expect(codeOf(unknownKey)).toBe(differs.unknownKey);
    const badSecret = await send([], changes, { key: { ...full, secret: secret('wrong', 32) } });
    expect(codeOf(badSecret)).toBe(differs.badSecret);
    for (const outcome of [unknownKey, badSecret]) expect(outcome).toMatchObject({ state: 'refused', proven: false });
    for (const minutes of [-10, 10]) {
      const outcome = await send([], changes, { now: () => Date.now() + minutes * 60_000 });
      expect(codeOf(outcome)).toBe(differs.clock);
      if (differs.clock !== 'NOTAUTH BADTIME') continue;
      expect(outcome).toMatchObject({ proven: true });
      const drift = outcome.state === 'refused' ? outcome.drift! : 0;
      expect(Math.abs(drift + minutes * 60)).toBeLessThan(10);
    }
    expect(await valuesOf(name('signature'))).toEqual([]);
  });

  test('a shortened MAC is refused', async () => {
    const bytes = encodeUpdate({ zone: ZONE, prerequisites: [], changes: [add(name('short'), 'x')] }, 11);
    const shortened = async (octets: number) => {
      const signed = readSigned(signMessage(bytes, full, { time: Math.floor(Date.now() / 1000) }).bytes);
      const tsig = signed.tsig!;
      const answer = await exchangeBytes(
        running().server,
        appendTsig(signed.unsigned, { ...tsig, mac: tsig.mac.subarray(0, octets) }),
      );
      const said = readSigned(answer);
      return `${said.message.rcode} ${said.tsig?.error ?? '-'}`;
    };
    expect(await shortened(16)).toBe(differs.shortMac);
    expect(await shortened(10)).toBe(differs.shorterMac);
    expect(await valuesOf(name('short'))).toEqual([]);
  });

  test('the same octets once more: carried out again without a prerequisite, refused with one', async () => {
    const time = Math.floor(Date.now() / 1000);
    const signedBytes = (prerequisites: Prerequisite[]) =>
      signMessage(encodeUpdate({ zone: ZONE, prerequisites, changes: [add(name('replay'), 'x')] }, 13), full, { time }).bytes;
    const post = async (bytes: Buffer) => (await exchangeBytes(running().server, bytes)).readUInt16BE(2) & 15;
    const remove = () => code([], [{ kind: 'delete_rrset', name: name('replay'), type: 'TXT' }]);
    const open = signedBytes([]);
    expect(await post(open)).toBe(0);
    expect(await remove()).toBe('NOERROR');
    expect(await post(open)).toBe(0);
    expect(await valuesOf(name('replay'))).toEqual(['x']);
    const guarded = signedBytes([equals(name('replay'), ['y'])]);
    expect(await post(guarded)).toBe(8);
    expect(await remove()).toBe('NOERROR');
  });
}
