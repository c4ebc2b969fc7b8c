import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { stringsOf } from '../../services/dns/zonefile.ts';
import { CLUB, PRESS } from '../incidents.ts';
import { BOOKS, PAY } from '../senders.ts';

/** What is wrong in DNS on purpose: the finding that a correct check makes of each. */
export const DNS_INCIDENTS: readonly { finding: string; domain: string }[] = [
  // The include of the ticket service, new this week, made eleven look-ups of ten.
  { finding: 'spf_limit', domain: CLUB },
  // The receipts are signed with a key of 1,024 bits.
  { finding: 'dkim_key_weak', domain: PAY },
  // Somebody registers LOOKALIKE while the demo runs.
  { finding: 'lookalike_domain', domain: PAY },
];

/** A name that may be mistaken for that of PAY: the digit 1 for the letter l. */
export const LOOKALIKE = {
  name: 'kestre1-pay.example',
  records: ['@ NS ns.dime-hosting.example.', '@ MX 10 mail', 'mail A 198.19.200.7', '@ TXT "v=spf1 mx -all"'],
};

/** The last octets of the servers in 192.0.2.0/24 that each domain sends from. */
const SERVERS: Record<string, readonly number[]> = { [BOOKS]: [25, 26], [PAY]: [40, 41], [CLUB]: [60, 61], [PRESS]: [80, 81] };

/** Services that the club includes, and how many includes each has of its own. */
const SERVICES = { 'mail.clubdesk': 2, 'spf.raffleworks': 2, 'spf.printpost': 2, 'spf.tickethall': 1 };

/**
 * The zones of the demo's domains, of the services that send for them, and of the root, so that every other
 * name is said not to exist. They agree with what the reports of the demo say, but for DNS_INCIDENTS.
 */
export function demoZones(): Record<string, string[]> {
  const own = (domain: string, records: string[]) => [
    ...SERVERS[domain]!.map((host) => `out${host} A 192.0.2.${host}`),
    '@ MX 10 mx',
    'mx A 192.0.2.10',
    `_smtp._tls TXT "v=TLSRPTv1; rua=mailto:dmarc@${domain}"`,
    `mta1._domainkey TXT ${keyRecord()}`,
    ...records,
  ];
  const includes = Object.keys(SERVICES).map((name) => `include:${name}.example`);
  return {
    '.': [],
    [BOOKS]: own(BOOKS, [
      '@ TXT "v=spf1 ip4:192.0.2.25 ip4:192.0.2.26 ip6:2001:db8:10::25 -all"',
      `_dmarc TXT "v=DMARC1; p=reject; sp=reject; rua=mailto:dmarc@${BOOKS}"`,
      `lc2._domainkey TXT ${keyRecord()}`,
      'out25 AAAA 2001:db8:10::25',
    ]),
    [PAY]: own(PAY, [
      '@ TXT "v=spf1 ip4:192.0.2.40 ip4:192.0.2.41 -all"',
      `_dmarc TXT "v=DMARC1; p=none; rua=mailto:dmarc@${PAY}"`,
      `lm1._domainkey TXT ${keyRecord(1024)}`,
    ]),
    [CLUB]: own(CLUB, [
      `@ TXT "v=spf1 ip4:192.0.2.60 ip4:192.0.2.61 ${includes.join(' ')} -all"`,
      `_dmarc TXT "v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@${CLUB}"`,
      'news TXT "v=spf1 ip4:192.0.2.62 -all"',
      `th1._domainkey TXT ${keyRecord()}`,
    ]),
    [PRESS]: own(PRESS, [
      '@ TXT "v=spf1 ip4:192.0.2.80 ip4:192.0.2.81 -all"',
      `_dmarc TXT "v=DMARC1; p=none; rua=mailto:dmarc@${PRESS}"`,
      `pw1._domainkey TXT ${keyRecord()}`,
    ]),
    ...reverseZones(),
    // The key of the service that is not set up: its customers publish an alias of it.
    'postbird.example': [`pb1._domainkey TXT ${keyRecord()}`],
    ...Object.fromEntries(
      Object.entries(SERVICES)
        .reverse()
        .map(([name, inner], i) => serviceZone(name, inner, i)),
    ),
  };
}

/** The reverse names of the domains' own servers, each of which leads back. */
function reverseZones(): Record<string, string[]> {
  const pointers = Object.entries(SERVERS).flatMap(([domain, hosts]) => hosts.map((host) => `${host} PTR out${host}.${domain}.`));
  // 2001:db8:10::25
  const six = `5.2.${'0.'.repeat(19)}1.0.0 PTR out25.${BOOKS}.`;
  return { '2.0.192.in-addr.arpa': pointers, '8.b.d.0.1.0.0.2.ip6.arpa': [six] };
}

/** The zone of a service: its SPF record, and those that it includes. */
function serviceZone(name: string, inner: number, i: number): [string, string[]] {
  const [label, zone] = [name.split('.')[0]!, `${name.split('.')[1]}.example`];
  const parts = Array.from({ length: inner }, (_, n) => `pool${n + 1}`);
  return [
    zone,
    [
      `${label} TXT "v=spf1 ${parts.map((part) => `include:${part}.${zone}`).join(' ')} ~all"`,
      ...parts.map((part, n) => `${part} TXT "v=spf1 ip4:203.0.113.${140 + 4 * (2 * i + n)}/30 ~all"`),
    ],
  ];
}

/** Keys of each length, of which those of the zones are made. */
const made = new Map<number, Buffer>();
/** The exponent after the modulus in the DER of an RSA key: 02 03 01 00 01. */
const EXPONENT = 5;

/**
 * A DKIM record of an RSA key, in strings as a zone file has them. Nothing in the demo signs, so a modulus is
 * made of random octets: a key that differs from every other at a fraction of the time that a real one takes.
 */
function keyRecord(bits = 2048): string {
  const der =
    made.get(bits) ?? generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ type: 'spki', format: 'der' });
  made.set(bits, der);
  const key = Buffer.from(der);
  // All but the first and the last octets, which make it as long as it says, and odd.
  const [from, to] = [key.length - EXPONENT - bits / 8 + 1, key.length - EXPONENT - 1];
  randomBytes(to - from).copy(key, from);
  return stringsOf(`v=DKIM1; k=rsa; p=${key.toString('base64')}`)
    .map((string) => `"${string}"`)
    .join(' ');
}
