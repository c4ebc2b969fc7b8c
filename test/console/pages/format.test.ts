import { expect, test } from 'vitest';
import { dated, day, dayField, hostName, minute, severity, share, shares } from '../../../services/console/pages/format.ts';

test('moments are shown in UTC, to the day or the minute', () => {
  const moment = new Date('2026-11-27T23:59:58.999Z');
  expect([day(moment), minute(moment)]).toEqual(['2026-11-27', '2026-11-27 23:59']);
});

test('a field for a day takes a day as it is written here', () => {
  const pattern = /pattern="([^"]*)"/.exec(dayField('From', 'from', '').toString())![1];
  const taken = new RegExp(`^(?:${pattern})$`, 'v');
  expect(['2026-11-27', '', '27.11.2026', '2026-11-27x'].map((text) => taken.test(text))).toEqual([true, false, false, false]);
});

test.each([
  [0, 0, ''],
  [0, 5, '0%'],
  [1, 2, '50%'],
  [5, 5, '100%'],
])('%i of %i is "%s"', (part, whole, text) => {
  expect(share(part, whole)).toBe(text);
});

test('no line of a sentence ends within a day, and all else is text', () => {
  expect(dated('Since 2026-11-20, <b> failed; asked at 2026-12-01 11:30.').toString()).toBe(
    'Since <time>2026-11-20</time>, &lt;b&gt; failed; asked at <time>2026-12-01</time> 11:30.',
  );
  expect(dated('1-2026-11-200 and pay-2026.example').toString()).toBe('1-2026-11-200 and pay-2026.example');
});

test('a severity is its word, and one that is not known its name, escaped', () => {
  expect(severity('critical').toString()).toMatch(/^<span class="severity critical">[^<]+<\/span>$/);
  expect(severity('a<b').toString()).toContain('a&lt;b</span>');
});

test('a name of a host breaks after its dots, and nothing else does', () => {
  expect(hostName('bounce.postbird.example').toString()).toBe('bounce.<wbr>postbird.<wbr>example');
  for (const whole of ['192.0.2.0/24', '192.0.2.1', 'Postbird Inc.', 'localhost']) expect(hostName(whole).toString()).toBe(whole);
  expect(hostName('a<b.example').toString()).toBe('a&lt;b.example');
});

test.each([
  [
    [39, 3_151],
    ['1.2%', '98.8%'],
  ],
  [
    [43_827, 6],
    ['over 99.9%', 'under 0.1%'],
  ],
  [
    [42_890, 1_244, 3_190],
    ['90.6%', '2.6%', '6.8%'],
  ],
  [
    [1, 1, 1],
    ['34%', '33%', '33%'],
  ],
  [
    [5, 0],
    ['100%', '0%'],
  ],
  [
    [0, 0],
    ['', ''],
  ],
])('the shares of %j add up: %j', (parts, said) => expect(shares(parts)).toEqual(said));
