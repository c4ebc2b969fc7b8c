import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  CatalogueError,
  lookup,
  mergeCatalogues,
  parseCatalogue,
  SENDER_KINDS,
  type SenderEvidence,
} from '../../../services/analyzer/senders/catalogue.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'));
const json = read('data/senders.json') as { senders: { id: string }[] };
const schemaJson = read('data/senders.schema.json') as Parameters<typeof z.fromJSONSchema>[0] & {
  $defs: { sender: { properties: { kind: { enum: string[] } } } };
};
const schema = z.fromJSONSchema(schemaJson);
const catalogue = parseCatalogue(json);
const senders = [...catalogue.senders.values()];

const of = (dkim_domains: string[], spf_domain: string | null = null, reverse_name: string | null = null): string | null =>
  lookup(catalogue, { dkim_domains, spf_domain, reverse_name })?.id ?? null;
const one = (entry: object) => ({
  senders: [{ id: 'mine', name: 'Mine', kind: 'crm', dkim_domains: ['mine.example'], ...entry }],
});

describe('the catalogue we ship', () => {
  test('keeps to its schema, with the same kinds in both', () => {
    expect(schema.safeParse(json).error?.issues ?? []).toEqual([]);
    expect(schemaJson.$defs.sender.properties.kind.enum).toEqual([...SENDER_KINDS]);
  });

  test('has at least 150 senders, in the order of their ids', () => {
    expect(senders.length).toBeGreaterThanOrEqual(150);
    expect(senders.length).toBe(json.senders.length);
    const ids = json.senders.map((sender) => sender.id);
    expect(ids).toEqual([...ids].sort());
  });

  test('says of every sender how to align it, where that is documented and when it was read', () => {
    for (const { id, align, source, checked } of senders) {
      expect(align, id).toMatch(/^[A-Z].{20,400}\.$/);
      expect(align, id).not.toMatch(/\. [A-Z]/);
      expect(source, id).toMatch(/^https:\/\//);
      expect(checked, id).toMatch(/^20\d\d-\d\d$/);
    }
  });

  test('claims whole organizations only, save a forwarder that is one name of a university', () => {
    const parts = senders.flatMap(({ dkim_domains, spf_domains }) =>
      [...dkim_domains, ...spf_domains].filter((domain) => organizationalDomain(domain) !== domain),
    );
    expect(parts).toEqual(['alum.mit.edu']);
  });

  test('leads from every name to its sender', () => {
    for (const { id, dkim_domains, spf_domains, reverse_suffixes } of senders) {
      for (const domain of dkim_domains) expect(of([domain]), domain).toBe(id);
      for (const domain of spf_domains) expect(of([], `bounce.${domain}`), domain).toBe(id);
      for (const suffix of reverse_suffixes) expect(of([], null, `a12-34.${suffix}`), suffix).toBe(id);
    }
  });
});

describe('lookup', () => {
  const cases: [string | null, SenderEvidence][] = [
    ['sendgrid', { dkim_domains: ['sendgrid.net'], spf_domain: 'u13494342.wl093.sendgrid.net', reverse_name: null }],
    ['sendgrid', { dkim_domains: [], spf_domain: null, reverse_name: 's.wfbtzhst.outbound-mail.sendgrid.net' }],
    ['amazon-ses', { dkim_domains: ['example.com', 'amazonses.com'], spf_domain: 'eu-west-1.amazonses.com', reverse_name: null }],
    ['amazon-ses', { dkim_domains: [], spf_domain: null, reverse_name: 'a11-124.smtp-out.amazonses.com.' }],
    ['mailgun', { dkim_domains: [], spf_domain: null, reverse_name: 'm43-7.mailgun.net' }],
    ['mailchimp', { dkim_domains: [], spf_domain: 'mail208.atl82.rsgsv.net', reverse_name: null }],
    ['mandrill', { dkim_domains: ['mandrillapp.com'], spf_domain: 'mandrillapp.com', reverse_name: null }],
    ['postmark', { dkim_domains: ['example.com'], spf_domain: 'pm.mtasv.net', reverse_name: null }],
    ['google-workspace', { dkim_domains: ['example-com.20230601.gappssmtp.com'], spf_domain: 'example.com', reverse_name: null }],
    ['google-workspace', { dkim_domains: [], spf_domain: null, reverse_name: 'mail-wi0-f196.google.com' }],
    ['microsoft-365', { dkim_domains: ['contoso.onmicrosoft.com'], spf_domain: null, reverse_name: null }],
    [
      'microsoft-365',
      { dkim_domains: [], spf_domain: null, reverse_name: 'mail-db8eur05on2087.outbound.protection.outlook.com' },
    ],
    ['hubspot', { dkim_domains: ['bf10x.hubspotemail.net'], spf_domain: 'bf10x.hubspotemail.net', reverse_name: null }],
    ['salesforce', { dkim_domains: ['example.com'], spf_domain: 'abc123.bnc.salesforce.com', reverse_name: null }],
    ['zendesk', { dkim_domains: ['zendesk.com'], spf_domain: 'example.com', reverse_name: null }],
    ['ionos', { dkim_domains: [], spf_domain: null, reverse_name: 'mout.kundenserver.de' }],
    ['symantec-email-security-cloud', { dkim_domains: [], spf_domain: null, reverse_name: 'mail1.bemta41.messagelabs.com' }],
    ['fastmail', { dkim_domains: [], spf_domain: null, reverse_name: 'fout-b8-smtp.messagingengine.com' }],
    ['mimecast', { dkim_domains: [], spf_domain: null, reverse_name: 'us-smtp-delivery-124.mimecast.com' }],
    ['proofpoint-essentials', { dkim_domains: [], spf_domain: null, reverse_name: 'dispatch1-us1.ppe-hosted.com' }],
    ['barracuda', { dkim_domains: [], spf_domain: null, reverse_name: 'outbound-ip191a.ess.barracuda.com' }],
    ['cisco-secure-email', { dkim_domains: [], spf_domain: null, reverse_name: 'esa.microchip.iphmx.com' }],
    ['salesforce-marketing-cloud', { dkim_domains: [], spf_domain: null, reverse_name: 'db229.mta.exacttarget.com' }],
    ['hostinger', { dkim_domains: [], spf_domain: null, reverse_name: 'fr-int-smtpout29.hostinger.io' }],
    ['klaviyo', { dkim_domains: [], spf_domain: null, reverse_name: 'o1366.shared.klaviyomail.com' }],
    ['shopify', { dkim_domains: ['shopifyemail.com'], spf_domain: 'bounces.shopifyemail.com', reverse_name: null }],
    ['duckduckgo-email-protection', { dkim_domains: ['duck.com'], spf_domain: 'duck.com', reverse_name: null }],
    ['cloudflare-email-routing', { dkim_domains: [], spf_domain: null, reverse_name: 'a0-7.email.cloudflare.net' }],
    ['forward-email', { dkim_domains: ['example.com'], spf_domain: 'forwardemail.net', reverse_name: null }],
    ['easydns', { dkim_domains: ['example.com'], spf_domain: 'easysrs.org', reverse_name: null }],
    ['ietf-lists', { dkim_domains: [], spf_domain: 'ietf.org', reverse_name: 'mail.ietf.org' }],
    [null, { dkim_domains: ['example.com'], spf_domain: 'example.com', reverse_name: 'mail.example.com' }],
    [null, { dkim_domains: [], spf_domain: null, reverse_name: null }],
  ];
  test.each(cases)('%s', (id, evidence) => {
    expect(lookup(catalogue, evidence)?.id ?? null).toBe(id);
  });

  test('believes a signature before SPF, and SPF before the reverse name', () => {
    expect(of(['zendesk.com'], 'sendgrid.net', 'm43-7.mailgun.net')).toBe('zendesk');
    expect(of(['example.com'], 'sendgrid.net', 'm43-7.mailgun.net')).toBe('sendgrid');
    expect(of(['example.com'], 'example.net', 'm43-7.mailgun.net')).toBe('mailgun');
    expect(of(['zendesk.com', 'sendgrid.net'])).toBe('zendesk');
  });

  test('keeps the roles apart and the labels whole', () => {
    expect(of([], null, 'mail.mandrillapp.com.example.net')).toBe(null);
    expect(of(['notsendgrid.net'])).toBe(null);
    // cloudflare.net has many hosts; only those of its mail forwarding are a forwarder by name.
    expect(of([], null, 'edge.cloudflare.net')).toBe(null);
  });

  test('takes names as reports spell them and is not impressed by endless ones', () => {
    expect(of(['SendGrid.NET.'])).toBe('sendgrid');
    expect(of([], 'bounces@u1.wl2.SENDGRID.net')).toBe('sendgrid');
    expect(of([`${'a.'.repeat(100_000)}sendgrid.net`])).toBe(null);
    expect(of(['', '.', '..'])).toBe(null);
    expect(of(['.sendgrid.net'])).toBe('sendgrid');
    // The longest name that DNS has, with the dot at its end, and one letter more.
    const longest = `${'a.'.repeat(120)}b.sendgrid.net`.slice(-253).replace(/^\./, 'a');
    expect([longest.length, of([`${longest}.`]), of([`a${longest}.`])]).toEqual([253, 'sendgrid', null]);
  });
});

describe('a user catalogue', () => {
  test('adds senders, replaces entries whole and wins the names it claims', () => {
    const users = parseCatalogue({
      senders: [
        { id: 'our-erp', name: 'Our ERP', kind: 'billing', spf_domains: ['erp.example'], reverse_suffixes: ['out.mailgun.net'] },
        { id: 'sendgrid', name: 'SendGrid (EU account)', kind: 'transactional', dkim_domains: ['eu.sendgrid.net'] },
        { id: 'our-desk', name: 'Our desk', kind: 'helpdesk', dkim_domains: ['zendesk.com'] },
      ],
    });
    const merged = mergeCatalogues(catalogue, users);
    const id = (evidence: Partial<SenderEvidence>) =>
      lookup(merged, { dkim_domains: [], spf_domain: null, reverse_name: null, ...evidence })?.id ?? null;
    expect(merged.senders.size).toBe(catalogue.senders.size + 2);
    expect(id({ spf_domain: 'bounce.erp.example' })).toBe('our-erp');
    expect(id({ reverse_name: 'm1.out.mailgun.net' })).toBe('our-erp');
    expect(id({ reverse_name: 'm43-7.mailgun.net' })).toBe('mailgun');
    expect(id({ dkim_domains: ['em.eu.sendgrid.net'] })).toBe('sendgrid');
    expect(id({ dkim_domains: ['sendgrid.net'] })).toBe(null);
    expect(id({ spf_domain: 'sendgrid.net' })).toBe(null);
    expect(merged.senders.get('sendgrid')?.name).toBe('SendGrid (EU account)');
    expect(id({ dkim_domains: ['zendesk.com'] })).toBe('our-desk');
    expect(id({ spf_domain: 'zendesk.com' })).toBe('zendesk');
    expect(of(['sendgrid.net'])).toBe('sendgrid');
  });

  test('may leave out what it does not know', () => {
    expect(parseCatalogue(one({})).senders.get('mine')).toEqual({
      id: 'mine',
      name: 'Mine',
      kind: 'crm',
      dkim_domains: ['mine.example'],
      spf_domains: [],
      include: [],
      reverse_suffixes: [],
      align: null,
      records: [],
      source: null,
      checked: null,
    });
  });

  const wrong: [string, unknown, string][] = [
    ['no list', [], 'The sender catalogue is not valid: it has to be an object with a list "senders".'],
    ['a list that is none', { senders: {} }, 'it has to be an object with a list "senders".'],
    ['a stray key', { senders: [], sender: [] }, '"sender" is unknown beside "senders"'],
    ['an entry that is no object', { senders: ['x'] }, 'Sender number 1 is not valid: it has to be an object.'],
    ['no id', { senders: [{ name: 'x' }] }, 'Sender number 1 is not valid: "id" has to be lower case letters'],
    [
      'a misspelt field',
      one({ dkim_domain: [] }),
      'Sender "mine" is not valid: "dkim_domain" is not a field; the fields are id,',
    ],
    ['an empty name', one({ name: ' ' }), '"name" has to be a text.'],
    ['an unknown kind', one({ kind: 'bluk' }), 'Sender "mine" is not valid: "kind" has to be one of mailbox_provider,'],
    ['a text for a list', one({ include: 'spf.mine.example' }), '"include" has to be a list of domain names.'],
    [
      'upper case',
      one({ spf_domains: ['Mine.Example.'] }),
      '"Mine.Example." in "spf_domains" is not a domain name in lower case; write mine.example.',
    ],
    ['an address', one({ spf_domains: ['192.0.2.1'] }), '"192.0.2.1" in "spf_domains" is not a domain name in lower case.'],
    ['a public suffix', one({ spf_domains: ['co.uk'] }), '"co.uk" in "spf_domains" is a public suffix'],
    ['nothing to be known by', one({ dkim_domains: [] }), 'it has no name to be known by'],
    ['a source that is no URL', one({ source: 'their site' }), '"source" has to be a URL'],
    ['a month that is none', one({ checked: '2026-13' }), '"checked" has to be a month'],
    ['a name twice', one({ dkim_domains: ['mine.example', 'mine.example'] }), 'it claims "mine.example" in dkim_domains twice'],
    [
      'an id twice',
      { senders: [...one({}).senders, ...one({}).senders] },
      'Sender "mine" is not valid: entry 2 uses the id again',
    ],
    [
      'a name of two senders',
      { senders: [...one({}).senders, { ...one({}).senders[0], id: 'yours' }] },
      'Sender "yours" is not valid: it claims "mine.example" in dkim_domains as "mine" does; a name leads to one sender only.',
    ],
  ];
  test.each(wrong)('is refused with a sentence: %s', (_what, value, sentence) => {
    const parse = () => parseCatalogue(value);
    expect(parse).toThrow(CatalogueError);
    expect(parse).toThrow(sentence);
  });

  test('has names of 253 letters at most', () => {
    const longest = `${'a.'.repeat(122)}b.example`.slice(-253).replace(/^\./, 'a');
    const parsed = (spf: string) => parseCatalogue(one({ spf_domains: [spf] })).senders.get('mine')!.spf_domains;
    expect([longest.length, parsed(longest)]).toEqual([253, [longest]]);
    expect(() => parsed(`a${longest}`)).toThrow('is not a domain name in lower case');
  });

  test('accepts what the schema accepts of the shapes above, and refuses what it refuses', () => {
    // What only a whole view of the file can tell is beyond a schema.
    const beyond = new Set([
      'a public suffix',
      'nothing to be known by',
      'a name twice',
      'an id twice',
      'a name of two senders',
      'an empty name',
    ]);
    for (const [what, value] of wrong) expect(schema.safeParse(value).success, what).toBe(beyond.has(what));
    expect(schema.safeParse(one({})).success).toBe(true);
  });

  test('is the example of docs/senders.md', () => {
    const doc = readFileSync(new URL('../../../docs/senders.md', import.meta.url), 'utf8');
    const example: unknown = JSON.parse(/```json\n([\s\S]*?)```/.exec(doc)?.[1] ?? '');
    expect(schema.safeParse(example).success).toBe(true);
    const merged = mergeCatalogues(catalogue, parseCatalogue(example));
    expect(lookup(merged, { dkim_domains: [], spf_domain: 'mail.invoices.example', reverse_name: null })?.name).toBe(
      'Our invoicing',
    );
    for (const kind of SENDER_KINDS) expect(doc).toContain(`\`${kind}\``);
  });
});

test('the records of a service are below the domain of the customer', () => {
  const records = [{ name: 'k1._domainkey.{domain}', type: 'CNAME', value: 'dkim.mine.example' }];
  expect(parseCatalogue(one({ records })).senders.get('mine')?.records).toEqual(records);
  for (const [bad, says] of [
    [{ ...records[0], name: 'k1._domainkey.example.com' }, /ends in "\.\{domain\}"/],
    [{ ...records[0], name: '{domain}' }, /ends in "\.\{domain\}"/],
    [{ ...records[0], ttl: 60 }, /has to have name, type and value/],
    [{ ...records[0], type: 'A' }, /type CNAME or TXT/],
    [{ ...records[0], value: 'd\u00e9' }, /a value in ASCII/],
    [{ ...records[0], value: 5 }, /a value in ASCII/],
    [{ ...records[0], value: 'v'.repeat(2001) }, /a value in ASCII/],
    [{ ...records[0], name: `${'a'.repeat(245)}.{domain}` }, /has to have name, type and value/],
    ['x', /has to have name, type and value/],
    [null, /has to have name, type and value/],
  ] as const)
    expect(() => parseCatalogue(one({ records: [bad] }))).toThrow(says);
  const most = Array(20).fill({ name: `${'a'.repeat(244)}.{domain}`, type: 'TXT', value: 'v'.repeat(2000) });
  expect(parseCatalogue(one({ records: most })).senders.get('mine')?.records).toEqual(most);
  expect(() => parseCatalogue(one({ records: Array(21).fill(records[0]) }))).toThrow(/at most 20 records/);
});
