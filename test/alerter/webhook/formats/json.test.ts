import { expect, test } from 'vitest';
import { jsonFormat } from '../../../../services/alerter/webhook/formats/json.ts';
import { FINDINGS } from '../../events.ts';

test('an event is a document with its version, type and time, and the evidence as stored', () => {
  const event = FINDINGS.unauthorized_source!;
  expect(JSON.parse(jsonFormat.one(event).toString())).toEqual({
    version: 1,
    type: 'finding.opened',
    timestamp: '2026-10-06T07:30:00.000Z',
    data: {
      finding_key: 17,
      revision: 1,
      domain: 'example.com',
      kind: 'unauthorized_source',
      subject: '',
      severity: 'critical',
      confidence: 0.93,
      summary: event.summary,
      evidence: event.stored,
    },
  });
});

test('the page of the finding in the console, where there is one', () => {
  const { data } = JSON.parse(jsonFormat.one(FINDINGS.policy_change!, 'https://ruawatch.example.org').toString());
  expect(data.url).toBe('https://ruawatch.example.org/findings/20');
});

test('every event is a call of its own, and the same event gives the same bytes', () => {
  expect(jsonFormat.many).toBeNull();
  const event = FINDINGS.policy_change!;
  expect(jsonFormat.one(event).equals(jsonFormat.one(event))).toBe(true);
});
