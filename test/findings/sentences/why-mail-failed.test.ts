import { describe, expect, test } from 'vitest';
import { messageVerdicts } from '../../../services/dns/message-verdicts.ts';
import { type MessageFacts, type MessageHop, whyWords } from '../../../services/findings/sentences/why-mail-failed.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';

const AT = new Date('2026-11-20T12:00:00Z');
const KEY = 'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
const recipient: MessageHop['recipients'][number] = {
  domain: 'gmail.com',
  relay: 'gmail-smtp-in.l.google.com',
  status: 'sent',
  dsn: '2.0.0',
  dmarc_words: false,
  words: null,
  outside: true,
};
const hop = (more: Partial<MessageHop> = {}): MessageHop => ({
  message_key: 1,
  source: 'eu-1',
  cluster: 'eu-1',
  environment: 'production',
  workload: 'shop',
  domain: 'example.com',
  header_domain: 'example.com',
  envelope_domain: 'example.com',
  host: 'mx1',
  queue_id: 'A1',
  message_id: 'a@example.com',
  started_at: AT,
  direction: 'out',
  client_name: null,
  client_ip: null,
  signatures: [{ domain: 'example.com', selector: 's1' }],
  sign_fault: [],
  verify: [],
  recipients: [recipient],
  bounces: [],
  networks: ['192.0.2.0/28'],
  leads_to: null,
  ...more,
});
const BOUNCE: MessageHop['bounces'][number] = {
  recipient_domain: 'gmx.de',
  action: 'failed',
  status: '5.1.1',
  words: 'no such user',
  dmarc_words: false,
  received_at: 'x',
  expected: true,
};
const FAILED = { reporter: 'gmx.net', source_ip: '192.0.2.3', auth_failure: ['dmarc', 'spf'], counts: true };
const spfOf = (...values: string[]) => values.map((value) => ({ name: 'example.com', type: 'TXT', value }));
const facts = (more: Partial<MessageFacts> = {}): MessageFacts => ({
  hops: [hop()],
  domain: 'example.com',
  keys: [{ name: 's1._domainkey.example.com', value: KEY, first_seen: new Date('2026-10-01T00:00Z'), gone_at: null }],
  spf: { domain: 'example.com', networks: ['192.0.2.0/28'], records: spfOf('v=spf1 ip4:192.0.2.0/28 -all') },
  reported: [],
  failure_reports: [],
  around: [],
  ...more,
});
const why = async (given: MessageFacts) => whyWords(given, await messageVerdicts(given, organizationalDomain));
const wrong = async (given: MessageFacts) => (await why(given)).filter((one) => one.wrong).map(({ says }) => says);

describe('why a mail failed', () => {
  test('nothing is wrong with one that was signed, admitted and taken', async () => {
    expect(await wrong(facts())).toEqual([]);
    expect((await why(facts())).map(({ says }) => says)).toEqual([
      'The servers of gmail.com took it.',
      'It was signed with s1._domainkey.example.com.',
      'The key at s1._domainkey.example.com was seen in DNS, first at 2026-10-01 00:00 UTC.',
      'The SPF record of example.com admits 192.0.2.0/28 by ip4:192.0.2.0/28.',
      'No report about that day and these networks has come yet.',
    ]);
  });

  test.each<[string, Partial<MessageFacts>, RegExp]>([
    [
      'a refusal, with its words',
      { hops: [hop({ recipients: [{ ...recipient, status: 'bounced', dmarc_words: true, words: '550 5.7.26 no' }] })] },
      /^gmail-smtp-in\.l\.google\.com refused it .* at gmail\.com, with words about DMARC, SPF or DKIM: "550 5\.7\.26 no"\.$/,
    ],
    [
      'a queue that gave up',
      { hops: [hop({ recipients: [{ ...recipient, relay: null, status: 'expired' }] })] },
      /^gmail\.com never took it .*gmail\.com\.$/,
    ],
    [
      'a deferral',
      { hops: [hop({ recipients: [{ ...recipient, status: 'deferred', words: '451 later' }] })] },
      /has not taken it yet .*"451 later"/,
    ],
    [
      'a bounce that came back',
      { hops: [hop({ bounces: [BOUNCE] }), hop({ bounces: [BOUNCE] })] },
      /^A bounce says that it has not been delivered at gmx\.de \(5\.1\.1\): "no such user"\.$/,
    ],
    [
      'a bounce about authentication',
      { hops: [hop({ bounces: [{ ...BOUNCE, action: 'delayed', status: '4.7.26', dmarc_words: true, words: 'SPF' }] })] },
      /^A bounce says that it has not been delivered yet at gmx\.de \(4\.7\.26\), with words about DMARC, SPF or DKIM: "SPF"\.$/,
    ],
    [
      'no signature, and what the signer says',
      { hops: [hop({ signatures: [], sign_fault: ['no_signing_table_match'] })], keys: [] },
      /^No signer logged a signature, so DMARC rests on SPF alone\. The signer says: no_signing_table_match\.$/,
    ],
    [
      'a signature of somebody else',
      {
        hops: [hop({ signatures: [{ domain: 'esp.example', selector: 'k' }] })],
        keys: [{ name: 'k._domainkey.esp.example', value: KEY, first_seen: AT, gone_at: null }],
      },
      /^It was signed with k\._domainkey\.esp\.example, which is not aligned with example\.com/,
    ],
    [
      'our own verifier',
      { hops: [hop({ verify: [{ program: 'opendkim', method: 'dkim', result: 'fail', domain: null, selector: null }] })] },
      /^Our own opendkim found DKIM: fail\.$/,
    ],
    [
      'a key that was gone',
      {
        keys: [
          { name: 's1._domainkey.example.com', value: KEY, first_seen: new Date(0), gone_at: new Date('2026-11-20T11:00Z') },
        ],
      },
      /was gone from DNS since 2026-11-20 11:00 UTC/,
    ],
    [
      'a revoked key',
      { keys: [{ name: 's1._domainkey.example.com', value: 'v=DKIM1; p=', first_seen: new Date(0), gone_at: null }] },
      /was revoked/,
    ],
    [
      'a key that was never seen',
      { keys: [{ name: 's1._domainkey.example.com', value: null, first_seen: null, gone_at: null }] },
      /^No key was ever seen at s1\._domainkey/,
    ],
    [
      'an egress that SPF does not admit',
      { spf: { domain: 'example.com', networks: ['198.51.100.7/32'], records: spfOf('v=spf1 ip4:192.0.2.0/28 -all') } },
      /^The SPF record of example\.com did not admit 198\.51\.100\.7\/32/,
    ],
    [
      'no SPF record',
      { spf: { domain: 'example.com', networks: ['192.0.2.1/32'], records: [] } },
      /knows no SPF record of example\.com/,
    ],
    [
      'MAIL FROM at another organization',
      { spf: { domain: 'esp.example', networks: [], records: [{ name: 'esp.example', type: 'TXT', value: 'v=spf1 -all' }] } },
      /^MAIL FROM was at esp\.example, which is not aligned/,
    ],
    [
      'a report',
      {
        reported: [
          {
            reporter: 'google.com',
            day: '2026-11-20',
            address: '192.0.2.3',
            dkim_aligned: false,
            spf_aligned: false,
            disposition: 'reject',
            messages: 7,
          },
        ],
      },
      /^google\.com reports for 2026-11-20 7 messages from 192\.0\.2\.3: DKIM does not pass, SPF does not pass, disposition reject\.$/,
    ],
    [
      'a failure report',
      { failure_reports: [FAILED] },
      /^There is 1 failure report about this message by gmx\.net: dmarc and spf, from 192\.0\.2\.3\.$/,
    ],
  ])('%s', async (_, more, says) => {
    const found = await wrong(facts(more));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(says);
  });

  test('what anybody could have sent is said, and is no proof that something is wrong', async () => {
    const made = facts({
      failure_reports: [{ ...FAILED, counts: false }],
      hops: [hop({ bounces: [{ ...BOUNCE, expected: false }] })],
    });
    expect(await wrong(made)).toEqual([]);
    const said = (await why(made)).map(({ says }) => says);
    expect(said).toContain(
      'A bounce says that it has not been delivered at gmx.de (5.1.1): "no such user". No log shows that it was sent there: it was forwarded, or the bounce is made up.',
    );
    expect(said).toContain(
      'There is 1 failure report about this message by gmx.net, which nobody vouches for: dmarc and spf, from 192.0.2.3.',
    );
  });

  test('an include of which nothing is known leaves SPF open, one that is known decides', async () => {
    const records = spfOf('v=spf1 include:_spf.example.com -all');
    const asked = { domain: 'example.com', networks: ['192.0.2.1/32'] };
    expect(await wrong(facts({ spf: { ...asked, records } }))).toEqual([]);
    const included = { name: '_spf.example.com', type: 'TXT', value: 'v=spf1 ip4:192.0.2.0/24' };
    expect((await why(facts({ spf: { ...asked, records: [...records, included] } }))).map(({ says }) => says)).toContain(
      'The SPF record of example.com admits 192.0.2.1/32 by include:_spf.example.com.',
    );
  });

  test('what is wrong comes first, and no sentence has a hole', async () => {
    const all = await why(
      facts({
        failure_reports: [FAILED, { ...FAILED, counts: false }],
        keys: [],
        hops: [hop({ signatures: [], recipients: [] })],
      }),
    );
    expect(all.map((one) => one.wrong)).toEqual([...all.map((one) => one.wrong)].sort().reverse());
    for (const { says } of all) expect(says).toMatch(/^[A-Z].*\.$/);
    expect(JSON.stringify(all)).not.toMatch(/undefined|null|NaN|Invalid/);
  });

  const key = (name: string, value: string | null) => ({ name, value, first_seen: AT, gone_at: null });
  const to = (status: (typeof recipient)['status'], more: Partial<typeof recipient> = {}) => ({ ...recipient, status, ...more });
  const report = (more: Partial<MessageFacts['reported'][number]> = {}) => ({
    reporter: 'google.com',
    day: '2026-11-20',
    address: '192.0.2.3',
    dkim_aligned: true,
    spf_aligned: true,
    disposition: '',
    messages: 1,
    ...more,
  });
  const verified = (program: string, method: string, result: string) => ({
    program,
    method,
    result,
    domain: null,
    selector: null,
  });
  const selectors = ['s1', 's2', 's3', 's4'];
  const CASES: Record<string, Partial<MessageFacts>> = {
    'deliveries of every kind, three of each': {
      hops: [
        hop({
          recipients: [
            to('sent', { domain: 'b.example' }),
            to('sent', { domain: 'a.example' }),
            to('sent', { domain: 'a.example' }),
            to('sent', { domain: 'inside.example', outside: false }),
            to('bounced', { domain: 'c.example', relay: null, words: '550 no' }),
            to('bounced', { domain: 'd.example' }),
            to('expired', { domain: 'e.example', words: 'too old' }),
            to('expired', { domain: 'f.example' }),
            to('deferred', { domain: 'g.example', relay: null }),
            to('deferred', { domain: 'h.example', words: '451 later' }),
            to('deferred', { domain: 'i.example' }),
            to('deferred', { domain: 'j.example' }),
          ],
        }),
      ],
    },
    'taken by four servers': {
      hops: [hop({ recipients: ['a', 'b', 'c', 'd'].map((one) => to('sent', { domain: `${one}.example` })) })],
    },
    'nothing went outside': { hops: [hop({ recipients: [to('bounced', { outside: false })] })] },
    'bounces, those that logs bear out first, each once': {
      hops: [
        hop({
          bounces: [
            { ...BOUNCE, recipient_domain: 'a.example', status: '', words: '', expected: false },
            { ...BOUNCE, recipient_domain: 'b.example', expected: false },
            { ...BOUNCE, recipient_domain: 'c.example', action: 'delayed' },
            { ...BOUNCE, recipient_domain: 'd.example', expected: false },
          ],
        }),
        hop({ bounces: [{ ...BOUNCE, recipient_domain: 'b.example' }] }),
      ],
    },
    'signatures of four keys, what the signer says, and six verdicts': {
      hops: [
        hop({
          signatures: selectors.map((selector) => ({ domain: 'example.com', selector })),
          sign_fault: ['a', 'b', 'a', 'c', 'd'],
          verify: [
            verified('opendkim', 'dkim', 'pass'),
            verified('opendkim', 'dkim', 'permerror'),
            verified('opendmarc', 'dmarc', 'fail'),
            verified('opendmarc', 'spf', 'fail'),
            verified('opendmarc', 'dmarc', 'none'),
            verified('opendmarc', 'dmarc', 'pass'),
            verified('opendmarc', 'dmarc', 'temperror'),
          ],
        }),
      ],
    },
    'one aligned signature of two': {
      hops: [hop({ signatures: ['esp.example', 'example.com'].map((domain) => ({ domain, selector: 'k' })) })],
    },
    'two signatures of others': {
      hops: [
        hop({ signatures: ['esp.example', 'other.example'].map((domain) => ({ domain, selector: 'k' })), sign_fault: ['x'] }),
      ],
    },
    'keys in each state': {
      keys: [
        key('s1._domainkey.example.com', KEY),
        key('s2._domainkey.example.com', 'v=DKIM1; p='),
        { ...key('s3._domainkey.example.com', KEY), gone_at: new Date('2026-11-20T11:59Z') },
        { ...key('s4._domainkey.example.com', KEY), gone_at: new Date('2026-11-20T12:01Z') },
        key('s5._domainkey.example.com', null),
      ],
    },
    'an SPF record that admits one of two networks': {
      spf: {
        domain: 'example.com',
        networks: ['192.0.2.0/28', '198.51.100.7/32'],
        records: spfOf('v=spf1 ip4:192.0.2.0/28 -all'),
      },
    },
    'no MAIL FROM': { spf: null },
    'reports that agree and that do not': {
      reported: [
        report(),
        report({ dkim_aligned: false, disposition: 'none', messages: 1200 }),
        report({ spf_aligned: false }),
        report({ dkim_aligned: false, spf_aligned: false, disposition: 'quarantine' }),
      ],
    },
    'failure reports of several, and of nobody who is named': {
      failure_reports: [
        { reporter: 'a.example', source_ip: '192.0.2.3', auth_failure: ['dkim'], counts: true },
        { reporter: 'b.example', source_ip: '192.0.2.4', auth_failure: ['dkim', 'spf'], counts: true },
        { reporter: null, source_ip: null, auth_failure: [], counts: false },
      ],
    },
  };

  test('its words in every case are as in golden/', async () => {
    const paragraphs: string[] = [];
    for (const [name, more] of Object.entries(CASES)) {
      const signed = (more.hops ?? [hop()]).flatMap((one) => one.signatures);
      const keys = signed.map(({ selector, domain }) => key(`${selector}._domainkey.${domain}`, KEY));
      const reasons = await why(facts({ keys, ...more }));
      paragraphs.push(
        [`# ${name}`, ...reasons.map(({ part, wrong: bad, says }) => `${part}${bad ? ', wrong' : ''}: ${says}`)].join('\n'),
      );
    }
    await expect(`${paragraphs.join('\n\n')}\n`).toMatchFileSnapshot('golden/why-mail-failed.txt');
  });
});
