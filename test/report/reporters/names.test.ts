import { expect, test } from 'vitest';
import { isEmpty, nameKeys, unglued, wordsOf } from '../../../services/report/reporters/names.ts';

const words = (name: string) => wordsOf(name)[0]!.join(' ');
const alike = (a: string, b: string) => wordsOf(a).some((one) => wordsOf(b).some((other) => one.join('') === other.join('')));

test.each([
  ['invisible characters', 'Goo\u200bgle\u00ad'],
  ['another script', 'Gооglе'],
  ['wide letters', 'Ｇｏｏｇｌｅ'],
  ['marks', 'Göögle'],
  ['strokes', 'Gøøgle'],
  ['rings', 'G○○gle'],
  ['digits', 'G00gle'],
  ['letters in black', '🅖oogle'],
  ['small capitals', 'ɢoogle'],
  ['a capital i for an l', 'GoogIe'],
  ['an A-label', 'xn--ggle-55da'],
])('%s do not make another name', (_, name) => {
  expect(alike(name, 'Google')).toBe(true);
});

test('names that differ stay apart', () => {
  expect(alike('Gogle', 'Google')).toBe(false);
  expect(alike('Yahoo', 'Google')).toBe(false);
});

test('words end at everything but letters and digits, and before a capital between small ones', () => {
  expect(words('Enterprise.Outlook-Mail')).toBe(words('EnterpriseOutlook mail'));
  expect(words('GMX')).not.toContain(' ');
});

test('the key of a name leaves out what anybody may put around it', () => {
  const [plain] = nameKeys('Yahoo');
  for (const name of ['Yahoo Inc.', 'DMARC reports from Yahoo', 'yahoo postmaster'])
    expect(nameKeys(name), name).toContain(plain);
  // Where nothing else is left, the words are the name.
  expect(nameKeys('Mail Service')[0]).not.toBe('');
  expect([isEmpty(wordsOf('LLC')[0]![0]!), isEmpty('yahoo')]).toEqual([true, false]);
});

test('numbers and words that are glued on come off, parts of other words do not', () => {
  const [yahoo] = wordsOf('dmarcyahoo')[0]!;
  expect(unglued(yahoo!)).toContain(wordsOf('yahoo')[0]!.join(''));
  expect(unglued('outlook365')).toContain('outlook');
  expect(unglued('googles')).not.toContain('google');
});

test('a name of any length costs no more than its beginning', () => {
  expect(words('a '.repeat(100_000)).split(' ').length).toBeLessThanOrEqual(128);
});
