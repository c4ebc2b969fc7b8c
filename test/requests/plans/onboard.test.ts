import { describe, expect, test } from 'vitest';
import { parseInstructions, planOffboard, planOnboard, recordsFor } from '../../../services/requests/plans/onboard.ts';
import { changeLines } from '../../../services/requests/plans/text.ts';
import { zone } from './zone.ts';

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
  test.each([
    ['nothing', '; nothing'],
    ['prose', 'Please publish the following records'],
    ['a name elsewhere', 'a.example.net. CNAME b.postbird.example.'],
    ['another type', 'em MX 10 mx.postbird.example.'],
    ['SPF, which is the domain’s own', '@ TXT "v=spf1 include:postbird.example ~all"'],
    ['DMARC', '_dmarc TXT "v=DMARC1; p=none"'],
  ])('%s is refused', (_, text) => expect(() => parseInstructions(text, DOMAIN)).toThrow());
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
