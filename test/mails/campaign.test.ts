import { expect, test } from 'vitest';
import { renderCampaign } from '../../services/mails/campaign.ts';
import type { DigestItem } from '../../services/mails/digest.ts';
import type { Step } from '../../services/store/findings/findings.ts';
import { evidenceOf, FINDINGS } from '../alerter/events.ts';
import { bodyOf, expectGolden } from './cases.ts';

test('the mail says it once, with a line and a command for each finding', () => {
  const items = [1, 2, 3].map((n) => {
    const event = { ...FINDINGS.unauthorized_source!, finding_key: n, domain: n === 1 ? 'example.com' : `d${n}.example` };
    return { event, step: 'opened' as const };
  });
  const { subject, text, html } = renderCampaign(items, 'https://console.example');
  expect(subject).toBe('[ruawatch] Unauthenticated mail as example.com and 2 more (critical)');
  for (const n of [1, 2, 3]) {
    expect(text).toContain(`ruawatch findings ack ${n} `);
    expect(text).toContain(`https://console.example/findings/${n}`);
    expect(html).toContain(`findings/${n}"`);
  }
  expect(text.match(/What to do/g)).toHaveLength(1);
  for (const line of text.split('\n_')[0]!.split('\n')) expect([...line].length).toBeLessThan(79);
  const over = renderCampaign(items.map(({ event }) => ({ event, step: 'resolved' as const })));
  expect(over.subject).toMatch(/: unauthenticated mail as example\.com and 2 more$/);
  expect(over.text).not.toContain('What to do');
});

const EVENT = FINDINGS.unauthorized_source!;
const itemsOf = (step: Step, domains: readonly string[], over: object = {}): DigestItem[] =>
  domains.map((domain, i) => ({
    event: { ...EVENT, ...evidenceOf({ ...(EVENT.stored as object), ...over }), finding_key: i + 1, domain, event: step },
    step,
  }));

test('each step, as text and HTML, with a console and without', async () => {
  const ended = { reason: 'no_such_mail', days: 7 };
  const parts = (['opened', 'changed', 'reopened', 'resolved'] as const).flatMap((step) =>
    [null, 'https://console.example'].map((console) => {
      const { subject, text, html } = renderCampaign(
        itemsOf(step, ['example.com', 'example.net'], step === 'resolved' ? { ended } : {}),
        console,
      );
      return [`${step}${console === null ? '' : ', console'}`, `Subject: ${subject}\n\n${text}\n${bodyOf(html)}`] as const;
    }),
  );
  await expectGolden('campaign.txt', Object.fromEntries(parts));
});

test('a subject of 77 characters names the domain; one more, and it counts them', () => {
  const subject = (length: number, step: Step) =>
    renderCampaign(itemsOf(step, [`${'x'.repeat(length - 8)}.example`, 'b.example'])).subject;
  for (const [step, counts] of [
    ['opened', '[ruawatch] Unauthenticated mail as 2 domains (critical)'],
    ['changed', '[ruawatch] Changed: Unauthenticated mail as 2 domains (critical)'],
  ] as const) {
    const room = 77 - subject(8, step).length + 8;
    expect(subject(room, step)).toHaveLength(77);
    expect(subject(room, step)).toContain('.example and 1 more');
    expect(subject(room + 1, step)).toBe(counts);
  }
});

test('what to do is whole sentences of fourteen lines in all', () => {
  const linesOf = (advice: string[]) => {
    const { text } = renderCampaign(itemsOf('opened', ['a.example', 'b.example'], { advice, facts: null }));
    return text.slice(text.indexOf('What to do'), text.indexOf('In ruawatch')).trimEnd().split('\n').length;
  };
  const sentence = (lines: number) => Array(lines).fill('x'.repeat(64)).join(' ');
  expect([linesOf([sentence(7), sentence(7)]), linesOf([sentence(7), sentence(8)])]).toEqual([14, 7]);
});
