import { expect, test } from 'vitest';
import { tableOf } from '../../../services/applier/keys/tables.ts';

const of = (signer: 'rspamd' | 'opendkim') => {
  const { file, key, line, selectorIn } = tableOf(signer, 'example.com', '/keys');
  return { file, key: key('s1'), line: line('s1'), reads: selectorIn };
};

test('of rspamd', () => {
  const { reads, ...table } = of('rspamd');
  expect(table).toEqual({ file: 'dkim_selectors.map', key: 'example.com.s1.key', line: 'example.com s1' });
  const lines = [' example.com \t s1 ', 'example.com s1 more', 'example.com', 'example.org s1', '# example.com s1', ''];
  expect(lines.map(reads)).toEqual(['s1', 's1', null, null, null, null]);
});

test('of opendkim', () => {
  const { reads, ...table } = of('opendkim');
  expect(table).toEqual({
    file: 'KeyTable',
    key: 'example.com.s1.private',
    line: 'example.com example.com:s1:/keys/example.com.s1.private',
  });
  const lines = [' example.com \t example.org:s1:/x ', 'example.com one', 'example.com', 'example.org example.com:s1:/x', ''];
  expect(lines.map(reads)).toEqual(['s1', null, null, null, null]);
});
