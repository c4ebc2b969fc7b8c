import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const original = readFileSync(path.resolve(import.meta.dirname, '../../fixtures/tlsrpt/rfc8460-example.json')).toString();
const version = (contact: string) => Buffer.from(JSON.stringify({ ...JSON.parse(original), 'contact-info': contact }));
const outcome = async (raw: Buffer) => {
  const { messages } = await parseMessages(t.db, await receive(t, [raw]), { trust: trusting('off') });
  return messages.flatMap(({ tls }) => tls);
};
const isCurrent = async () =>
  (await t.db.query('select superseded_by is null as current from ruawatch.tls_reports order by message_key desc limit 1'))
    .rows[0].current as boolean;

test('a version of a TLS report is superseding exactly when it is the current one', async () => {
  expect(await outcome(version('a@reporter.example'))).toEqual(['stored']);
  for (const contact of ['b@reporter.example', 'c@reporter.example', 'd@reporter.example']) {
    const told = await outcome(version(contact));
    const current = await isCurrent();
    expect(told, contact).toEqual([current ? 'superseding' : 'superseded']);
  }
  expect(await outcome(Buffer.concat([version('a@reporter.example'), Buffer.from('\n')]))).toEqual(['duplicate']);
});
