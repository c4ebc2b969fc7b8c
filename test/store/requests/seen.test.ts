import { afterEach, beforeEach, expect, test } from 'vitest';
import { planSender } from '../../../services/requests/plans/sender.ts';
import { passedBySpf, seenMail, seenSource } from '../../../services/store/requests/seen.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { ago, DOMAIN, row } from '../../analyzer/rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
  await f.t.db.query(
    `insert into ruawatch.domain_reporters (domain, reporter, standing, decides)
     values ($1, 'google.com', 'known', true), ($1, 'stranger.example', 'new', false)`,
    [DOMAIN],
  );
});
afterEach(() => f.close());
const now = () => f.context.clock.now();
const STRANGER = 'stranger.example';

/** Records of one source in a report of its own. */
let report = 0;
async function mail(reporter: string, source: string, address: string, count: number): Promise<void> {
  report += 1;
  await f.t.db.query(
    `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors,
            records, messages, salvaged, problems, received_at, trust)
     values ($1::bigint, 0, 0, decode(md5($1::text), 'hex'), '', $2, $1::text, $3, $4::timestamptz, $4::timestamptz + interval '1 day', '[]', 1,
             $5, false, '[]', $4::timestamptz, 'ok')`,
    [report, reporter, DOMAIN, `${ago(1)}T00:00:00Z`, count],
  );
  await f.t.db.query(
    `insert into ruawatch.records (report_key, n, begin_at, source, source_ip, count, disposition, auth, dkim_aligned, spf_aligned, forwarded)
     values ($1, 0, $2, $3, $4, $5, 'none', '{}', false, true, false)`,
    [report, `${ago(1)}T00:00:00Z`, source, address, count],
  );
  await f.t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, class)
     values ($1, $2, $3, $3, 1, 1, 'authorized') on conflict do nothing`,
    [DOMAIN, source, ago(1)],
  );
}

test('one message of a stranger hides no warning about a sender that never passes', async () => {
  await f.put([row(ago(1), 'unauthenticated', 500, { source: 'forger.example', reporter: 'google.com' })], { work: false });
  await f.put([row(ago(1), 'both', 1, { source: 'forger.example', reporter: STRANGER })], { work: false });
  const seen = await seenSource(f.t.db, { domain: DOMAIN, source: 'forger.example' }, now());
  expect(seen).toMatchObject({ messages: 500, passed: 0 });
  const wish = { domain: DOMAIN, source: 'forger.example', is_service: false, before: null, after: 'approved' as const };
  const plan = planSender({ ...wish, until: null, seen, finding: null });
  expect(plan.warnings).toHaveLength(1);
  expect(await seenSource(f.t.db, { domain: DOMAIN, source: 'other.example' }, now())).toBeNull();
});

test('a sender that strangers alone report is not seen', async () => {
  await f.put([row(ago(1), 'both', 900, { source: 'forger.example', reporter: STRANGER })], { work: false });
  expect(await seenSource(f.t.db, { domain: DOMAIN, source: 'forger.example' }, now())).toBeNull();
});

test('strangers crowd out neither a sender, nor its addresses, nor a key in use', async () => {
  await mail('google.com', 'ours.example', '192.0.2.9', 10);
  for (let n = 1; n <= 45; n++) await mail(STRANGER, `crowd-${n}.example`, `198.51.100.${n}`, 1_000_000);
  for (let n = 1; n <= 6; n++) await mail(STRANGER, 'ours.example', `203.0.113.${n}`, 1_000_000);
  const days = (reporter: string, selector: string, passed: number) =>
    f.t.db.query(
      `insert into ruawatch.selector_days (domain, source, day, reporter, trust, signing_domain, selector, messages, passed)
       values ($1, 'ours.example', $2, $3, 'ok', $1, $4, $5, $5)`,
      [DOMAIN, ago(1), reporter, selector, passed],
    );
  await days('google.com', 's1', 5);
  await days(STRANGER, 'forged', 1_000_000);
  const { seen, keys } = await seenMail(f.t.db, DOMAIN, now());
  expect(seen).toEqual([{ name: 'ours.example', addresses: ['192.0.2.9'], messages: 10, spf_alone: 10 }]);
  expect([...keys]).toEqual([[`s1._domainkey.${DOMAIN}`, 5]]);
});

test('of what passes SPF, the word of strangers keeps a term and gives it no weight', async () => {
  await mail('google.com', 'ours.example', '192.0.2.9', 10);
  for (let n = 1; n <= 205; n++) await mail(STRANGER, `crowd-${n}.example`, `198.51.100.${n}`, 1_000_000);
  const { sources } = await passedBySpf(f.t.db, DOMAIN, now(), 90);
  expect(sources[0]).toEqual({ address: '192.0.2.9', messages: 10 });
  expect(sources).toHaveLength(200);
  expect(sources[1]).toMatchObject({ messages: 1 });
});
