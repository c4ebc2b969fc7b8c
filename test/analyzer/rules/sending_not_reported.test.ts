import { describe, expect, test } from 'vitest';
import { sendingNotReported } from '../../../services/analyzer/rules/sending_not_reported.ts';
import type { SendingWindow } from '../../../services/analyzer/rules/window.ts';
import type { ReceiverDays } from '../../../services/store/sending/judged.ts';
import { onFile } from '../rows.ts';
import { expectLives } from '../sending/invented-sending.ts';
import { answered, hoursAgo, received, sendingOf } from '../sent-rows.ts';

const MUCH = [5000, 5000, 5000, 5000, 5000, 5000];
const window = (one: ReceiverDays, more: Partial<SendingWindow> = {}) => sendingOf([], { receivers: [one], ...more });
const find = (one: ReceiverDays, more: Partial<SendingWindow> = {}) => sendingNotReported.find(window(one, more));

describe('a receiver that reports, and not on this mail', () => {
  test('reports on others now: low where it never reported here', () => {
    const found = find(received(MUCH));
    expect(found).toMatchObject([{ kind: 'sending_not_reported', subject: 'gmx.net', severity: 'low' }]);
    // Of the day before yesterday the report may still be late: a day, and two days of patience.
    expect(found[0]!.evidence.facts).toMatchObject({ from: '2026-05-23', to: '2026-05-26', last_here: null });
    expect(found[0]!.evidence).toMatchObject({ messages: 0, of: 20_000 });
  });

  test('reported here until it stopped: medium, with others or without', () => {
    expect(find(received(MUCH, { last_here: '2026-05-24' }))).toMatchObject([{ severity: 'medium', first_day: '2026-05-25' }]);
    expect(find(received(MUCH, { last_here: '2026-05-24', last_elsewhere: null }))).toHaveLength(1);
  });

  test.each<[string, ReceiverDays, Partial<SendingWindow>?]>([
    ['it reports', received(MUCH, { last_here: '2026-05-28' })],
    ['the reports of one day are missing', received(MUCH, { last_here: '2026-05-25' })],
    ['it always takes four days', received(MUCH, { last_here: '2026-05-23', usual_delay: 4 })],
    ['it got little', received(MUCH.map(() => 900))],
    ['it got much on one day', received([10, 10, 5000, 10, 10, 10])],
    ['it is silent to all since the same day', received(MUCH, { last_here: '2026-05-24', last_elsewhere: '2026-05-24' })],
    ['it is silent to all', received(MUCH, { last_here: '2026-05-20', last_elsewhere: '2026-05-20' })],
    ['it never reported to us', received(MUCH, { last_elsewhere: null })],
    [
      'the record asks for no reports',
      received(MUCH),
      { published: answered('_dmarc.example.com', 'v=DMARC1; p=none', hoursAgo(1)) },
    ],
    ['there is no record', received(MUCH), { published: answered('_dmarc.example.com', null, hoursAgo(1)) }],
  ])('no alarm: %s', (_, one, more) => expect(find(one, more)).toEqual([]));

  test('nor where reports are known to stay away', () => {
    const open = onFile(find(received(MUCH))[0]!);
    expect(find(received(MUCH), { known: [{ ...open, kind: 'reporter_silent' }] })).toEqual([]);
    expect(find(received(MUCH), { known: [{ ...open, kind: 'reports_stopped', subject: 'example.com' }] })).toEqual([]);
    // An answer that did not come says nothing of the record.
    const published = answered('_dmarc.example.com', undefined, hoursAgo(1));
    expect(find(received(MUCH), { published })).toHaveLength(1);
  });

  test('is over when it reports, or gets little', () => {
    const open = onFile(find(received(MUCH))[0]!);
    const over = (one: ReceiverDays) => sendingNotReported.over(open, window(one));
    expect(over(received(MUCH))).toBeNull();
    expect(over(received(MUCH, { last_here: '2026-05-27' }))).toEqual({ reason: 'reports_again', since: '2026-05-27' });
    expect(over(received([9, 9, 9, 9, 9, 9]))).toEqual({ reason: 'sent_no_more', days: 7 });
    expect(sendingNotReported.over(open, sendingOf([]))).toEqual({ reason: 'sent_no_more', days: 7 });
  });
});

test('what it says of invented logs is as it was', () => expectLives('sending_not_reported'));
