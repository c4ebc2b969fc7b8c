import { describe, expect, test } from 'vitest';
import { parseInstructions, planOffboard, planOnboard, recordsFor } from '../../../services/requests/plans/onboard.ts';
import { changeLines } from '../../../services/requests/plans/text.ts';
import { SILENT, zone } from './zone.ts';

const DOMAIN = 'example.com';
const WISH = {
  domain: DOMAIN,
  source: 'postbird',
  is_service: true,
  name: 'Postbird',
  owner: 'marketing',
  expected_daily: 500,
  contract_ends: '2027-12-31',
  records: [],
  before: null,
  why: 'Newsletters.',
};
const NOBODY = { seen: [], keys: new Map<string, number>() };

test('the records of the catalogue are those of the domain', () => {
  expect(recordsFor([{ name: 'k._domainkey.{domain}', type: 'CNAME', value: '{domain}.dkim.postbird.example' }], DOMAIN)).toEqual(
    [{ name: 'k._domainkey.example.com', type: 'CNAME', value: 'example.com.dkim.postbird.example' }],
  );
});

describe('instructions', () => {
  test.each([
    ['s1._domainkey CNAME s1.dkim.postbird.example', 's1._domainkey.example.com', 'CNAME', 's1.dkim.postbird.example'],
    [
      's1._domainkey.example.com CNAME s1.dkim.postbird.example',
      's1._domainkey.example.com',
      'CNAME',
      's1.dkim.postbird.example',
    ],
    [
      's1._domainkey.Example.com.\t3600\tIN\tCNAME\ts1.dkim.postbird.example.',
      's1._domainkey.example.com',
      'CNAME',
      's1.dkim.postbird.example',
    ],
    ['s1._domainkey IN TXT "v=DKIM1; k=rsa; " "p=MIIB"', 's1._domainkey.example.com', 'TXT', 'v=DKIM1; k=rsa; p=MIIB'],
    ['@ TXT "postbird-verification=17"', 'example.com', 'TXT', 'postbird-verification=17'],
    ['em CNAME example.com.postbird.example', 'em.example.com', 'CNAME', 'example.com.postbird.example'],
  ])('%s', (text, name, type, value) => expect(parseInstructions(text, DOMAIN)).toEqual([{ name, type, value }]));
  test('of several records all are read, each with its type', () => {
    const text = '$TTL 60\nem CNAME a.postbird.example\n@ TXT "v=spf10"\n@ TXT "one" "two"\nx TXT "v=DMARC10"';
    expect(parseInstructions(text, DOMAIN)).toEqual([
      { name: 'em.example.com', type: 'CNAME', value: 'a.postbird.example' },
      { name: 'example.com', type: 'TXT', value: 'v=spf10' },
      { name: 'example.com', type: 'TXT', value: 'onetwo' },
      { name: 'x.example.com', type: 'TXT', value: 'v=DMARC10' },
    ]);
  });

  const own = (name: string) =>
    `${name}: SPF and DMARC are the domain's own and not the vendor's; take the record out, and add what it needs by a request of its own.`;
  test.each<[string, string, string | RegExp]>([
    ['nothing', '; nothing', 'The instructions have no TXT or CNAME record.'],
    ['prose', '\nPlease publish the following records', /^Line 2 of the instructions: .*[^.]\.$/],
    [
      'a name elsewhere',
      'a.example.net. CNAME b.postbird.example.',
      'a.example.net is not below example.com: its records are published elsewhere.',
    ],
    [
      'a name that ends alike',
      'notexample.com. CNAME b.postbird.example.',
      'notexample.com is not below example.com: its records are published elsewhere.',
    ],
    [
      'another type',
      'em TXT "x"\nem MX 10 mx.postbird.example.',
      'em.example.com has a record of type MX: take it out, and publish it by other means.',
    ],
    ['SPF, which is the domain’s own', '@ TXT "v=spf1 include:postbird.example ~all"', own('example.com')],
    ['SPF without a term', 'em TXT "V=SPF1"', own('em.example.com')],
    ['DMARC', '_dmarc TXT "v = DMARC1; p=none"', own('_dmarc.example.com')],
  ])('%s is refused', (_, text, message) => {
    expect(() => parseInstructions(text, DOMAIN)).toThrow(
      expect.objectContaining({
        name: 'PermanentError',
        code: 'usage',
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      }),
    );
  });
});

test('one plan publishes, approves until the contract ends, and says who answers for it', async () => {
  const records = parseInstructions('s1._domainkey CNAME s1.dkim.postbird.example\n@ TXT "postbird=17"', DOMAIN);
  const plan = await planOnboard({ ...WISH, records }, zone('@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=reject"'), NOBODY);
  expect(plan).toMatchObject({ kind: 'sender.onboard', warnings: [], risk: 'medium' });
  expect(plan.why).toContain('marketing answers for it; about 500 messages a day are expected.');
  expect(changeLines(plan)).toEqual([
    '+ s1._domainkey.example.com. 3600 CNAME s1.dkim.postbird.example.',
    '+ example.com. 3600 TXT "postbird=17"',
    '  example.com. 3600 TXT "v=spf1 -all"',
    '+ approved: postbird as a sender of example.com until 2027-12-31T23:59:59Z',
  ]);
});

test('what is bad about its records is said of it', async () => {
  const records = parseInstructions('_dmarc.news CNAME d.evil.test', DOMAIN);
  const plan = await planOnboard({ ...WISH, records, expected_daily: null }, zone('@ TXT "v=spf1 -all"'), NOBODY);
  expect(plan).toMatchObject({
    risk: 'high',
    risk_because: ['There is a warning.'],
    summary: 'Let Postbird send as example.com until 2027-12-31: publish 1 RRset and approve it.',
    back: { watch_hours: 720 },
  });
  expect(plan.why).toContain('marketing answers for it; how much mail it sends is not known.');
});

test('what is published already is left out, and an approval alone is a plan', async () => {
  const records = [{ name: 's1._domainkey.example.com', type: 'CNAME' as const, value: 's1.dkim.postbird.example' }];
  const there = zone('s1._domainkey CNAME s1.dkim.postbird.example.');
  for (const given of [records, []])
    expect((await planOnboard({ ...WISH, records: given }, there, NOBODY)).changes).toMatchObject([{ target: 'senders' }]);
});

test('the end withdraws what it brought and is still there, and nothing else', async () => {
  const records = parseInstructions('s1._domainkey CNAME s1.dkim.postbird.example\n@ TXT "postbird=17"', DOMAIN);
  const plan = await planOnboard({ ...WISH, records }, zone('@ TXT "v=spf1 -all"'), NOBODY);
  const now = zone('@ TXT "v=spf1 ip4:192.0.2.1 -all"\n@ TXT "postbird=17"\ns1._domainkey CNAME other.example.net.');
  const end = (standing: 'approved' | null) =>
    planOffboard({ plan, name: 'Postbird', standing, why: 'The contract ended.' }, now, {});
  expect(changeLines((await end('approved'))!)).toEqual([
    '- example.com. 0 TXT "postbird=17"',
    '  example.com. 0 TXT "v=spf1 ip4:192.0.2.1 -all"',
    '- approved: postbird as a sender of example.com',
  ]);
  expect((await end(null))!.changes).toHaveLength(1);
  const alone = zone('s1._domainkey CNAME s1.dkim.postbird.example.');
  const gone = await planOffboard({ plan, name: 'Postbird', standing: null, why: 'x' }, alone, {});
  expect(gone!.changes).toMatchObject([{ name: 's1._domainkey.example.com', ttl: { before: 0, after: null }, after: [] }]);
  expect(await planOffboard({ plan, name: 'Postbird', standing: null, why: 'x' }, zone('@ TXT "v=spf1 -all"'), {})).toBeNull();
});

test('the whole plan of what is published already', async () => {
  expect(await planOnboard({ ...WISH, expected_daily: 1 }, zone(''), NOBODY)).toEqual({
    version: 1,
    kind: 'sender.onboard',
    domain: DOMAIN,
    summary: 'Let Postbird send as example.com until 2027-12-31: approve it.',
    warnings: [],
    why: ['Newsletters.', 'marketing answers for it; about 1 message a day are expected.'],
    risk: 'medium',
    risk_because: ['Somebody else may sign and send as the domain.'],
    changes: [
      {
        target: 'senders',
        domain: DOMAIN,
        source: 'postbird',
        is_service: true,
        before: null,
        after: 'approved',
        until: '2027-12-31T23:59:59Z',
      },
    ],
    back: {
      watch_hours: 720,
      text: 'If reports show no mail of it that passes DMARC within 30 days, or own mail breaks, the previous state is restored. When the contract ends, a request to withdraw all of it opens by itself.',
    },
    finding: null,
    reviews: null,
  });
});

test('what keeps its records from being published is said, and is no approval', async () => {
  const records = [{ name: 'x.example.com', value: 'y' }];
  await expect(planOnboard({ ...WISH, records }, zone('x CNAME y'), NOBODY)).rejects.toMatchObject({ code: 'alias' });
  await expect(planOnboard({ ...WISH, records }, SILENT, NOBODY)).rejects.toMatchObject({ code: 'dns_unknown' });
});

test('the whole plan of the end; what is not known now ends nothing', async () => {
  const records = parseInstructions('s1._domainkey CNAME s1.dkim.postbird.example', DOMAIN);
  const plan = await planOnboard({ ...WISH, records }, zone(''), NOBODY);
  const end = (dns: typeof SILENT) => planOffboard({ plan, name: 'Postbird', standing: 'approved', why: 'Over.' }, dns, {});
  const [alias, entry] = plan.changes;
  expect(await end(zone('s1._domainkey CNAME s1.dkim.postbird.example.'))).toEqual({
    version: 1,
    kind: 'sender.offboard',
    domain: DOMAIN,
    summary: 'Withdraw the records and the approval of Postbird for example.com.',
    warnings: [],
    why: ['Over.'],
    risk: 'medium',
    risk_because: ['Mail that it still sends fails from then on.'],
    changes: [
      {
        target: 'dns',
        name: 's1._domainkey.example.com',
        type: 'CNAME',
        ttl: { before: 0, after: null },
        before: (alias as { after: unknown }).after,
        after: [],
      },
      { ...entry, before: 'approved', after: null, until: null },
    ],
    back: {
      watch_hours: 72,
      text: 'The previous records are restored if mail of authorized senders breaks because of it within 72 hours.',
    },
    finding: null,
    reviews: null,
  });
  await expect(end(SILENT)).rejects.toMatchObject({
    name: 'TransientError',
    code: 'dns_unknown',
    message: 'What s1._domainkey.example.com has now is not known: No server answered in time.',
  });
  expect(await planOffboard({ plan, name: 'Postbird', standing: 'denied', why: 'x' }, zone(''), {})).toBeNull();
});
