import { expect, test } from 'vitest';
import { actionLines, actionsHtml, belowFold } from '../../services/mails/actions.ts';

const ACTIONS = [{ when: 'If it is <odd>', command: 'ruawatch findings show 17 --why "x"' }];

test('a command a line, and the page of the console where there is one', () => {
  expect(actionLines(ACTIONS, null)).toEqual(['In ruawatch:', '  ruawatch findings show 17 --why "x"']);
  expect(actionLines([], 'https://console.example/17', ', such as 17')).toEqual([
    'In ruawatch, such as 17:',
    '  https://console.example/17',
  ]);
});

test('in HTML each command stands below the sentence that says when to use it, escaped', () => {
  const html = actionsHtml(ACTIONS, null);
  expect(html).toContain('If it is &lt;odd&gt;:</p>');
  expect(html).toContain('&quot;x&quot;</span></p>');
  expect(html).not.toContain('href');
  expect(actionsHtml(ACTIONS, 'https://console.example/?a&b')).toContain('href="https://console.example/?a&amp;b"');
});

test('the query stands below a line', () => {
  expect(belowFold('select 1;')).toEqual(['', '_'.repeat(78), 'For psql:', '', 'select 1;']);
});

test('words of thirty characters are not broken, longer ones may be', () => {
  const html = (length: number) => actionsHtml([{ when: 'now', command: 'x'.repeat(length) }], null);
  expect(html(30)).toContain(`<span style="white-space:nowrap;">${'x'.repeat(30)}</span></p>`);
  expect(html(31)).toContain(`">${'x'.repeat(31)}</p>`);
  expect(html(31)).not.toContain('nowrap');
});
