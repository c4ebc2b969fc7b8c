import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CODES } from '../../services/dns/check/codes.ts';

test('docs/dns.md lists every code of `dns check`, with its severity and section', () => {
  const text = readFileSync(new URL('../../docs/dns.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\w+) \| .+ \| (.+) \|$/gm)].map(([, code, severity, section]) => [
    code,
    { severity, section },
  ]);
  expect(Object.fromEntries(rows)).toEqual(CODES);
});
