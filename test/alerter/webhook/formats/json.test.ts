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

test('what stood at a first start is a document of the fifty gravest, without evidence, and counts all', () => {
  const { stored: _s, evidence: _e, event: _v, at, ...fields } = FINDINGS.policy_change!;
  const events = Array.from({ length: 51 }, (_, i) => ({
    ...FINDINGS.policy_change!,
    finding_key: i,
    severity: i < 2 ? 'critical' : 'high',
    at: new Date(at.getTime() + (i === 3 ? 1000 : 0)),
  }));
  const read = (n: number, console?: string) => JSON.parse(jsonFormat.standing(events.slice(0, n), console).toString());
  const listed = (url?: string) =>
    events.slice(0, 50).map(({ finding_key, severity }) => ({
      ...fields,
      finding_key,
      severity,
      ...(url !== undefined && { url: `${url}/findings/${finding_key}` }),
    }));
  const head = { version: 1, type: 'findings.standing', timestamp: new Date(at.getTime() + 1000).toISOString() };
  const url = 'https://ruawatch.example.org';
  expect(read(51, url)).toEqual({ ...head, data: { count: 51, severities: { critical: 2, high: 49 }, findings: listed(url) } });
  expect(read(50)).toEqual({ ...head, data: { count: 50, severities: { critical: 2, high: 48 }, findings: listed() } });
});

test('every event is a call of its own, and the same event gives the same bytes', () => {
  expect(jsonFormat.many).toBeNull();
  const event = FINDINGS.policy_change!;
  expect(jsonFormat.one(event).equals(jsonFormat.one(event))).toBe(true);
});
