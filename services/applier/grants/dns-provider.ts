import { type ProviderScope, providerGrant } from '../../requests/grants/dns-provider.ts';
import { seal } from '../../requests/grants/sealed.ts';
import { notCovered } from '../../requests/scope.ts';
import { messageOf } from '../../shared/errors.ts';
import type { DnsProvider } from '../../shared/settings/access.ts';
import { type AwsSts, tooShort } from '../../shared/settings/access-provider.ts';
import type { Grant } from '../../store/grants/grants.ts';
import { AwsError, type AwsKeys } from './aws/query.ts';
import { denySession, makeSession, oldDenials, ownKeys, sessionPolicy } from './aws/sts.ts';
import type { GrantMeans, GrantWorker, Lent, Present, Taken } from './grant-kind.ts';
import { askProgram } from './program.ts';

const serverOf = ({ access }: GrantMeans, name: string): DnsProvider | undefined =>
  access.providers.find((one) => one.name === name);

/** Refusals of AWS that waiting does not change. */
const FOR_GOOD = new Set([
  'AccessDenied',
  'ValidationError',
  'MalformedPolicyDocument',
  'PackedPolicyTooLarge',
  'RegionDisabled',
]);

/**
 * Credentials that DNS providers make for a time. They are sealed for whoever asked, before anything is
 * stored.
 */
export const providerWorker = (keysOf: (aws: AwsSts) => Promise<AwsKeys> = ownKeys): GrantWorker => ({
  kind: 'access.dns-provider',

  async apply(grant, means) {
    const server = serverOf(means, grant.server);
    const scope = providerGrant.scope.parse(grant.scope) as ProviderScope;
    if (server === undefined || !server.zones.includes(scope.zone))
      return {
        state: 'failed',
        answer: `The settings (access.dns_provider) have no ${grant.server} with the zone ${scope.zone}.`,
      };
    const other = server.names == null ? null : notCovered(scope.names, server.names);
    if (other !== null)
      return { state: 'failed', answer: `The settings (access.dns_provider) do not lend ${other} at ${server.name}.` };
    if (grant.credential === null) return { state: 'failed', answer: 'The request names no key to seal the credentials with.' };
    const refused = tooShort(server, grant.seconds);
    if (refused !== null) return { state: 'failed', answer: refused };
    return server.aws === null ? lendByProgram(server, grant, means) : lendByAws(server.aws, scope, grant, { means, keysOf });
  },

  async end({ server: where, name, applied_at, ends_at }, means) {
    const server = serverOf(means, where);
    if (server === undefined)
      return {
        state: 'later',
        answer: `The settings (access.dns_provider) have no ${where} any more: put it back until its grants have ended.`,
      };
    if (server.aws !== null) return endAtAws(server.aws, { name, applied_at, ends_at }, { means, keysOf });
    const told = await askProgram(server.command!, { verb: 'end', kind: 'access.dns-provider', name }, means.signal);
    if (told.state === 'done') return { state: 'ended', answer: told.answer.answer ?? `The command of ${where} has ended it.` };
    // A program may say that nothing but time ends it.
    if (ends_at !== null && ends_at.getTime() <= Date.now())
      return { state: 'ended', answer: 'Its time is over at the provider.' };
    return { state: 'later', answer: `${where}: ${told.why}` };
  },

  /** AWS lists no sessions: only denials that nothing needs any more are found, and taken away. */
  lists: (where, means) => serverOf(means, where)?.aws === null,

  async present(means, failed) {
    const all = await Promise.all(
      means.access.providers.map(async (server): Promise<Present[]> => {
        try {
          const names = await namesAt(server, { means, keysOf });
          return names.map((name) => ({ server: server.name, name, sessions: null }));
        } catch (error) {
          failed(server.name, messageOf(error));
          return [];
        }
      }),
    );
    return all.flat();
  },
});

interface Around {
  means: GrantMeans;
  keysOf: (aws: AwsSts) => Promise<AwsKeys>;
}

async function namesAt({ aws, command }: DnsProvider, { means, keysOf }: Around): Promise<string[]> {
  if (aws !== null) return aws.withdraw ? oldDenials(aws, means.mark, await keysOf(aws), means.signal) : [];
  const told = await askProgram(command!, { verb: 'list', kind: 'access.dns-provider', mark: means.mark }, means.signal);
  if (told.state !== 'done') throw new Error(told.why);
  return (told.answer.names ?? []).filter((name) => name.startsWith(means.mark));
}

async function lendByAws(
  aws: AwsSts,
  scope: ProviderScope,
  { name, seconds, credential }: Grant,
  { means, keysOf }: Around,
): Promise<Lent> {
  try {
    const policy = sessionPolicy(scope, aws.hostedZones[scope.zone]!);
    const session = await makeSession(aws, { name, seconds, policy }, await keysOf(aws), means.signal);
    const end = session.ends_at.toISOString().slice(0, 16).replace('T', ' ');
    return {
      state: 'active',
      answer: `AWS has made credentials that end by themselves at ${end} UTC.${aws.withdraw ? '' : ' They cannot be withdrawn before.'}`,
      most: session.ends_at,
      sealed: seal(credential!, session.text),
    };
  } catch (error) {
    const state = error instanceof AwsError && FOR_GOOD.has(error.code) ? 'failed' : 'later';
    return { state, answer: messageOf(error) };
  }
}

async function endAtAws(
  aws: AwsSts,
  { name, applied_at, ends_at }: Pick<Grant, 'name' | 'applied_at' | 'ends_at'>,
  { means, keysOf }: Around,
): Promise<Taken> {
  if (aws.withdraw) {
    try {
      await denySession(aws, name, await keysOf(aws), means.signal);
      return {
        state: 'ended',
        answer: 'A denial of the session (aws:TokenIssueTime) is in place; AWS applies it within seconds.',
      };
    } catch (error) {
      return { state: 'later', answer: messageOf(error) };
    }
  }
  // Nobody got credentials that were made and not sealed.
  if (applied_at === null || ends_at === null) return { state: 'ended', answer: 'No credentials were handed out.' };
  if (ends_at.getTime() <= Date.now()) return { state: 'ended', answer: 'The credentials have ended by their time.' };
  return {
    state: 'later',
    answer: `AWS takes no credentials back: they end by themselves at ${ends_at.toISOString()}. With aws.withdraw the service denies them at once.`,
  };
}

async function lendByProgram({ name: where, command }: DnsProvider, grant: Grant, { signal }: GrantMeans): Promise<Lent> {
  const { kind, name, scope, seconds, credential } = grant;
  const how = await askProgram(command!, { verb: 'describe', kind, name, scope, seconds }, signal);
  if (how.state !== 'done') return { state: how.state, answer: `${where}: ${how.why}` };
  const { ends, reason = 'its command does not say why' } = how.answer;
  if (ends === undefined || ends === 'never')
    return { state: 'failed', answer: `${where} lends nothing that cannot be withdrawn and does not end by itself: ${reason}.` };
  const told = await askProgram(command!, { verb: 'lend', kind, name, scope, seconds }, signal);
  if (told.state !== 'done') return { state: told.state, answer: `${where}: ${told.why}` };
  const { secret, ends_at, answer } = told.answer;
  if (secret === undefined) return { state: 'failed', answer: `The command of ${where} printed no secret.` };
  if (ends === 'by_time' && ends_at === undefined)
    return { state: 'failed', answer: `The command of ${where} does not say when what it lends ends by itself.` };
  return {
    state: 'active',
    answer: answer ?? `The command of ${where} has lent it.`,
    most: ends_at === undefined ? null : new Date(ends_at),
    sealed: seal(credential!, secret),
  };
}
