import { afterEach, beforeEach, expect, test } from 'vitest';
import { alignmentFailure } from '../../../services/analyzer/rules/alignment_failure.ts';
import type { SourceWindow } from '../../../services/analyzer/rules/window.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadScatter, type Scatter } from '../../../services/store/analysis/scatter.ts';
import { ago, REPORTERS, sourceWindow, span, wordsFor } from '../../analyzer/rows.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { DAY, receive, reportMail, reportXml, type TestRow } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const SIGNER = 'offers-3f2.example';
/** Mail that a stranger signs as himself. */
const signed = (ip: string, count: number, signer = SIGNER): TestRow => ({
  ip,
  count,
  dkim: 'fail',
  spf: 'fail',
  auth_dkim: [signer, 'pass'],
  auth_spf: [signer, 'pass'],
});

test('counts the networks of what fails, the largest, and those that send mail of ours as well', async () => {
  const begin = Date.parse(`${ago(2)}T00:00:00Z`) / 1000;
  const rows = [
    signed('198.18.1.1', 5),
    signed('198.18.1.200', 7),
    signed('198.18.2.1', 4),
    signed('2001:db8:1::1', 3),
    signed('2001:db8:1:9::1', 2),
    signed('198.18.3.1', 50, 'other.example'),
    { ip: '198.18.2.9', count: 20 },
  ];
  const xml = reportXml({ begin, end: begin + DAY - 1, rows });
  await parseMessages(t.db, await receive(t, [reportMail(xml)]), { trust: { check: 'off', authserv_ids: [] } });
  const load = (sources: string[], reporters = ['reporter.example'], from = ago(13)) =>
    transaction(t.db, async (tx) =>
      Object.fromEntries(
        await loadScatter(tx, 'example.com', sources, { from, to: ago(0), counted: { reporters, votes: 1, from, to: ago(0) } }),
      ),
    );
  expect(await load([SIGNER, 'nobody.example'])).toEqual({ [SIGNER]: { networks: 3, most: 12, shared: 1 } });
  expect(await load([SIGNER, 'other.example'])).toMatchObject({ 'other.example': { networks: 1, most: 50, shared: 0 } });
  expect(await load([SIGNER], ['stranger.example'])).toEqual({});
  expect(await load([SIGNER], undefined, ago(1))).toEqual({});
  expect(await load([])).toEqual({});
});

const MANY: Scatter = { networks: 12, most: 30, shared: 0 };
const first = (scatter: Scatter, extra: Partial<SourceWindow> = {}, source = SIGNER) => {
  const rows = span(5, 0, 'foreign', 10, REPORTERS, { source, signing_domain: source });
  const [finding] = alignmentFailure.find(sourceWindow(rows, { source, scatter, ...extra }));
  return wordsFor(finding).advice[0];
};
const ABUSE = /^If you do not know offers-3f2\.example, somebody forges your name: a little of it comes from each of 12 networks/;
/** The own teams come first where it may be ours: they know what is to be set up. */
const SETUP = /^Ask your own teams first whether one of them uses /;
const SERVICE = {
  id: 'some',
  name: 'Some',
  kind: 'bulk' as const,
  dkim_domains: [],
  spf_domains: [],
  include: [],
  reverse_suffixes: [],
  align: 'Publish its CNAMEs.',
  source: null,
  checked: null,
  records: [],
};

test('an unknown signer with a little from each of many networks is told as abuse first', () => {
  expect(first(MANY)).toMatch(ABUSE);
});

test.each<[string, Scatter, Partial<SourceWindow>, string?]>([
  ['few networks', { ...MANY, networks: 4 }, {}],
  ['most of it from one of them', { ...MANY, most: 120 }, {}],
  ['networks that send our own mail too', { ...MANY, shared: 1 }, {}],
  ['a service of the catalogue', MANY, { sender: SERVICE }],
  ['a name that has ours in it', MANY, {}, 'example-mail.test'],
])('but to be set up first: %s', (_, scatter, extra, source) => {
  expect(first(scatter, extra, source)).toMatch(SETUP);
});
