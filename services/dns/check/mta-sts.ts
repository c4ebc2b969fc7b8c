import { createHash } from 'node:crypto';
import type { AskOptions, Dns } from '../client/types.ts';
import { asTyped, unseen } from '../copied.ts';
import { isSts, MOST_POLICY_OCTETS, parseSts, parseStsPolicy, type StsPolicy, type StsRecord, stsCovers } from '../mta-sts.ts';
import { textOf, type Web } from '../web.ts';
import { type Finding, finding } from './finding.ts';
import type { MxCheck } from './mx.ts';
import { askSingle } from './single-record.ts';

export interface StsCheck {
  findings: Finding[];
  record: StsRecord | null;
  /** Null when there is no record, or when the file cannot be fetched or read. */
  policy: StsPolicy | null;
  /** The SHA-256 of the policy, by which a change is seen; null when it was not fetched. */
  digest: string | null;
}

export interface StsCheckOptions extends AskOptions {
  /** Without it the policy file is not looked at. */
  web?: Web | undefined;
  /** The id of the record, and the digest of the policy when that id was first seen. */
  before?: { id: string; digest: string } | null | undefined;
}

/** Shorter lives leave senders without a policy too soon (RFC 8461 section 3.2 expects weeks or more). */
const SHORT_AGE_S = 86_400;

/** Checks MTA-STS: the record, the policy file, and whether it names the domain's mail hosts (RFC 8461). */
export async function checkSts(domain: string, mx: MxCheck, dns: Dns, options: StsCheckOptions = {}): Promise<StsCheck> {
  const name = `_mta-sts.${domain}`;
  const { web, before, ...asking } = options;
  const answer = await askSingle(
    domain,
    {
      name,
      what: 'MTA-STS',
      isRecord: isSts,
      unknown: 'mta_sts_unknown',
      several: 'mta_sts_several',
      consequence: 'senders take the domain for one without',
      misspelt: {
        code: 'mta_sts_misspelt',
        like: /sts\s*v?1/i,
        begin: 'v=STSv1;',
        correct: meantRecord,
      },
    },
    dns,
    asking,
  );
  if (answer === null)
    return { record: null, policy: null, digest: null, findings: mx.state === 'hosts' ? [missing(domain)] : [] };
  if ('finding' in answer) return { record: null, policy: null, digest: null, findings: [answer.finding] };
  const record = parseSts(answer.text)!;
  const findings: Finding[] = [];
  if (record.id === null) {
    const message = `id= of ${name} must be 1 to 32 letters and digits: senders see a changed policy by a changed id.${unseen(record.text)}`;
    findings.push(
      finding('mta_sts_id', {
        domain,
        message,
        record: { name, text: record.text },
        publish: { name, value: meantRecord(record.text) },
      }),
    );
  }
  for (const part of record.broken) {
    const what = part.text === '' ? 'Nothing between two semicolons' : `"${part.text}"`;
    const message = `${what} in ${name} is no field (name=value in visible ASCII, without blanks): senders take the domain for one without a policy.${unseen(part.text)}`;
    const about = { domain, message, record: { name, text: record.text }, place: part };
    findings.push(finding('mta_sts_syntax', { ...about, publish: { name, value: meantRecord(record.text) } }));
  }
  const read = web === undefined ? { policy: null, digest: null, findings: [] } : await readPolicy(domain, mx, web, asking);
  if (read.digest !== null && before?.id === record.id && before.digest !== read.digest) {
    const message = `The MTA-STS policy of ${domain} changed, and id=${record.id} of ${name} did not: senders keep the old policy until it expires.`;
    findings.push(finding('mta_sts_id_kept', { domain, message, record: { name, text: record.text } }));
  }
  return { record, policy: read.policy, digest: read.digest, findings: [...findings, ...read.findings] };
}

/** The record with the id that is meant, where that is plain. */
function meantRecord(text: string): string {
  const id = /\bid\s*=\s*([^;\s"]*)/.exec(asTyped(text))?.[1] ?? '';
  return `v=STSv1; id=${id.replace(/[^A-Za-z0-9]/g, '').slice(0, 32) || '1'}`;
}

function missing(domain: string): Finding {
  const message = `${domain} has no MTA-STS policy: whoever controls the network on the way can switch off the encryption of mail to it.`;
  return finding('mta_sts_missing', { domain, message });
}

/** Fetches and checks the policy file. */
async function readPolicy(
  domain: string,
  mx: MxCheck,
  web: Web,
  options: AskOptions,
): Promise<{ policy: StsPolicy | null; digest: string | null; findings: Finding[] }> {
  const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`;
  const answer = await web.get(url, { signal: options.signal, mostOctets: MOST_POLICY_OCTETS });
  const failed = (message: string) => ({
    policy: null,
    digest: null,
    findings: [finding('mta_sts_policy_missing', { domain, message })],
  });
  if (answer.state === 'unknown')
    return { policy: null, digest: null, findings: [finding('mta_sts_unknown', { domain, message: answer.message })] };
  if (answer.state === 'broken') return failed(answer.message);
  if (answer.status >= 500)
    return {
      policy: null,
      digest: null,
      findings: [finding('mta_sts_unknown', { domain, message: `${url} answered ${answer.status}.` })],
    };
  if (answer.status >= 300 && answer.status < 400)
    return failed(`${url} answered with a redirect (${answer.status}), which senders must not follow.`);
  if (answer.status !== 200) return failed(`${url} answered ${answer.status}: the record is there, the policy is not.`);
  const policy = parseStsPolicy(textOf(answer.body, 'with mark'));
  const digest = createHash('sha256').update(answer.body).digest('base64url');
  return { policy, digest, findings: [...policyFindings(domain, url, answer.type, policy), ...hostFindings(domain, mx, policy)] };
}

function* policyFindings(domain: string, url: string, type: string | null, policy: StsPolicy): Generator<Finding> {
  if (type !== 'text/plain')
    yield finding('mta_sts_policy_type', {
      domain,
      message: `${url} has the media type ${type ?? '(none)'}; it should be text/plain.`,
    });
  for (const { code, message } of policy.problems) yield finding(code, { domain, message: `The policy at ${url}: ${message}` });
  if (policy.mode === 'testing') {
    const message = `The MTA-STS policy of ${domain} is in testing: senders report failures and still deliver. Enforce it once TLS reports show none for two weeks.`;
    yield finding('mta_sts_testing', { domain, message });
  }
  if (policy.mode === 'none')
    yield finding('mta_sts_none', {
      domain,
      message: `The MTA-STS policy of ${domain} has the mode none: senders act as if there were no policy.`,
    });
  if (policy.maxAge !== null && policy.maxAge < SHORT_AGE_S && policy.mode !== 'none') {
    const message = `max_age is ${policy.maxAge} seconds: senders forget the policy within a day. Weeks are usual (604800 to 31557600).`;
    yield finding('mta_sts_age_short', { domain, message });
  }
}

function* hostFindings(domain: string, mx: MxCheck, policy: StsPolicy): Generator<Finding> {
  if (policy.mode === 'none' || policy.mode === null || policy.mx.length === 0) return;
  const outside = mx.hosts.filter((host) => !stsCovers(policy, host));
  if (outside.length === 0) return;
  const what =
    policy.mode === 'enforce'
      ? 'senders that honour the policy do not deliver there'
      : 'they would not be delivered to once it is enforced';
  const message = `The MTA-STS policy of ${domain} does not name its mail ${outside.length === 1 ? 'host' : 'hosts'} ${outside.slice(0, 5).join(', ')}: ${what}.`;
  yield finding(policy.mode === 'enforce' ? 'mta_sts_mx' : 'mta_sts_mx_testing', { domain, message });
}
