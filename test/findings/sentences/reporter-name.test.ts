import { expect, test } from 'vitest';
import { reporterName } from '../../../services/findings/sentences/reporter-name.ts';
import { commonName } from '../../../services/report/reporters/reporters.ts';

test('a reporter is shown by the name that was noted for its key, and by nothing that an object has by nature', () => {
  const reporter_names = { 'enterprise outlook': 'Microsoft' };
  expect(reporterName('enterprise outlook', { reporter_names })).toBe('Microsoft');
  expect(reporterName('mail.example', { reporter_names })).toBe('mail.example');
  expect(reporterName('toString', { reporter_names })).toBe('toString');
  expect(reporterName('google.com', {})).toBe('google.com');
});

test('the catalogue has a name for its own keys alone', () => {
  expect(commonName('enterprise outlook')).toBe('Microsoft');
  expect(commonName('somebody.example')).toBeNull();
});
