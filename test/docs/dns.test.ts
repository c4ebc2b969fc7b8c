import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CODES } from '../../services/dns/check/codes.ts';
import { DIFFERENCES } from '../dns/check/differences.ts';

test('docs/dns.md lists every code of `dns check`, with its severity and section', () => {
  const text = readFileSync(new URL('../../docs/dns.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\w+) \| .+ \| (.+) \|$/gm)].map(([, code, severity, section]) => [
    code,
    { severity, section },
  ]);
  expect(Object.fromEntries(rows)).toEqual(CODES);
});

test('docs/dns.md lists every difference to checkdmarc', () => {
  const text = readFileSync(new URL('../../docs/dns.md', import.meta.url), 'utf8');
  const listed = text.slice(text.indexOf('| differs |'), text.indexOf('## Watching the records'));
  const codes = [...listed.matchAll(/^\| (`.+?`): /gm)].flatMap(([, names]) =>
    [...names!.matchAll(/`(\w+)`/g)].map(([, one]) => one),
  );
  expect(codes.sort()).toEqual(Object.keys(DIFFERENCES).sort());
});
