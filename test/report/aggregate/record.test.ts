import { expect, test } from 'vitest';
import { RecordFields } from '../../../services/report/aggregate/record.ts';
import { Problems } from '../../../services/report/problems.ts';
import * as el from '../../../services/report/xml/elements.ts';

function fields(children = 3) {
  const problems = new Problems();
  return { problems, record: new RecordFields(problems, children) };
}

test('values go where their element is, to the signature or check that was opened last', () => {
  const { record } = fields();
  record.begin();
  record.open(el.ROW);
  record.set(el.SOURCE_IP, ' 192.0.2.1 ');
  record.set(el.COUNT, '5');
  record.set(el.DISPOSITION, 'None');
  record.open(el.DKIM);
  record.set(el.D_DOMAIN, 'a.example');
  record.open(el.DKIM);
  record.set(el.D_DOMAIN, 'b.example');
  record.set(el.D_RESULT, 'Pass');
  record.open(el.SPF);
  record.set(el.S_SCOPE, 'MFROM');
  record.set(el.HEADER_FROM, 'example.com');
  expect(record.row).toMatchObject({ ip: '192.0.2.1', count: '5', disposition: 'none' });
  expect(record.dkim.map(({ domain, result }) => [domain, result])).toEqual([
    ['a.example', null],
    ['b.example', 'pass'],
  ]);
  expect(record.spf).toMatchObject([{ scope: 'mfrom' }]);
  expect(record.header_from).toBe('example.com');
});

test('the object is used again, and nothing of the record before is left', () => {
  const { record } = fields();
  record.begin();
  record.open(el.ROW);
  record.set(el.SOURCE_IP, '192.0.2.1');
  record.open(el.ROW);
  record.open(el.REASON);
  record.open(el.DKIM);
  record.set(el.ENVELOPE_TO, 'x');
  record.begin();
  expect(record).toMatchObject({ rows: 0, extraRows: [], dkim: [], spf: [], envelope_to: null });
  expect(record.row).toEqual({ ip: null, count: null, disposition: null, dkim: null, spf: null, reasons: [] });
});

test('several rows are kept apart, each with its reasons', () => {
  const { record } = fields();
  record.begin();
  for (const ip of ['192.0.2.1', '192.0.2.2']) {
    record.open(el.ROW);
    record.set(el.SOURCE_IP, ip);
    record.open(el.REASON);
    record.set(el.REASON_TYPE, 'Forwarded');
  }
  expect(record.extraRows.map(({ ip, reasons }) => [ip, reasons.length])).toEqual([['192.0.2.1', 1]]);
  expect(record.row).toMatchObject({ ip: '192.0.2.2', reasons: [{ type: 'forwarded' }] });
});

test('a second address or count in a row is a problem, and the first one counts', () => {
  const { record, problems } = fields();
  record.begin();
  record.open(el.ROW);
  record.set(el.COUNT, '5');
  record.set(el.COUNT, '6');
  expect(record.row.count).toBe('5');
  expect(problems.list().map(({ code }) => code)).toEqual(['repeated_element']);
});

test.each([el.DKIM, el.SPF, el.REASON])('element %i repeats no more often than the limit', (what) => {
  const { record } = fields(3);
  record.begin();
  record.open(el.ROW);
  for (let n = 0; n < 3; n++) record.open(what);
  expect(() => record.open(what)).toThrow(expect.objectContaining({ code: 'too_many_children' }));
});
