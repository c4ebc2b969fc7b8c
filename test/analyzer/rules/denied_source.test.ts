import { afterEach, beforeEach, expect, test } from 'vitest';
import { deniedSource } from '../../../services/analyzer/rules/denied_source.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { endSender, putSender } from '../../../services/store/sources/sender-list.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, REPORTERS, sourceWindow, span, TODAY } from '../rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const OWN = '192.0.2.0/24';
const NET = '198.18.4.0/24';
const open = async () => (await f.findings()).filter((x) => x.state === 'open').map((x) => [x.kind, x.subject]);

test('a denied source that goes on to pass is told, with what lets it pass; mail before the denial is not', async () => {
  await f.put([
    ...span(20, 0, 'both', 500, REPORTERS, { source: OWN }),
    ...span(8, 0, 'unauthenticated', 40, REPORTERS, { source: NET }),
  ]);
  await f.analyze();
  const subject = { domain: DOMAIN, source: OWN, service: null };
  const word = { by: 'Ada', why: 'left in May' };
  await putSender(f.t.db, subject, { verdict: 'denied', word, until: null }, new Date(`${ago(5)}T09:00:00Z`));
  await f.analyze();
  const finding = (await f.findings()).find((x) => x.subject === OWN)!;
  expect(finding).toMatchObject({
    kind: 'unauthorized_source',
    severity: 'high',
    state: 'open',
    first_day: ago(4),
    last_day: TODAY,
    evidence: { messages: 5 * 3 * 500, delivered: 5 * 3 * 500, reporters: REPORTERS, missing: [] },
  });
  expect(finding.evidence.what).toBe(
    `7,500 messages from ${OWN} in the name of ${DOMAIN} passed DMARC by SPF and DKIM, although Ada denied it on ${ago(5)} (left in May).`,
  );
  expect(finding.evidence.advice).toMatchObject([/^Withdraw what lets it sign/, /SPF record/, /senders approve/]);
  expect(await f.events()).toContainEqual(
    expect.objectContaining({ kind: 'unauthorized_source', event: 'opened', notify: true }),
  );

  // It is not the finding of the domain, and neither ends with the other.
  expect(await open()).toContainEqual(['unauthorized_source', DOMAIN]);
  await endSender(f.t.db, subject, word, f.context.clock.now());
  await f.analyze();
  expect(await open()).not.toContainEqual(['unauthorized_source', OWN]);
  expect((await f.findings()).find((x) => x.subject === OWN)!.evidence.resolved_why).toMatch(/no longer denies it/);
  expect(await open()).toContainEqual(['unauthorized_source', DOMAIN]);
});

test('a few stray messages of a denied source, and what receivers say it only passed on, are nothing', () => {
  const listed = {
    entry_key: 1,
    domain: DOMAIN,
    source: OWN,
    is_service: false,
    verdict: 'denied' as const,
    by_name: 'Ada',
    why: 'left',
    since: new Date(`${ago(9)}T09:00:00Z`),
    until: null,
  };
  const told = (rows: SourceDay[]) => deniedSource.find(sourceWindow(rows, { listed })).length;
  expect(told(span(2, 0, 'both', 1, REPORTERS.slice(0, 1), { source: OWN }))).toBe(0);
  expect(told(span(2, 0, 'both', 1, REPORTERS, { source: OWN }))).toBe(1);
  expect(told(span(8, 0, 'forwardedPass', 50, REPORTERS, { source: OWN }))).toBe(0);
  expect(told(span(8, 0, 'unauthenticated', 50, REPORTERS, { source: OWN }))).toBe(0);
  expect(told(span(20, 9, 'both', 50, REPORTERS, { source: OWN }))).toBe(0);
});
