import { describe, expect, test } from 'vitest';
import { verifyFailed } from '../../../services/analyzer/rules/verify_failed.ts';
import type { SendingWindow } from '../../../services/analyzer/rules/window.ts';
import { onFile } from '../rows.ts';
import { expectLives } from '../sending/invented-sending.ts';
import { SHOP_KEY, sendingOf, sent, unsigned, verified } from '../sent-rows.ts';

const find = (more: Partial<SendingWindow>) => verifyFailed.find(sendingOf(more.days ?? [], more));

describe('own signatures that do not verify', () => {
  test('by our own verifier', () => {
    const found = find({ days: [sent(500, 12, 0.1)], verified: [verified(1, 40, 3)] });
    expect(found).toMatchObject([{ kind: 'verify_failed', subject: SHOP_KEY, severity: 'medium' }]);
    expect(found[0]!.evidence.facts).toMatchObject({ failed: 40, verified: 41, refused: 0, name: 's1._domainkey.example.com' });
  });

  test('in the words of receivers', () => {
    const refusals = new Map([[SHOP_KEY, { receivers: ['gmail.com'], words: '550 5.7.26 not accepted' }]]);
    const found = find({ days: [sent(500, 12, 0.1, { refused_dmarc: 30 })], refusals });
    expect(found).toMatchObject([{ severity: 'high', evidence: { rejected: 30, messages: 30 } }]);
    expect(found[0]!.evidence.facts).toMatchObject({ refused: 30, receivers: ['gmail.com'], words: '550 5.7.26 not accepted' });
  });

  test('in staging is low', () => {
    expect(find({ verified: [verified(0, 40, 3, { environment: 'test' })] })).toMatchObject([{ severity: 'low' }]);
  });

  test.each<[string, Partial<SendingWindow>]>([
    ['two messages', { verified: [verified(0, 2, 3)] }],
    ['a small part: something changed them on the way', { verified: [verified(900, 20, 3)] }],
    ['two were refused', { days: [sent(20, 12, 0.1, { refused_dmarc: 2 })] }],
    ['a few of many were refused', { days: [sent(5000, 12, 0.1, { refused_dmarc: 9 })] }],
    ['unsigned mail was refused, which is unsigned_mail', { days: [unsigned(50, 12, 0.1, { refused_dmarc: 50 })] }],
    ['a week ago', { verified: [verified(0, 40, 170)] }],
    ['all verify', { verified: [verified(900, 0, 3)] }],
  ])('no alarm: %s', (_, more) => expect(find(more)).toEqual([]));

  test('is over when they verify again, and not while nothing is sent', () => {
    const open = onFile(find({ verified: [verified(0, 40, 50, { day: '2026-05-28' })] })[0]!);
    const over = (more: Partial<SendingWindow>) => verifyFailed.over(open, sendingOf(more.days ?? [], more));
    expect(over({ verified: [verified(3, 40, 3)] })).toBeNull();
    expect(over({ verified: [verified(300, 0, 3)] })).toEqual({ reason: 'verifies_again', since: '2026-05-29' });
    expect(over({ days: [sent(500, 60, 55)] })).toBeNull();
    expect(over({ days: [sent(500, 600, 555)] })).toEqual({ reason: 'sent_no_more', days: 7 });
  });
});

test('what it says of invented logs is as it was', () => expectLives('verify_failed'));
