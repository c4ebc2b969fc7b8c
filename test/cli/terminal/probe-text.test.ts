import { expect, test } from 'vitest';
import { probeFinding } from '../../../services/cli/probe/codes.ts';
import type { Verdict } from '../../../services/cli/probe/verdict.ts';
import { renderProbe } from '../../../services/cli/terminal/probe-text.ts';

const SHOP = { environment: 'staging', workload: { name: 'shop' }, by: 'user' } as unknown as Verdict['sender'];
const KEY = { domain: 'a.example', selector: 's1', result: 'pass', why: null, aligned: true } as const;
const SPF = { address: '192.0.2.1', of: 'connection', domain: 'a.example', result: 'pass', why: null, aligned: true } as const;
const verdict = (part: Partial<Verdict> = {}): Verdict => ({
  ...{ at: new Date(0), domain: 'a.example', from: 'x@a.example', mailFrom: 'x@a.example', sender: SHOP, dkim: [KEY], spf: SPF },
  ...{ dmarc: 'pass', discovery: null, underReject: 'delivered', findings: [], ...part },
});

const CASES: Record<string, Parameters<typeof renderProbe>> = {
  'no mail': [[], [], false],
  'mails with one outcome': [[verdict(), verdict({ at: new Date(1) })], [], false],
  'every kind of cell': [
    [
      verdict({ sender: null, from: null, dkim: [], dmarc: 'none', underReject: null }),
      verdict({
        from: 'x\u001b@a.example',
        dkim: [
          { ...KEY, aligned: false },
          { ...KEY, result: 'fail', aligned: false },
        ],
      }),
      verdict({ dkim: [{ ...KEY, selector: null, domain: null }], spf: { ...SPF, address: null } }),
      verdict({ spf: { ...SPF, of: 'declared', aligned: false } }),
      verdict({ spf: { ...SPF, of: 'option', result: 'fail', aligned: false }, dmarc: 'fail', underReject: 'rejected' }),
    ],
    [],
    false,
  ],
  'findings, each once, in colours': [
    [verdict()],
    [
      probeFinding('probe_from', 'a.example', 'It has no author.'),
      probeFinding('probe_from', 'a.example', 'It has no author.'),
      probeFinding('probe_from', 'a.example', 'Another has none\u001b.'),
      probeFinding('probe_no_policy', 'a.example', 'No DMARC record applies.'),
      probeFinding('probe_unknown', 'a.example', `SPF is unknown: ${'a word and another '.repeat(8)}.`),
    ],
    true,
  ],
  'findings without colours': [[], [probeFinding('probe_spf', 'a.example', 'SPF says fail.')], false],
};

test('what a probe shows is as in golden/', async () => {
  const parts = Object.entries(CASES).map(([name, given]) => `# ${name}\n${renderProbe(...given).join('\n')}`);
  await expect(`${parts.join('\n\n').replaceAll('\x1b', 'ESC')}\n`).toMatchFileSnapshot('golden/probe-text.txt');
});
