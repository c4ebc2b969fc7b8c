import { expect, test } from 'vitest';
import { html } from '../../../services/console/html.ts';
import { sections } from '../../../services/console/pages/sections.ts';

test('a long page begins with what it has, and leaves out what is empty', () => {
  const page = sections([
    { id: 'one', title: 'First', html: html`<p>a</p>` },
    { id: 'two', title: 'Second', html: null },
    { id: 'three', title: 'Third', html: false },
    { id: 'four', title: 'A <b>', html: html`<p>d</p>` },
  ]).toString();
  expect([...page.matchAll(/href="#(\w+)">([^<]+)</g)].map(([, id, title]) => `${id} ${title}`)).toEqual([
    'one First',
    'four A &lt;b&gt;',
  ]);
  expect([...page.matchAll(/<section id="(\w+)">/g)].map(([, id]) => id)).toEqual(['one', 'four']);
});
