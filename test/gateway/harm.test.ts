import { describe, expect, test } from 'vitest';
import type { RecordType } from '../../services/dns/client/types.ts';
import { refuseHarm, withPrimary } from '../../services/gateway/harm.ts';
import type { Step } from '../../services/gateway/ledger.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const ZONE = 'example.com';
const signal = new AbortController().signal;
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const name = (value: string) => Buffer.concat([...value.split('.').map((label) => text(label)), Buffer.from([0])]);
const address = (value: string) => Buffer.from(value.split('.').map(Number));
const set = (at: string, type: RecordType, members: Buffer[]) => ({
  name: at,
  type,
  ttl: members.length === 0 ? null : 300,
  members,
});
const step = (at: string, type: RecordType, before: Buffer[], after: Buffer[]): Step => ({
  before: set(at, type, before),
  after: set(at, type, after),
});
const mx = (exchange: string) => [{ preference: 10, exchange }];

/** The names that own domains were looked for by. */
let judged: string[][] = [];
/** What an update is refused for, by the records of the zone; null when it is not. */
async function harm(steps: readonly Step[], records: Zone = {}, own: string[] = [ZONE]): Promise<string | null> {
  judged = [];
  const domainsOf = async (names: readonly string[]) => {
    judged.push([...names]);
    return own;
  };
  const seen = async () => ({ seen: [], keys: new Map<string, number>() });
  const registrable = (one: string) => one.split('.').slice(-2).join('.');
  const refused = await refuseHarm(steps, dnsOf(records), { mail: { domainsOf, seen }, registrable, signal });
  if (refused !== null) expect(refused.rcode).toBe('REFUSED');
  return refused?.why ?? null;
}

test('what changes nothing is not judged', async () => {
  const same = step(`mail.${ZONE}`, 'A', [address('192.0.2.1')], [address('192.0.2.1')]);
  expect(await harm([same], { [ZONE]: { MX: mx(`mail.${ZONE}`) } })).toBeNull();
  expect(await harm([])).toBeNull();
  expect(judged).toEqual([]);
  const text = step(`a.${ZONE}`, 'TXT', [], [Buffer.from([1, 120])]);
  expect(await harm([same, text], { [ZONE]: { TXT: [['v=spf1 -all']] } })).toBeNull();
  expect(judged).toEqual([[`a.${ZONE}`]]);
});

test('a change that bears on more than twenty own domains is for people', async () => {
  const added = [step(`a.${ZONE}`, 'TXT', [], [text('x')])];
  const own = (n: number) => Array.from({ length: n }, (_, i) => `d${i}.example`);
  expect(await harm(added, {}, own(21))).toBe('It bears on mail of more than 20 own domains.');
  expect(await harm(added, {}, own(20))).toBeNull();
});

describe('mail to an own domain stays where it is', () => {
  const records = { [ZONE]: { MX: [...mx(`MAIL.${ZONE}`), ...mx(`mx2.${ZONE}`)] } };
  const [one, two] = [address('192.0.2.1'), address('192.0.2.2')];
  const goes = (at: string) => `${at}.${ZONE} is where mail to ${ZONE} goes.`;
  test.each<[string, Step, string | null]>([
    [
      'its MX records',
      step(ZONE, 'MX', [], [Buffer.concat([Buffer.from([0, 10]), name(`mail.${ZONE}`)])]),
      `Mail to ${ZONE} would go elsewhere.`,
    ],
    [
      'MX records of another name',
      step(`www.${ZONE}`, 'MX', [], [Buffer.concat([Buffer.from([0, 10]), name(`mail.${ZONE}`)])]),
      null,
    ],
    ['another address of its host', step(`mail.${ZONE}`, 'A', [one], [two]), goes('mail')],
    ['one more address of its host', step(`mail.${ZONE}`, 'A', [one], [one, two]), goes('mail')],
    ['one address of its host less', step(`mx2.${ZONE}`, 'A', [one, two], [one]), goes('mx2')],
    ['no address of its host any more', step(`mail.${ZONE}`, 'A', [one], []), goes('mail')],
    ['an alias in place of its host', step(`mail.${ZONE}`, 'CNAME', [], [name('other.example.net')]), goes('mail')],
    ['an IPv6 address of its host', step(`mail.${ZONE}`, 'AAAA', [], [Buffer.alloc(16, 32)]), goes('mail')],
    ['another text of its host', step(`mail.${ZONE}`, 'TXT', [], [text('x')]), null],
    ['an address of another host', step(`www.${ZONE}`, 'A', [one], [two]), null],
  ])('%s', async (_, changed, why) => {
    expect(await harm([changed], records)).toBe(why);
  });

  test('where nobody says which hosts those are, nothing is known to go wrong', async () => {
    expect(await harm([step(`mail.${ZONE}`, 'A', [one], [two])], { [ZONE]: 'unknown' })).toBeNull();
  });
});

describe('a name below an own domain gets no authority of its own', () => {
  const alias = (at: string, to: string) => step(at, 'CNAME', [], [name(to)]);
  const sends = { 'spf.example.net': { TXT: [['v=spf1 ip4:192.0.2.1 -all']] } };
  test.each<[string, Step, Zone, string | null]>([
    [
      'an SPF record',
      step(`a.${ZONE}`, 'TXT', [], [text('v=spf1 ip4:192.0.2.1 -all')]),
      {},
      `a.${ZONE} would have an SPF record of its own, and mail that passes it would pass DMARC of ${ZONE}.`,
    ],
    [
      'an alias of a name with one',
      alias(`a.${ZONE}`, 'spf.example.net'),
      sends,
      `a.${ZONE} would have the SPF record of spf.example.net, and mail that passes it would pass DMARC of the domain above.`,
    ],
    [
      'an alias of a name whose record lets nobody send',
      alias(`a.${ZONE}`, 'spf.example.net'),
      { 'spf.example.net': { TXT: [['v=spf1 -all']] } },
      null,
    ],
    [
      'an alias of a name that nobody answers about',
      alias(`a.${ZONE}`, 'spf.example.net'),
      { 'spf.example.net': 'unknown' },
      null,
    ],
    ['an alias that is not below an own domain', alias('a.example.org', 'spf.example.net'), sends, null],
    ['any other text', step(`a.${ZONE}`, 'TXT', [], [text('v=spf2 x')]), {}, null],
  ])('%s', async (_, changed, records, why) => {
    expect(await harm([changed], { [ZONE]: { TXT: [['v=spf1 -all']] }, ...records })).toBe(why);
  });
});

test('a host that SPF of an own domain names gets no further address', async () => {
  const spf = { [ZONE]: { TXT: [[`v=spf1 a:out.${ZONE} -all`]] }, [`out.${ZONE}`]: { A: ['192.0.2.1'] } };
  const [one, two] = [address('192.0.2.1'), address('192.0.2.2')];
  const why = `out.${ZONE} is a host that SPF of ${ZONE} names: whoever has what is added could send as ${ZONE}.`;
  expect(await harm([step(`out.${ZONE}`, 'A', [one], [one, two])], spf)).toBe(why);
  expect(await harm([step(`other.${ZONE}`, 'A', [one], [one, two])], spf)).toBeNull();
});

test('a record that the change makes invalid is named with its domain', async () => {
  const dmarc = `_dmarc.${ZONE}`;
  const [reject, broken] = [text('v=DMARC1; p=reject'), text('v=DMARC1; p=none')];
  const records = { [ZONE]: {}, [dmarc]: { TXT: [['v=DMARC1; p=reject']] } };
  expect(await harm([step(dmarc, 'TXT', [reject], [broken])], records)).toMatch(/^example\.com: .*p=none/);
});

test('the names of a zone are asked of its server, and all others of everybody', async () => {
  const [own, others] = [dnsOf({}), dnsOf({})];
  const dns = withPrimary(ZONE, own, others);
  for (const one of [ZONE, `a.${ZONE}`, 'example.net', `not${ZONE}`]) await dns.ask(one, 'TXT');
  expect([own.asked, others.asked]).toEqual([
    [`TXT ${ZONE}`, `TXT a.${ZONE}`],
    ['TXT example.net', `TXT not${ZONE}`],
  ]);
});
