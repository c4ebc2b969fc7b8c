import { expect, test } from 'vitest';
import { refuseUnfit, serverFacts } from '../../../services/store/schema/server.ts';
import { testDatabase } from '../../helpers/database.ts';

test('a server that is new enough, with a database in UTF8, is fit', async () => {
  const t = await testDatabase({ empty: true });
  const facts = await serverFacts(t.db);
  await t.drop();
  expect(facts).toMatchObject({ encoding: 'UTF8', major: expect.any(Number) });
  refuseUnfit(facts);
  refuseUnfit({ version: '14.0', major: 14, encoding: 'UTF8' });
});

test.each([
  [{ version: '13.20', major: 13, encoding: 'UTF8' }, 'database_too_old', /Postgres 13\.20; ruawatch needs 14 or newer/],
  [{ version: '17.2', major: 17, encoding: 'LATIN1' }, 'database_encoding', /DATABASE_URL has the encoding LATIN1/],
])('%j is refused', (facts, code, message) => {
  expect(() => refuseUnfit(facts)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});
