import { messageOf } from '../../../shared/errors.ts';
import type { Applied } from '../target.ts';
import { Route53Error } from './zone.ts';

interface Said {
  messages?: string[];
  $metadata?: { httpStatusCode?: number };
}

/** Errors of the client that come before an answer. */
const NETWORK = /^(?:AbortError|TimeoutError|NetworkingError|CredentialsProviderError|TokenProviderError)$/;

/** The answers of Route 53 that a later try may change. */
const LATER = new Set([
  'PriorRequestNotComplete',
  'Throttling',
  'ThrottlingException',
  'ServiceUnavailable',
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'CredentialsProviderError',
  'TokenProviderError',
]);

const SENTENCES: Record<string, string> = {
  PriorRequestNotComplete: 'Route 53 is still at work on another change of the zone.',
  Throttling: 'Route 53 takes no more requests for now: the account has made too many (five a second are allowed).',
  ThrottlingException: 'Route 53 takes no more requests for now: the account has made too many (five a second are allowed).',
  ServiceUnavailable: 'Route 53 is not available for now.',
  ExpiredToken: 'The credentials for Route 53 have expired: renew them.',
  ExpiredTokenException: 'The credentials for Route 53 have expired: renew them.',
  RequestExpired: "The clock of this machine and that of AWS differ by more than five minutes. Synchronize this one's by NTP.",
  CredentialsProviderError:
    'There are no credentials for Route 53: set them where programs of AWS look for them (AWS_PROFILE, ~/.aws/credentials, the role of the machine).',
  TokenProviderError: 'The sign-in of the profile for Route 53 has ended: sign in again (aws sso login).',
  AccessDenied:
    'The credentials have no right to do this: they need route53:ListHostedZonesByName, GetHostedZone, ListResourceRecordSets, ChangeResourceRecordSets and GetChange.',
  AccessDeniedException:
    'The credentials have no right to do this: they need route53:ListHostedZonesByName, GetHostedZone, ListResourceRecordSets, ChangeResourceRecordSets and GetChange.',
  InvalidClientTokenId: 'AWS does not know the access key: set the credentials of a user or role that exists.',
  SignatureDoesNotMatch: 'AWS has another secret for this access key: set the secret that belongs to it.',
  NoSuchHostedZone: 'The hosted zone is gone: create it again, or correct hosted_zone.',
  InvalidChangeBatch: 'Route 53 refused the change',
  InvalidInput: 'Route 53 refused the change',
  // The API reference gives refusals of batches two forms; the client reads one of them.
  Unknown: 'Route 53 refused the change and gave no reason that can be read',
};

/** What an error of the client means for a change, as a sentence that says what to do. */
export function endOf(error: unknown, target: string): Applied {
  if (error instanceof Route53Error) return { state: 'failed', answer: error.message };
  const { name, messages, $metadata } = error as Error & Said;
  // An error that is none of the client's is one of ours.
  if (!(error instanceof Error) || ($metadata === undefined && !NETWORK.test(name))) throw error;
  const status = $metadata?.httpStatusCode;
  const said = messages?.find((text) => text !== '') ?? messageOf(error);
  // Without a status nothing was answered: the network, the time that was given, or the end of the service.
  const later = LATER.has(name) || status === undefined || status < 400 || status >= 500 || status === 429;
  const sentence = SENTENCES[name];
  const answer =
    sentence === undefined
      ? `${target} (Route 53) ${status === undefined ? 'cannot be reached' : `answered ${name}`}: ${said}`
      : sentence.endsWith('.')
        ? sentence
        : `${sentence}: ${said}`;
  return { state: later ? 'later' : 'failed', answer };
}
