import { expect, test } from 'vitest';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

type Given = Partial<typeof SAMPLES.reports_stopped>;
const SILENCE = { since: '2026-10-04', usual: 120, others: [] as string[], others_in_all: 0, reported: 0 };
const words = (given: Given) =>
  factWords({ domain: 'example.com', subject: 'example.com', evidence: EVIDENCE }, { ...SAMPLES.reports_stopped, ...given });
const silent = (given: Partial<typeof SILENCE>, confirmed: string | null = null) =>
  words({ lost: false, silence: { ...SILENCE, ...given }, confirmed });

test('where DNS no longer asks for the reports, that is the cause, also when none comes any more', () => {
  const lost = words({ lost: true, reason: 'no record.', silence: null });
  expect(lost.title).toContain('DNS no longer sends you');
  expect(lost.what).toMatch(/found: no record\.$/);
  expect(words({ lost: true, silence: SILENCE }).what).toContain('None has come about any day since 2026-10-04');
  expect(words({ lost: false, silence: null }).title).toBe(lost.title);
});

test('one silent domain: its own record first, with what is known of it', () => {
  const one = silent({});
  expect(one.title).toBe('No reports on example.com since 2026-10-04');
  expect(one.summary).toContain('120 messages a day are usual');
  expect(silent({ usual: 1 }).summary).toContain('1 message a day is usual');
  expect(silent({ usual: 2 }).summary).toContain('2 messages a day are usual');
  expect(one.what).toMatch(/for so long\.$/);
  expect(one.advice[0]).toMatch(/^Look at your own DMARC record first \("ruawatch dns check example\.com"\)/);
  expect(one.advice[1]).toMatch(/^Then look at the mailbox/);
  expect(one.advice[2]).toContain('in the name of example.com.');
  const confirmed = silent({}, '2026-10-03');
  expect(confirmed.advice[0]).toContain('On 2026-10-03 DNS still led the reports to your mailbox.');
  const record = (value: string | null, changed: boolean) =>
    words({ lost: false, silence: SILENCE, record: { value, since: '2026-10-02', changed } }).advice[0];
  expect(record('v=DMARC1; p=none', true)).toContain('it was changed on 2026-10-02 and is now "v=DMARC1; p=none"');
  expect(record('v=DMARC1; p=none', false)).toContain(
    'was not changed: it has been "v=DMARC1; p=none" since 2026-10-02 at least',
  );
  expect(record(null, true)).toContain('has been gone since 2026-10-02');
});

test('several silent domains: the mailbox first, and eight of them by name', () => {
  const two = silent({ others: ['b.example'], others_in_all: 1 });
  expect(two.title).toBe('No reports on example.com and 1 more domain');
  expect(two.summary).toContain('since 2026-10-04');
  expect(two.what).toContain('Nor on b.example.');
  expect(two.advice[0]).toMatch(/^Look at the mailbox first/);
  expect(two.advice[2]).toContain('these 2 domains');
  const names = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].map((name) => `${name}.example`);
  expect(silent({ others: names.slice(0, 8), others_in_all: 8 }).what).toContain('h.example and i.example.');
  expect(silent({ others: names, others_in_all: 9 }).what).toContain('h.example and 2 more.');
});

test('how many domains are still reported on', () => {
  expect(silent({ reported: 1 }).what).toContain('1 other domain is still reported on');
  expect(silent({ reported: 2 }).what).toContain('2 other domains are still reported on');
});

test('its words, by cause', () => {
  const of = (given: Partial<typeof SILENCE> = {}, confirmed: string | null = null) => ({
    facts: { lost: false, silence: { ...SILENCE, ...given }, confirmed },
    subject: 'example.com',
  });
  const others = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].map((name) => `${name}.example`);
  return expectWords('reports_stopped', {
    'DNS does not ask for them, some still come': {},
    'DNS does not ask for them, and none comes': { facts: { lost: true, silence: SILENCE } },
    'an older row of some silence': { facts: { lost: undefined as never, silence: SILENCE } },
    'an older row without a reason': { facts: { lost: false, reason: null } },
    'one domain, one message a day': of({ usual: 1 }),
    ...Object.fromEntries(
      ['2026-10-03', '2026-10-04', '2026-10-05'].map((since) => [
        `a record that is known since ${since}`,
        { facts: { lost: false, silence: SILENCE, record: { value: 'v=DMARC1; p=none', since, changed: false } } },
      ]),
    ),
    'one domain, DNS confirmed, one other is reported on': of({ reported: 1 }, '2026-10-03'),
    'two domains, two messages a day, two others are reported on': of({
      usual: 2,
      others: ['b.example'],
      others_in_all: 1,
      reported: 2,
    }),
    'nine domains': of({ others: others.slice(0, 8), others_in_all: 8 }),
    'more domains than are named, DNS confirmed': of({ others: others.slice(0, 8), others_in_all: 1200 }, '2026-10-03'),
  });
});
