import { expect, test } from 'vitest';
import { renderCampaign } from '../../services/mails/campaign.ts';
import { FINDINGS } from '../alerter/events.ts';

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
