import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { markDigest } from '../../../services/store/alerts/digests.ts';
import { claimDueMail, insertMail, markMailed, unhandledEvents } from '../../../services/store/alerts/outbox.ts';
import { noteRefusal, refusedAlerts, retryRefused, unmailedFindings } from '../../../services/store/alerts/refusals.ts';
import { spreadRequestEvents } from '../../../services/store/alerts/request-mails.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { ADA, BEN, CLEO, opened, TWO } from '../../alerter/requests/setup.ts';
import { type Bench, bench } from '../../alerter/setup.ts';
import { GROUPS } from '../../requests/sample.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const TO = ['a@example.org', 'b@example.org'];
const HOUR = 3_600_000;
const WHY = 'x'.repeat(301);
const hours = (n: number) => new Date(b.now.getTime() + n * HOUR);

/** Puts a mail into the outbox and claims it. */
const claimed = (about: { events?: number[]; digest_key?: number }) =>
  transaction(b.db, async (tx) => {
    const mail = {
      kind: 'digest',
      finding_key: null,
      recipients: TO,
      subject: 's',
      raw: Buffer.from('m'),
      urgent: false,
    } as const;
    await insertMail(tx, { ...mail, message_id: `<${JSON.stringify(about)}>`, created_at: b.now, ...about });
    return (await claimDueMail(tx, b.now))!;
  });
const refused = (mail: Awaited<ReturnType<typeof claimed>>, recipients: string[], waits: (number | null)[]) => {
  const asked: unknown[] = [];
  const wait = (refusals: number, since: Date) => {
    asked.push([refusals, since]);
    return waits[asked.length - 1]!;
  };
  return transaction(b.db, async (tx) => ({
    ...(await noteRefusal(tx, mail, { recipients, why: WHY, now: b.now, wait })),
    asked,
  }));
};
const COLUMNS = 'mailed_to, refused_for, refusals, refusal, retry_at';

test('events whose mail was refused are mailed anew to those who were refused, or given up', async () => {
  const findings = [await b.event({ domain: 'a.example' }), await b.event({ domain: 'b.example' })];
  const events = (await transaction(b.db, unhandledEvents)).map(({ event_key }) => event_key);
  await transaction(b.db, (tx) => markMailed(tx, events, { to: TO, all: TO, at: b.now }));
  const at = b.now;
  b.later(60);
  const mail = await claimed({ events });
  expect(await refused(mail, [TO[1]!], [2 * HOUR, null])).toEqual({
    again: 1,
    over: 1,
    asked: [
      [0, at],
      [0, at],
    ],
  });
  const rows = async () =>
    (await b.db.query(`select ${COLUMNS}, handled_at from ruawatch.finding_events order by event_key`)).rows;
  const both = { mailed_to: [TO[0]], refused_for: [TO[1]], refusals: 1, refusal: WHY.slice(0, 300) };
  expect(await rows()).toEqual([
    { ...both, retry_at: hours(2), handled_at: null },
    { ...both, retry_at: null, handled_at: at },
  ]);
  const unmailed = { recipients: [TO[1]], refusal: WHY.slice(0, 300) };
  expect(await unmailedFindings(b.db)).toEqual(new Map(findings.map((key) => [key, unmailed])));
  expect(await refusedAlerts(b.db)).toEqual({
    findings: 1,
    digests: 0,
    requests: 0,
    next: hours(2),
    why: WHY.slice(0, 300),
    recipients: [TO[1]],
  });
  // An event that was settled by nobody is settled by giving up.
  expect(await refused(mail, TO, [null, null])).toMatchObject({ again: 0, over: 2, asked: [[1], [1]].map(([n]) => [n, at]) });
  const none = { mailed_to: [], refused_for: TO, refusals: 2, refusal: WHY.slice(0, 300), retry_at: null };
  expect(await rows()).toEqual([
    { ...none, handled_at: b.now },
    { ...none, handled_at: at },
  ]);
});

test('a digest that was refused is mailed anew, or given up, and touches no event', async () => {
  await b.event({});
  const { digest_key } = await transaction(b.db, (tx) =>
    markDigest(tx, b.now, { recipients: TO, domains: ['example.com'], to: TO, now: b.now }),
  );
  const mail = await claimed({ digest_key });
  const rows = async () => (await b.db.query(`select ${COLUMNS} from ruawatch.digests`)).rows;
  expect(await refused(mail, [TO[0]!], [3 * HOUR])).toEqual({ again: 1, over: 0, asked: [[0, b.now]] });
  const once = { mailed_to: [TO[1]], refused_for: [TO[0]], refusals: 1, refusal: WHY.slice(0, 300) };
  expect(await rows()).toEqual([{ ...once, retry_at: hours(3) }]);
  expect(await refusedAlerts(b.db)).toMatchObject({ findings: 0, digests: 1, next: hours(3), recipients: [TO[0]] });
  expect(await refused(mail, [TO[0]!], [null])).toEqual({ again: 0, over: 1, asked: [[1, b.now]] });
  expect(await rows()).toEqual([{ ...once, refusals: 2, retry_at: null }]);
  expect((await b.db.query('select refusals from ruawatch.finding_events')).rows).toEqual([{ refusals: 0 }]);
});

test('what is made due again are events, digests and mails about requests that wait', async () => {
  await b.event({});
  await b.event({ domain: 'b.example' });
  await b.db.query('update ruawatch.finding_events set retry_at = $1', [hours(1)]);
  const due = { recipients: TO, domains: [], to: TO, now: b.now };
  await transaction(b.db, (tx) => markDigest(tx, b.now, due));
  await b.db.query('update ruawatch.digests set retry_at = $1', [hours(1)]);
  await syncGroups(b.db, { groups: GROUPS, deputies: [] });
  await opened(b.db, TWO);
  await transaction(b.db, (tx) => spreadRequestEvents(tx, { mailed: true, now: b.now }));
  await b.db.query('update ruawatch.request_mails set retry_at = $2, settled_at = $3 where recipient = $1', [
    ADA,
    hours(1),
    null,
  ]);
  await b.db.query('update ruawatch.request_mails set retry_at = $2, settled_at = $3 where recipient = $1', [
    BEN,
    hours(1),
    b.now,
  ]);
  expect(await retryRefused(b.db, b.now)).toBe(3);
  expect((await b.db.query('select recipient, retry_at from ruawatch.request_mails order by recipient')).rows).toEqual([
    { recipient: ADA, retry_at: b.now },
    { recipient: BEN, retry_at: hours(1) },
    { recipient: CLEO, retry_at: null },
  ]);
  expect(await refusedAlerts(b.db)).toEqual({
    findings: 2,
    digests: 1,
    requests: 1,
    next: b.now,
    why: null,
    recipients: [ADA],
  });
  expect(await retryRefused(b.db, b.now)).toBe(0);
});
