import { expect, test } from 'vitest';
import { ContentHash, identityOf, restOf } from '../../../services/report/aggregate/identity.ts';
import { ReportMetadata } from '../../../services/report/aggregate/metadata.ts';
import type { AggregateRecord } from '../../../services/report/model.ts';
import { Problems } from '../../../services/report/problems.ts';

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
  // A name that only its reporter can prove needs nothing beside it.
  expect(at('a@one.example', 'google.com')).toBe(at('noreply-dmarc-support@google.com', 'google.com'));
});

const record = (given: object = {}) =>
  ({
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

test('everything that a record says is part of its canonical form, each in its place', () => {
  const forms = [
    record(),
    record({ spf: 'pass', dkim: null }),
    record({ envelope_from: 'example.com', header_from: null }),
    record({ reasons: [{ type: 'forwarded', comment: null }] }),
    record({ reasons: [{ type: null, comment: 'forwarded' }] }),
    record({ auth: { dkim: [signature], spf: [] } }),
    record({ auth: { dkim: [signature, signature], spf: [] } }),
    record({ auth: { dkim: [{ ...signature, domain: null, selector: 'a' }], spf: [] } }),
    record({ auth: { dkim: [], spf: [{ domain: 'a', scope: null, result: 'pass', human_result: null }] } }),
  ].map(restOf);
  expect(new Set(forms).size).toBe(forms.length);
});

test('the hash is of records in their order and of the metadata, the same for long reports', () => {
  const hash = (records: [string, number][], id = 'r1') => {
    const content = new ContentHash();
    for (const [ip, count] of records) content.record(ip, count, restOf(record()));
    return content.finish(metadata({ report_id: id }), 1, 2);
  };
  const many = (n: number): [string, number][] => Array.from({ length: n }, (_, i) => [`192.0.2.${i % 250}`, i]);
  expect(hash(many(3))).toBe(hash(many(3)));
  expect(hash(many(3))).not.toBe(hash([...many(3)].reverse()));
  expect(hash(many(3))).not.toBe(hash(many(3), 'r2'));
  expect(hash(many(5_000))).toBe(hash(many(5_000)));
  expect(hash(many(5_000))).not.toBe(hash([...many(4_999), ['192.0.2.9', 1]]));
});
