import { expect, test } from 'vitest';
import { isTransient } from '../../services/shared/errors.ts';
import { systemResolver } from '../../services/shared/resolver.ts';

/** A server that answers from a table, counting the questions; a code instead of records is the error it ends with. */
function server(table: Record<string, string[][] | string>) {
  const asked: string[] = [];
  const ask = async (name: string): Promise<string[][]> => {
    asked.push(name);
    const answer = table[name] ?? 'ENOTFOUND';
    if (typeof answer === 'string') throw Object.assign(new Error(`queryTxt ${answer}`), { code: answer });
    return answer;
  };
  return { asked, ask };
}

test('an answer is kept for five minutes, that there is none for one; names are compared without case', async () => {
  const { asked, ask } = server({ 'a.example': [['v=DKIM1']] });
  let now = 0;
  const resolver = systemResolver({ ask, now: () => now });
  expect(await resolver.txt('a.example')).toEqual([['v=DKIM1']]);
  expect(await resolver.txt('A.Example')).toEqual([['v=DKIM1']]);
  expect(await resolver.txt('b.example')).toEqual([]);
  now = 59_000;
  expect(await resolver.txt('b.example')).toEqual([]);
  expect(asked).toEqual(['a.example', 'b.example']);
  now = 61_000;
  await resolver.txt('b.example');
  await resolver.txt('a.example');
  now = 301_000;
  await resolver.txt('a.example');
  expect(asked).toEqual(['a.example', 'b.example', 'b.example', 'a.example']);
});

test.each(['ENOTFOUND', 'ENODATA', 'EBADNAME'])('%s is an answer: there is none', async (code) => {
  const { ask } = server({ 'a.example': code });
  expect(await systemResolver({ ask }).txt('a.example')).toEqual([]);
});

test.each(['ETIMEOUT', 'ESERVFAIL', 'EREFUSED', 'ECONNREFUSED'])('%s is no answer, and is asked again', async (code) => {
  const { asked, ask } = server({ 'a.example': code });
  const resolver = systemResolver({ ask });
  for (let i = 0; i < 2; i++) {
    const error = await resolver.txt('a.example').catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'dns_failed', message: expect.stringContaining('a.example') });
    expect(isTransient(error)).toBe(true);
  }
  expect(asked).toHaveLength(2);
});

test('a question under way is shared, and the cache keeps no more names than it may', async () => {
  const { asked, ask } = server({});
  const resolver = systemResolver({ ask, names: 3 });
  await Promise.all([resolver.txt('a.example'), resolver.txt('a.example')]);
  for (const name of ['b', 'c', 'd']) await resolver.txt(`${name}.example`);
  await resolver.txt('d.example');
  await resolver.txt('a.example');
  expect(asked.map((name) => name[0])).toEqual(['a', 'b', 'c', 'd', 'a']);
});
