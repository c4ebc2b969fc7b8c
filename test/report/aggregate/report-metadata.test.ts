import { expect, test } from 'vitest';
import { firstOf, ReportMetadata } from '../../../services/report/aggregate/report-metadata.ts';
import { Problems } from '../../../services/report/problem-list.ts';
import * as el from '../../../services/report/xml/report-elements.ts';

function metadata(...values: [number, string][]) {
  const problems = new Problems();
  const read = new ReportMetadata(problems);
  for (const [what, value] of values) read.set(what, value);
  return { read, codes: () => problems.list().map(({ code }) => code) };
}

test('what is empty is absent; values of an enumeration are lower case', () => {
  const { read } = metadata(
    [el.ORG_NAME, ' Receiver '],
    [el.P_P, ' Reject '],
    [el.P_SP, ''],
    [el.P_ADKIM, 'S'],
    [el.P_PCT, ' 50 '],
  );
  expect(read.org_name).toBe('Receiver');
  expect(read.policy).toMatchObject({ p: 'reject', sp: null, adkim: 's', pct: '50' });
});

test('the first of two values counts, and another one is a problem where reports are told apart by it', () => {
  const { read, codes } = metadata([el.REPORT_ID, 'a'], [el.REPORT_ID, 'a'], [el.EMAIL, 'x@a'], [el.EMAIL, 'y@a']);
  expect([read.report_id, read.org_email]).toEqual(['a', 'x@a']);
  expect(codes()).toEqual([]);
  read.set(el.REPORT_ID, 'b');
  read.set(el.P_P, 'none');
  read.set(el.P_P, 'reject');
  expect([read.report_id, read.policy.p]).toEqual(['a', 'none']);
  expect(codes()).toEqual(['repeated_element', 'repeated_element']);
  expect(firstOf(new Problems(), null, 'x', 'y')).toBe('x');
});

test('a report without name, address and id cannot be told apart', () => {
  expect(metadata().read.anonymous).toBe(true);
  expect(metadata([el.EMAIL, 'x@a']).read.anonymous).toBe(false);
});

test.each<[string, string, object | null, string[]]>([
  ['10', '20', { begin: 10, end: 20 }, []],
  ['10.7', '20.0', { begin: 10, end: 20 }, []],
  ['10', '', { begin: 10, end: 10 }, ['date_range_incomplete']],
  ['', '20', { begin: 20, end: 20 }, ['date_range_incomplete']],
  ['20', '10', { begin: 20, end: 10 }, ['date_range_reversed']],
  ['x', '20', { begin: 20, end: 20 }, ['date_range_unreadable', 'date_range_incomplete']],
  ['+10', '+20.0', { begin: 10, end: 20 }, []],
  ['', '', null, []],
])('from "%s" to "%s"', (begin, end, range, problems) => {
  const { read, codes } = metadata([el.BEGIN, begin], [el.END, end]);
  expect(read.range(null)).toEqual(range);
  expect(codes()).toEqual(problems);
});

test('a report without times has those of its file name; a time beyond the year 9999 is refused', () => {
  const { read, codes } = metadata();
  expect(read.range({ begin: 1, end: 2 })).toEqual({ begin: 1, end: 2 });
  expect(codes()).toEqual(['date_range_from_name']);
  expect(() => metadata([el.BEGIN, '999999999999999']).read.range(null)).toThrow(
    expect.objectContaining({ code: 'date_range_invalid' }),
  );
});

test('each element has its place, of which the first counts', () => {
  const elements = [
    [el.VERSION, 'version'],
    [el.ORG_NAME, 'org_name'],
    [el.EMAIL, 'org_email'],
    [el.EXTRA_CONTACT, 'extra_contact_info'],
    [el.REPORT_ID, 'report_id'],
    [el.GENERATOR, 'generator'],
    [el.BEGIN, 'begin'],
    [el.END, 'end'],
  ] as const;
  const policies = [
    [el.P_DOMAIN, 'domain', 'A'],
    [el.P_ADKIM, 'adkim', 'a'],
    [el.P_ASPF, 'aspf', 'a'],
    [el.P_P, 'p', 'a'],
    [el.P_SP, 'sp', 'a'],
    [el.P_NP, 'np', 'a'],
    [el.P_PCT, 'pct', 'A'],
    [el.P_FO, 'fo', 'a'],
    [el.P_TESTING, 'testing', 'a'],
    [el.P_DISCOVERY, 'discovery_method', 'a'],
  ] as const;
  const all = (read: ReportMetadata) => ({
    ...Object.fromEntries(elements.map(([, name]) => [name, (read as unknown as Record<string, unknown>)[name]])),
    errors: read.errors,
    policy: { ...read.policy },
  });
  const none = all(metadata().read);
  for (const [what, name] of elements) {
    const { read } = metadata([what, ' '], [what, ' A '], [what, 'B']);
    expect(all(read)).toEqual({ ...none, [name]: 'A' });
    expect(read.anonymous).toBe(!['org_name', 'org_email', 'report_id'].includes(name));
  }
  for (const [what, name, value] of policies)
    expect(all(metadata([what, ' '], [what, ' A '], [what, 'B']).read)).toEqual({
      ...none,
      policy: { ...none.policy, [name]: value },
    });
});

test('a hundred errors of the reporter are kept, without empty ones', () => {
  const { read } = metadata(
    ...Array.from({ length: 150 }, (_, i): [number, string] => [el.ERROR, i % 5 === 0 ? ' ' : ` e${i} `]),
  );
  const given = Array.from({ length: 150 }, (_, i) => `e${i}`).filter((_, i) => i % 5 !== 0);
  expect(read.errors).toEqual(given.slice(0, 100));
});
