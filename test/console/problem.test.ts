import { expect, test } from 'vitest';
import { problemOf } from '../../services/console/problem.ts';
import { Refusal } from '../../services/console/routes.ts';
import { PermanentError, TransientError } from '../../services/shared/errors.ts';

const of = (error: unknown) => {
  const { status, code } = problemOf(error);
  return { status, code };
};

test('who does not answer is said, and is not always the database', () => {
  expect(of(new TransientError('provider_silent', 'The provider cannot be used.'))).toEqual({
    status: 503,
    code: 'provider_silent',
  });
  expect(of(new TransientError('dns_timeout', 'It did not answer.'))).toEqual({ status: 503, code: 'dns_timeout' });
  expect(of(new TransientError('database_unavailable', 'Nothing listens.'))).toEqual({ status: 503, code: 'unavailable' });
  expect(problemOf(new TransientError('provider_silent', 'x')).detail).not.toBe(problemOf(new TransientError('y', 'x')).detail);
});

test('an error of ours has its status, and what nobody foresaw says nothing of itself', () => {
  expect(of(new PermanentError('no_finding', 'There is no finding 9.'))).toEqual({ status: 404, code: 'no_finding' });
  expect(of(new PermanentError('no_policy', 'There is none.'))).toEqual({ status: 409, code: 'no_policy' });
  expect(of(new PermanentError('wrong_day', 'It is no day.'))).toEqual({ status: 400, code: 'wrong_day' });
  expect(of(new PermanentError('not_yours', 'It is not yours.'))).toEqual({ status: 403, code: 'not_yours' });
  expect(of(Object.assign(new Error('large'), { statusCode: 413, code: 'FST_ERR_CTP_BODY_TOO_LARGE' }))).toEqual({
    status: 413,
    code: 'too_large',
  });
  expect(of(Object.assign(new Error('path'), { statusCode: 400, code: 'FST_ERR_BAD_URL' }))).toEqual({
    status: 400,
    code: 'bad_request',
  });
  const bug = problemOf(new TypeError('secret is undefined'));
  expect(bug.status).toBe(500);
  expect(JSON.stringify([bug.title, bug.detail])).not.toContain('secret');
});

test('a refusal is what it says, and what is not of Fastify by its status is nothing that was foreseen', () => {
  expect(problemOf(new Refusal(410, 'gone', 'It is gone.'))).toEqual({
    status: 410,
    code: 'gone',
    title: 'That did not work',
    detail: 'It is gone.',
    cause: 'It is gone.',
  });
  const answered = (statusCode: unknown) => of(Object.assign(new Error('no'), { statusCode }));
  const unexpected = { status: 500, code: 'unexpected' };
  expect([200, 399, 400, 499, 500, 503, '404', null, undefined].map(answered)).toEqual([
    unexpected,
    unexpected,
    { status: 400, code: 'bad_request' },
    { status: 499, code: 'bad_request' },
    ...Array.from({ length: 5 }, () => unexpected),
  ]);
  expect([null, undefined, 'thrown'].map(of)).toEqual([unexpected, unexpected, unexpected]);
});
