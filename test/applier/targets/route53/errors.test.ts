import { describe, expect, test } from 'vitest';
import { endOf } from '../../../../services/applier/targets/route53/errors.ts';
import { Route53Error } from '../../../../services/applier/targets/route53/zone.ts';

/** An error as the client throws it; without a status nothing was answered. */
const said = (
  name: string,
  status: number | null,
  { message = 'its words', messages }: { message?: string; messages?: string[] } = {},
) =>
  Object.assign(new Error(message), {
    name,
    $metadata: status === null ? {} : { httpStatusCode: status },
    ...(messages === undefined ? {} : { messages }),
  });

describe('what an error of Route 53 means for a change', () => {
  test.each([
    // A status says whether a later try may end otherwise, where the name does not.
    ['Other', null, 'later', 'aws (Route 53) cannot be reached: its words'],
    ['Other', 200, 'later', 'aws (Route 53) answered Other: its words'],
    ['Other', 399, 'later', 'aws (Route 53) answered Other: its words'],
    ['Other', 400, 'failed', 'aws (Route 53) answered Other: its words'],
    ['Other', 428, 'failed', 'aws (Route 53) answered Other: its words'],
    ['Other', 429, 'later', 'aws (Route 53) answered Other: its words'],
    ['Other', 430, 'failed', 'aws (Route 53) answered Other: its words'],
    ['Other', 499, 'failed', 'aws (Route 53) answered Other: its words'],
    ['Other', 500, 'later', 'aws (Route 53) answered Other: its words'],
    ['Other', 503, 'later', 'aws (Route 53) answered Other: its words'],
    // A sentence that ends says all; one that does not goes on with what was answered.
    ['NoSuchHostedZone', 404, 'failed', 'The hosted zone is gone: create it again, or correct hosted_zone.'],
    ['SignatureDoesNotMatch', 403, 'failed', 'AWS has another secret for this access key: set the secret that belongs to it.'],
    ['InvalidInput', 400, 'failed', 'Route 53 refused the change: its words'],
    ['Unknown', 400, 'failed', 'Route 53 refused the change and gave no reason that can be read: its words'],
  ] as const)('%s with the status %s: %s', (name, status, state, answer) => {
    expect(endOf(said(name, status), 'aws')).toEqual({ state, answer });
  });

  test.each([
    'PriorRequestNotComplete',
    'Throttling',
    'ThrottlingException',
    'ServiceUnavailable',
    'ExpiredToken',
    'ExpiredTokenException',
    'RequestExpired',
    'CredentialsProviderError',
    'TokenProviderError',
  ])('%s passes, whatever its status', (name) => {
    const { state, answer } = endOf(said(name, 400), 'aws');
    expect([state, answer.endsWith('.'), answer.includes('its words')]).toEqual(['later', true, false]);
  });

  test('the first text that is not empty is what was answered; without one it is that of the error', () => {
    const answerOf = (given: { message?: string; messages?: string[] }) =>
      endOf(said('InvalidChangeBatch', 400, given), 'aws').answer;
    expect([
      answerOf({ messages: ['one', 'two'] }),
      answerOf({ messages: ['', 'two'] }),
      answerOf({ messages: [] }),
      answerOf({ messages: [''] }),
    ]).toEqual([
      'Route 53 refused the change: one',
      'Route 53 refused the change: two',
      'Route 53 refused the change: its words',
      'Route 53 refused the change: its words',
    ]);
  });

  test('the network has no metadata; an error that is neither is one of ours', () => {
    const bare = (name: string) => Object.assign(new Error('its words'), { name });
    expect(endOf(bare('TimeoutError'), 'aws')).toEqual({ state: 'later', answer: 'aws (Route 53) cannot be reached: its words' });
    expect(endOf(new Route53Error('It is so.'), 'aws')).toEqual({ state: 'failed', answer: 'It is so.' });
    const ours = bare('TypeError');
    expect(() => endOf(ours, 'aws')).toThrow(ours);
    const none = { name: 'TimeoutError', $metadata: {} };
    expect(() => endOf(none, 'aws')).toThrow(expect.objectContaining(none));
  });
});
