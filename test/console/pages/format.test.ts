import { expect, test } from 'vitest';
import { path } from '../../../services/console/html.ts';
import * as format from '../../../services/console/pages/format.ts';

const { dated, day, dayField, hostName, minute, pageLinks, severity, share, shares } = format;

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
  // A tenth and more is said in whole numbers, and so is 99 of a hundred where the rest is nothing.
  [
    [1, 9],
    ['10%', '90%'],
  ],
  [
    [99, 900],
    ['9.9%', '90.1%'],
  ],
  [
    [1, 99],
    ['1%', '99%'],
  ],
  [
    [0, 7, 0],
    ['0%', '100%', '0%'],
  ],
  // Nothing is no part that whole numbers would hide; one message of many is.
  [
    [0, 1, 2],
    ['0%', '33%', '67%'],
  ],
  [
    [1, 20],
    ['4.8%', '95.2%'],
  ],
  [
    [3, 10, 17],
    ['10%', '33%', '57%'],
  ],
  // The largest remainders get what is missing.
  [
    [125, 333, 542],
    ['13%', '33%', '54%'],
  ],
  [
    [2, 2, 2, 1],
    ['29%', '29%', '28%', '14%'],
  ],
  [
    [1, 999_999, 0],
    ['under 0.1%', 'over 99.9%', '0%'],
  ],
  [[], []],
])('the shares of %j add up: %j', (parts, said) => expect(shares(parts)).toEqual(said));

test('a field for a day has its form as a hint, and the words of a severity are ours', () => {
  expect(dayField('From', 'from', '2026-11-27').toString()).toBe(
    '<label>From<input name="from" placeholder="YYYY-MM-DD" class="day" inputmode="numeric" pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}" maxlength="10" size="10" value="2026-11-27"></label>',
  );
  expect(severity('critical').toString()).toBe('<span class="severity critical">critical</span>');
});

test('the pages before and after one are linked where there are any', () => {
  const links = (at: number, more: boolean) => {
    const shown = pageLinks((page) => path`/list/${page}`, at, more);
    return shown && [...shown.toString().matchAll(/href="([^"]*)">(\w+)</g)].map(([, to, word]) => `${word} ${to}`);
  };
  expect([links(1, false), links(1, true), links(2, false), links(2, true)]).toEqual([
    null,
    ['Next /list/2'],
    ['Previous /list/1'],
    ['Previous /list/1', 'Next /list/3'],
  ]);
  expect(pageLinks(() => path`/`, 2, false, format.dated('1 to 2'))!.toString()).toContain('1 to 2');
});
