import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  OWN_MESSAGES,
  OWN_PASSING,
  REPORT_DAYS,
  REPORTERS,
  SPF_ALONE,
  UNKNOWN_FAILING,
} from '../../services/dns/posture/blockers.ts';

test('docs/dns.md states the figures that a stricter policy waits for', () => {
  const text = readFileSync(new URL('../../docs/dns.md', import.meta.url), 'utf8').replace(/\s+/g, ' ');
  expect(REPORTERS).toBe(3);
  expect(text).toContain(
    `when reports from three regular reporters cover ${REPORT_DAYS} of 30 days, your own senders sent ${OWN_MESSAGES} messages or more, ${OWN_PASSING * 100} % of these pass, and at most ${UNKNOWN_FAILING * 100} % of all mail fails`,
  );
  expect(text).toContain(`more than ${SPF_ALONE * 100} % of your own mail passes by SPF alone`);
});
