import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { ContentHash, identityOf } from '../../../services/report/aggregate/content-hash.ts';
import { ReportMetadata } from '../../../services/report/aggregate/report-metadata.ts';
import type { AggregateRecord } from '../../../services/report/model.ts';
import { Problems } from '../../../services/report/problem-list.ts';
import { fieldsOf } from '../../helpers/lines.ts';

const metadata = (given: Partial<Pick<ReportMetadata, 'org_name' | 'org_email' | 'report_id'>> = {}) =>
  Object.assign(new ReportMetadata(new Problems()), { org_name: 'receiver.example', org_email: null, report_id: 'r1', ...given });
const report = (given: object = {}) => ({ domain: 'example.com', begin: 1, end: 2, content_hash: 'h', ...given });
const identity = (given: Parameters<typeof metadata>[0], of: object = {}) => identityOf(metadata(given), report(of));

test('who reported on what, when, under which id; content does not matter, nor the case of the name', () => {
  const one = identity({});
  expect(identity({ org_name: 'RECEIVER.example' }, { content_hash: 'other' })).toBe(one);
  for (const other of [
    identity({ org_name: 'other.example' }),
    identity({ report_id: 'r2' }),
    identity({}, { domain: 'other.example' }),
    identity({}, { begin: 0 }),
    identity({}, { end: 3 }),
  ]) {
    expect(other).not.toBe(one);
  }
});

test('without an id, the content is the id', () => {
  expect(identity({ report_id: null })).not.toBe(identity({ report_id: null }, { content_hash: 'other' }));
});

test('two reporters of one name differ by the domain of their addresses, unless the name says it already', () => {
  const at = (org_email: string, org_name = 'Some Hoster') => identity({ org_name, org_email });
  expect(at('a@one.example')).not.toBe(at('a@two.example'));
  expect(at('a@mail.one.example')).toBe(at('b@one.example'));
  expect(at('a@receiver.example', 'receiver.example')).toBe(identity({}));
  expect(at('a@other.example', 'receiver.example')).not.toBe(identity({}));
  expect(at('a@receiver.example', 'mail.receiver.example')).toBe(identity({ org_name: 'mail.receiver.example' }));
  // A name that only its reporter can prove needs nothing beside it.
  expect(at('a@one.example', 'google.com')).toBe(at('noreply-dmarc-support@google.com', 'google.com'));
});

const record = (given: object = {}) =>
  ({
    source_ip: '192.0.2.1',
    count: 1,
    disposition: 'none',
    dkim: 'pass',
    spf: null,
    header_from: 'example.com',
    envelope_from: null,
    envelope_to: null,
    reasons: [],
    auth: { dkim: [], spf: [] },
    ...given,
  }) as unknown as AggregateRecord;
const signature = { domain: 'a', selector: null, result: 'pass', human_result: null };
const hashOf = (records: AggregateRecord[], id = 'r1') => {
  const content = new ContentHash();
  for (const one of records) content.record(fieldsOf(one));
  return content.finish(metadata({ report_id: id }), 1, 2);
};

test('everything that a record says is part of its canonical form, each in its place', () => {
  const forms = [
    record(),
    record({ source_ip: null }),
    record({ count: 10 }),
    record({ spf: 'pass', dkim: null }),
    record({ envelope_from: 'example.com', header_from: null }),
    record({ reasons: [{ type: 'forwarded', comment: null }] }),
    record({ reasons: [{ type: null, comment: 'forwarded' }] }),
    record({ auth: { dkim: [signature], spf: [] } }),
    record({ auth: { dkim: [signature, signature], spf: [] } }),
    record({ auth: { dkim: [{ ...signature, domain: null, selector: 'a' }], spf: [] } }),
    record({ auth: { dkim: [], spf: [{ domain: 'a', scope: null, result: 'pass', human_result: null }] } }),
  ].map((one) => hashOf([one]));
  expect(new Set(forms).size).toBe(forms.length);
});

test('the canonical form is that of the databases that exist', () => {
  const content = record({
    count: 4_000_000_000,
    reasons: [{ type: 'local_policy', comment: 'é 🙂' }],
    auth: { dkim: [signature], spf: [{ domain: 'b', scope: 'mfrom', result: 'fail', human_result: null }] },
  });
  const line =
    '192.0.2.1\x1f4000000000\x1fnone\x1fpass\x1f\x1fexample.com\x1f\x1f\x1dlocal_policy\x1eé 🙂' +
    '\x1f\x1da\x1e\x1epass\x1e\x1f\x1db\x1emfrom\x1efail\x1e\n';
  const fields = `\n${['', 'receiver.example', '', '', 'r1', '', '', 1, 2].join('\x1f')}${'\x1f'.repeat(10)}`;
  expect(hashOf([content])).toBe(
    createHash('sha256')
      .update(line + fields)
      .digest('hex'),
  );
});

test('the hash is of records in their order and of the metadata, the same for long reports', () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => record({ source_ip: `192.0.2.${i % 250}`, count: i }));
  expect(hashOf(many(3))).toBe(hashOf(many(3)));
  expect(hashOf(many(3))).not.toBe(hashOf([...many(3)].reverse()));
  expect(hashOf(many(3))).not.toBe(hashOf(many(3), 'r2'));
  expect(hashOf(many(5_000))).toBe(hashOf(many(5_000)));
  expect(hashOf(many(5_000))).not.toBe(hashOf([...many(4_999), record({ source_ip: '192.0.2.9' })]));
});
