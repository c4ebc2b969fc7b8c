import { expect, test } from 'vitest';
import { RecordFields } from '../../../services/report/aggregate/record.ts';
import { Problems } from '../../../services/report/problem-list.ts';
import * as el from '../../../services/report/xml/report-elements.ts';

function fields(children = 3) {
  const problems = new Problems();
  return { problems, record: new RecordFields(problems, children) };
}

test('values go where their element is, to the signature or check that was opened last', () => {
  const { record } = fields();
  record.begin();
  record.open(el.ROW);
  record.setText(el.SOURCE_IP, ' 192.0.2.1 ');
  record.setText(el.COUNT, '5');
  record.setText(el.DISPOSITION, 'None');
  record.open(el.DKIM);
  record.setText(el.D_DOMAIN, 'a.example');
  record.open(el.DKIM);
  record.setText(el.D_DOMAIN, 'b.example');
  record.setText(el.D_RESULT, 'Pass');
  record.open(el.SPF);
  record.setText(el.S_SCOPE, 'MFROM');
  record.setText(el.HEADER_FROM, 'example.com');
  expect([el.SOURCE_IP, el.COUNT, el.DISPOSITION].map((what) => record.text(what))).toEqual(['192.0.2.1', '5', 'none']);
  const { auth, header_from } = record.asObject();
  expect(auth.dkim.map(({ domain, result }) => [domain, result])).toEqual([
    ['a.example', null],
    ['b.example', 'pass'],
  ]);
  expect(auth.spf).toMatchObject([{ scope: 'mfrom' }]);
  expect(header_from).toBe('example.com');
  expect(record.copy().asObject()).toEqual(record.asObject());
});

test('the object is used again, and nothing of the record before is left', () => {
  const { record } = fields();
  record.begin();
  record.open(el.ROW);
  record.setText(el.SOURCE_IP, '192.0.2.1');
  record.open(el.ROW);
  record.open(el.REASON);
  record.open(el.DKIM);
  record.setText(el.ENVELOPE_TO, 'x');
  record.begin();
  expect(record.rows).toBe(0);
  expect([...record.eachRow()]).toHaveLength(1);
  expect(record.asObject()).toEqual({
    source_ip: null,
    count: 0,
    disposition: null,
    dkim: null,
    spf: null,
    reasons: [],
    header_from: null,
    envelope_from: null,
    envelope_to: null,
    auth: { dkim: [], spf: [] },
  });
});

test('several rows are kept apart, each with its reasons', () => {
  const { record } = fields();
  record.begin();
  for (const ip of ['192.0.2.1', '192.0.2.2']) {
    record.open(el.ROW);
    record.setText(el.SOURCE_IP, ip);
    record.open(el.REASON);
    record.setText(el.REASON_TYPE, 'Forwarded');
  }
  const rows = [];
  for (const _ of record.eachRow()) rows.push([record.text(el.SOURCE_IP), record.asObject().reasons]);
  const reasons = [{ type: 'forwarded', comment: null }];
  expect(rows).toEqual([
    ['192.0.2.1', reasons],
    ['192.0.2.2', reasons],
  ]);
});

test('a second address or count in a row is a problem, and the first one counts', () => {
  const { record, problems } = fields();
  record.begin();
  record.open(el.ROW);
  record.setText(el.COUNT, '5');
  record.setText(el.COUNT, '6');
  expect(record.text(el.COUNT)).toBe('5');
  expect(problems.list().map(({ code }) => code)).toEqual(['repeated_element']);
});

test.each([el.DKIM, el.SPF, el.REASON])('element %i repeats no more often than the limit', (what) => {
  const { record } = fields(3);
  record.begin();
  record.open(el.ROW);
  for (let n = 0; n < 3; n++) record.open(what);
  expect(() => record.open(what)).toThrow(expect.objectContaining({ code: 'too_many_children' }));
});

test('values are trimmed as JavaScript trims, and in lower case where they are enumerated; what is empty is absent', () => {
  const { record } = fields();
  record.begin();
  record.open(el.ROW);
  record.setText(el.HEADER_FROM, '\n\t Example.COM \r');
  record.setText(el.ENVELOPE_FROM, '\u00a0é É\ufeff');
  record.setText(el.ENVELOPE_TO, ' \u2003 ');
  record.setText(el.DISPOSITION, ' QUARANTÄNE\u00a0');
  expect(record.asObject()).toMatchObject({
    header_from: 'Example.COM',
    envelope_from: 'é É',
    envelope_to: null,
    disposition: 'quarantäne',
  });
});

test.each([
  ['pAss', 'pass'],
  ['fuzZ', 'fuzz'],
  ['A', 'a'],
  ['quarantÄne', 'quarantäne'],
  ['@[`{', '@[`{'],
])('the enumerated value %s is %s, and a name keeps its letters', (written, kept) => {
  const { record } = fields();
  record.begin();
  record.setText(el.DISPOSITION, written);
  record.setText(el.HEADER_FROM, written);
  expect([record.text(el.DISPOSITION), record.text(el.HEADER_FROM)]).toEqual([kept, written]);
});
