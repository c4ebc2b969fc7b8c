import { expect, test } from 'vitest';
import { html, path } from '../../../services/console/html.ts';
import { funnel, funnelTable } from '../../../services/console/pages/domain-mail.ts';
import { letThrough, weakerBelow } from '../../../services/console/pages/policy-below.ts';

const tags = (p: string | null, sp: string | null = p, np: string | null = sp) => ({ p, sp, np });

test.each([
  [tags('reject'), ''],
  [tags(null), ''],
  [tags('none', 'reject'), ''],
  [tags('quarantine', 'reject'), ''],
  [tags('reject', 'none'), 'sp=none'],
  [tags('reject', 'quarantine'), 'sp=quarantine'],
  [tags('reject', 'none', 'reject'), 'sp=none; np=reject'],
  [tags('reject', 'reject', 'none'), 'np=none'],
])('%j is weaker below in "%s"', (policy, said) => expect(weakerBelow(policy)).toBe(said));

test.each([
  [tags('reject'), 0],
  [tags('none', 'none'), 0],
  [tags('reject', 'quarantine'), 0],
  [tags('reject', 'none'), 1],
  [tags('reject', 'none', 'reject'), 0.25],
  [tags('reject', 'reject', 'none'), 0.75],
])('of failing mail below, a quarter as names in use, %j lets %d through', (policy, part) =>
  expect(letThrough(policy, { used: 25, unused: 75 })).toBe(part),
);

test('mail as names below the domain is not stopped where sp=none', () => {
  const line = { day: '2026-11-01', forwarded: 0, quarantined: 0, rejected: 0 };
  const days = [
    { ...line, class: 'authorized', messages: 1_000, passed: 1_000, below: 0, delivered: 1_000 },
    { ...line, class: 'unauthorized', messages: 732, passed: 0, below: 700, delivered: 726 },
  ];
  const table = funnelTable(days, 1).html(path`/`).toString();
  // The share is of what is to be stopped, and stands beside it.
  expect([...table.matchAll(/data-label="([^"]*)">([^<]*)<\/td>/g)].map(([, label, value]) => `${label}: ${value}`)).toEqual([
    'To be stopped: 32',
    'To be stopped, of all mail: 1.8%',
    'Of it forwarded: 0',
    'Let through below the domain: 700',
    'Stopped by receivers: 0',
  ]);
  const said = funnel(days, { policy: tags('reject', 'none'), open: 1 }, html``).toString();
  expect(said).toContain('stop 32 unauthorized messages, forwarded');
  expect(said).toContain(
    'For names below the domain the record says sp=none: it lets through 700 messages that were sent as such names and fail.',
  );
  const strict = funnel(days, { policy: tags('reject'), open: 0 }, html``).toString();
  expect(strict).toContain('stop 732 unauthorized');
  expect(strict).not.toContain('below the domain');
});

test('all policies, of a domain and of what is below it', async () => {
  const all = [null, 'none', 'quarantine', 'reject'];
  const lines = all.flatMap((p) =>
    all.flatMap((sp) =>
      all.map((np) => {
        const through = [
          { used: 25, unused: 75 },
          { used: 0, unused: 1 },
          { used: 2, unused: 0 },
        ].map((of) => letThrough({ p, sp, np }, of));
        return `p=${p} sp=${sp} np=${np}: ${weakerBelow({ p, sp, np }) || 'not weaker'}; ${through.join(', ')}`;
      }),
    ),
  );
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/policies-below.txt');
});

test('as much mail as names in use as of others lets half of it through where one of them is none', () => {
  const both = { used: 5, unused: 5 };
  const policies = [tags('reject', 'none', 'reject'), tags('reject', 'reject', 'none'), tags('reject', 'none', 'quarantine')];
  expect(policies.map((of) => letThrough(of, both))).toEqual([0.5, 0.5, 0.5]);
});

test('where nothing failed below, what would be is told by sp', () => {
  const nothing = { used: 0, unused: 0 };
  expect([tags('reject', 'none', 'reject'), tags('reject', 'reject', 'none')].map((of) => letThrough(of, nothing))).toEqual([
    1, 0,
  ]);
});
