import { expect, test } from 'vitest';
import { gravestOf, nextStepOf, type Standing, stepOfDomain } from '../../../services/console/pages/next-step.ts';

const TODAY = '2026-11-27';
const finding = (severity: string, resolved_by: string | null = null) => ({
  finding_key: 7,
  severity,
  kind: 'unauthorized_source',
  resolved_by,
  kept_out: false,
});
const step = (given: Partial<Standing>) =>
  nextStepOf(
    { last_report_at: new Date('2026-11-26T00:00:00Z'), gravest: null, next_step: 'keep', advice: 'Advice.', ...given },
    TODAY,
  );

test.each<[string, Partial<Standing>, string, string]>([
  [
    'a grave finding comes first',
    { gravest: finding('critical'), next_step: 'publish_bimi' },
    'Act on finding 7',
    'first (critical)',
  ],
  [
    'also before a stricter policy',
    { gravest: finding('critical'), next_step: 'enforce_reject' },
    'Act on finding 7',
    'first (critical)',
  ],
  [
    'one of high severity comes before what can wait alone',
    { gravest: finding('high'), next_step: 'keep' },
    'Act on finding 7',
    'first (high)',
  ],
  [
    'a record with a fault comes before it',
    { gravest: finding('critical'), next_step: 'fix_records' },
    'Fix a DNS record',
    'Advice.',
  ],
  [
    'a sender that fails is said by the posture',
    { gravest: finding('critical'), next_step: 'mend_senders' },
    'Act on finding 7',
    'Advice.',
  ],
  [
    'forged mail that is kept out asks for a look, and not for an act',
    { gravest: { ...finding('medium'), kept_out: true }, next_step: 'keep' },
    'Look at finding 7',
    'if it is not yours, there is nothing to do',
  ],
  [
    'one that goes on although somebody resolved it is still the first thing',
    { gravest: finding('critical', 'ada'), next_step: 'enforce_reject' },
    'Finding 7 goes on',
    'was resolved by ada, and the newest reports still show it',
  ],
  [
    'also where the posture says what to do about it',
    { gravest: finding('critical', 'ada'), next_step: 'mend_senders' },
    'Finding 7 goes on',
    'Advice. Finding 7 was resolved by ada, and the newest reports still show it.',
  ],
  ['a sender that fails, without a grave finding', { next_step: 'mend_senders' }, 'Repair a sender that fails', 'Advice.'],
  [
    'a step that matters comes before a lesser finding',
    { gravest: finding('medium'), next_step: 'enforce_quarantine' },
    'Publish p=quarantine',
    'Advice.',
  ],
  [
    'a lesser finding comes before what can wait',
    { gravest: finding('low'), next_step: 'gather_reports' },
    'Act on finding 7',
    'first (low)',
  ],
  ['a finding for information is no step', { gravest: finding('info'), next_step: 'keep' }, 'Nothing to do', 'Advice.'],
  ['without reports, that they come', { last_report_at: null, next_step: 'gather_reports' }, 'See why no reports come', 'rua='],
  [
    'the same when they stopped',
    { last_report_at: new Date('2026-11-01T00:00:00Z'), next_step: 'align_senders' },
    'See why no reports come',
    'rua=',
  ],
  [
    'but a domain that sends no mail gets none',
    { last_report_at: null, next_step: 'park' },
    'Say that it sends no mail',
    'Advice.',
  ],
  ['before the first analysis', { next_step: null, advice: null }, 'Nothing to do', 'Nothing is left to do'],
  ['a step of a later version', { next_step: 'unheard_of' }, 'See what is next', 'Advice.'],
])('%s', (_, given, short, says) => {
  const next = step(given);
  expect(next.short).toBe(short);
  expect(next.sentence).toContain(says);
});

test('a finding that somebody has acknowledged or snoozed is not the next step', () => {
  const of = (more: object) => ({
    ...finding('high'),
    state: 'open' as const,
    acknowledged_at: null,
    snoozed_until: null,
    ...more,
  });
  const at = new Date();
  expect(gravestOf([of({ acknowledged_at: at }), of({ snoozed_until: at }), of({ state: 'resolved' })])).toBeNull();
  expect(gravestOf([of({ acknowledged_at: at }), of({ severity: 'low' })])).toEqual(finding('low'));
  // What is kept out comes after what is not, however grave it is.
  expect(gravestOf([of({ kept_out: true }), of({ severity: 'low' })])).toEqual(finding('low'));
  expect(gravestOf([of({ kept_out: true }), of({ severity: 'info' })])).toMatchObject({ severity: 'high', kept_out: true });
  // Nor one that was resolved, unless it goes on.
  const resolved = of({ state: 'resolved', resolved_by: 'ada', goes_on: true });
  expect(gravestOf([of({ severity: 'low' }), resolved])).toEqual(finding('high', 'ada'));
});

/** Days before `TODAY` on which the newest report came. */
const CAME = [null, '2026-11-26', '2026-11-19', '2026-11-18'];
const GRAVEST = [
  null,
  ...['critical', 'high', 'medium', 'info'].map((severity) => finding(severity)),
  finding('critical', 'ada'),
  { ...finding('high'), kept_out: true },
  { ...finding('critical'), kind: 'of_a_later_version' },
];
const STEPS = ['publish_dmarc', 'ask_for_reports', 'park', 'fix_records', 'mend_senders', 'enforce_reject', 'unheard_of'];
const LATER = ['keep', 'gather_reports', 'publish_tls_rpt', 'publish_mta_sts', 'publish_bimi'];

test('what is next, of all that it rests on', async () => {
  const lines = [null, ...STEPS, ...LATER].flatMap((next_step) =>
    GRAVEST.flatMap((gravest) =>
      CAME.map((came) => {
        const last_report_at = came === null ? null : new Date(`${came}T00:00:00Z`);
        // Which step can wait shows where a report came and a finding waits.
        if (LATER.includes(next_step ?? '') && (came !== CAME[1] || !gravest?.severity.startsWith('m'))) return '';
        const given = { last_report_at, gravest, next_step, advice: next_step === 'park' ? null : 'Advice.' };
        const { short, sentence, finding, advised, done } = nextStepOf(given, TODAY);
        const of = gravest && `${gravest.severity} ${gravest.kind} ${gravest.resolved_by} ${gravest.kept_out}`;
        expect(finding === null || finding === gravest).toBe(true);
        const says = [short, ...(finding ? ['of the finding'] : []), ...(advised ? ['advised'] : []), ...(done ? ['done'] : [])];
        return `${next_step}, ${came}, ${of}: ${says.join(', ')}: ${sentence}`;
      }),
    ),
  );
  await expect(`${lines.filter(Boolean).join('\n')}\n`).toMatchFileSnapshot('golden/next-steps.txt');
});

test('on the page of one domain the gravest open finding counts, and before the first analysis nothing is advised', () => {
  const open = { ...finding('high'), state: 'open' as const, acknowledged_at: null, snoozed_until: null };
  const came = { last_report_at: new Date('2026-11-26T00:00:00Z') };
  const posture = { next_step: 'enforce_reject', advice: 'Advice.' };
  expect(stepOfDomain(came, posture, [], TODAY)).toEqual(step({ next_step: 'enforce_reject' }));
  expect(stepOfDomain(came, null, [open], TODAY)).toEqual(step({ next_step: null, advice: null, gravest: finding('high') }));
  expect(stepOfDomain(came, null, [], TODAY)).toMatchObject({ short: 'Nothing to do', advised: false, done: true });
});

test('a finding that nobody has resolved says nobody, and of two of one kind the graver is first', () => {
  const of = (more: object) => ({
    ...finding('low'),
    state: 'open' as const,
    acknowledged_at: null,
    snoozed_until: null,
    ...more,
  });
  const { resolved_by: _, kept_out: __, ...bare } = of({ finding_key: 8 });
  expect(gravestOf([bare])).toEqual({ ...finding('low'), finding_key: 8 });
  expect(gravestOf([of({}), of({ finding_key: 9, severity: 'high' })])).toEqual({ ...finding('high'), finding_key: 9 });
  expect(gravestOf([of({ severity: 'info' }), of({ kept_out: true })])).toMatchObject({ severity: 'low', kept_out: true });
  // Who resolved an open one before it was reopened is of no interest.
  expect(gravestOf([of({ resolved_by: 'ada' })])).toEqual(finding('low'));
  const gone = { state: 'resolved' as const, resolved_by: 'ada' };
  expect(gravestOf([of({ ...gone, goes_on: null }), of({ ...gone, goes_on: false })])).toBeNull();
  // Acknowledged or snoozed before, one that goes on is told all the same.
  expect(gravestOf([of({ ...gone, goes_on: true, acknowledged_at: new Date() })])).toEqual(finding('low', 'ada'));
  expect(gravestOf([])).toBeNull();
});
