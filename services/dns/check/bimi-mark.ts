import { type Mark, type MarkTrust, MOST_OCTETS, readMark } from '../bimi/mark.ts';
import { checkLogo } from '../bimi/svg.ts';
import type { AskOptions } from '../client/types.ts';
import { textOf, type Web } from '../web.ts';
import { type Finding, finding } from './finding.ts';

/**
 * When a certificate is about to end: a new one takes an authority weeks, since it looks at the trademark
 * again.
 */
const SOON_DAYS = 30;
const DAY_MS = 86_400_000;
const NAMES_SHOWN = 5;

export interface MarkCheck {
  mark: Mark | null;
  findings: Finding[];
}

export interface MarkCheckOptions extends AskOptions {
  web: Web;
  trust: MarkTrust;
  registrable?: ((name: string) => string) | undefined;
}

/**
 * Checks the mark certificate (VMC or CMC) of a BIMI record.
 * @param about the domain, where the certificate is, and the logo that the record names; null when it names
 *   none, undefined when it was not fetched
 */
export async function checkMark(
  about: { domain: string; url: string; logo: Uint8Array | null | undefined },
  { web, trust, registrable, ...options }: MarkCheckOptions,
): Promise<MarkCheck> {
  const { domain, url } = about;
  const found = (code: Finding['code'], message: string): MarkCheck => ({
    mark: null,
    findings: [finding(code, { domain, message })],
  });
  const answer = await web.get(url, { signal: options.signal, mostOctets: MOST_OCTETS });
  if (answer.state === 'unknown') return found('bimi_unknown', answer.message);
  if (answer.state === 'broken') return found('bimi_certificate', answer.message);
  if (answer.status >= 500) return found('bimi_unknown', `${url} answered ${answer.status}.`);
  if (answer.status !== 200)
    return found('bimi_certificate', `${url} answered ${answer.status} instead of the mark certificate.`);
  const mark = readMark(textOf(answer.body), trust);
  if (typeof mark === 'string') return found('bimi_certificate', `The mark certificate at ${url} cannot be used. ${mark}`);
  if (mark.ofAuthority)
    return { ...found('bimi_certificate_chain', `The mark certificate at ${url} is not trusted. ${mark.chain}`), mark };
  const problems = [
    ...trustProblems(mark, url, trust.now),
    ...namesProblem(mark, domain, registrable),
    ...logoProblem(mark, about),
  ];
  return { mark, findings: problems.map(([code, message]) => finding(code, { domain, message })) };
}

type Problem = [Finding['code'], string];

function* trustProblems(mark: Mark, url: string, now: Date): Generator<Problem> {
  if (mark.chain !== null) yield ['bimi_certificate_chain', `The mark certificate at ${url} is not trusted. ${mark.chain}`];
  if (!mark.forMarks)
    yield [
      'bimi_certificate_usage',
      `The certificate at ${url} is not for marks: it lacks the extended key usage 1.3.6.1.5.5.7.3.31.`,
    ];
  const ends = mark.chainUntil.toISOString().slice(0, 10);
  if (!mark.validNow) {
    const early = mark.from > now;
    const when = early ? `is not valid before ${mark.from.toISOString().slice(0, 10)}` : `, or one above it, ended on ${ends}`;
    yield ['bimi_certificate_expired', `The mark certificate at ${url}${early ? ' ' : ''}${when}: the logo is not shown.`];
  } else if (mark.chainUntil.getTime() - now.getTime() < SOON_DAYS * DAY_MS)
    yield ['bimi_certificate_expires', `The mark certificate at ${url} ends on ${ends}: order the next one now.`];
}

/**
 * Names of a mark certificate are the domain, the one that it belongs to, or the name of the BIMI record of
 * either.
 */
function* namesProblem({ domains }: Mark, domain: string, registrable?: (name: string) => string): Generator<Problem> {
  const wanted = [...new Set([domain, registrable?.(domain) ?? domain])].flatMap((name) => [name, `default._bimi.${name}`]);
  if (domains.some((name) => wanted.includes(name))) return;
  const names =
    domains.length === 0
      ? 'no domain'
      : domains
          .slice(0, NAMES_SHOWN)
          .map((name) => name.slice(0, 100))
          .join(', ');
  yield ['bimi_certificate_names', `The mark certificate is for ${names}, and not for ${domain}.`];
}

function* logoProblem({ logo }: Mark, about: { url: string; logo: Uint8Array | null | undefined }): Generator<Problem> {
  if (logo.svg === null)
    return yield ['bimi_certificate_logo', `The mark certificate at ${about.url} proves no logo. ${logo.problem}`];
  if (about.logo === undefined) return;
  if (about.logo === null) {
    const { problems } = checkLogo(textOf(logo.svg));
    if (problems.length > 0)
      yield ['bimi_logo_profile', `The logo in the mark certificate at ${about.url} is not SVG Tiny PS. ${problems.join(' ')}`];
  } else if (!Buffer.from(about.logo).equals(logo.svg))
    yield [
      'bimi_certificate_other_logo',
      'The logo of l= is not, octet for octet, the one in the mark certificate: mailbox providers show none.',
    ];
}
