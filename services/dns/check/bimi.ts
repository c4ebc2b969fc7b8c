import type { Mark, MarkTrust } from '../bimi/mark.ts';
import { type BimiRecord, isBimi, parseBimi } from '../bimi/record.ts';
import { checkLogo } from '../bimi/svg.ts';
import { textsOf } from '../client/texts.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import type { Discovery } from '../dmarc/walk.ts';
import { textOf, type Web } from '../web.ts';
import { checkMark } from './bimi-mark.ts';
import { type Finding, finding } from './finding.ts';
import { askSingle } from './single-record.ts';

export interface BimiCheck {
  findings: Finding[];
  record: BimiRecord | null;
  /** The mark certificate; null when there is none, or it was not read. */
  mark: Mark | null;
}

export interface BimiCheckOptions extends AskOptions {
  /** Without it the logo is not looked at. */
  web?: Web | undefined;
  /** Without it the mark certificate is not looked at. */
  marks?: MarkTrust | undefined;
  registrable?: ((name: string) => string) | undefined;
}

/** What mailbox providers take (32 KB), and what is read at most. */
const LOGO_OCTETS = 32_768;
const MOST_OCTETS = 1_048_576;

const SINGLE: Omit<Parameters<typeof askSingle>[1], 'name'> = {
  what: 'BIMI',
  isRecord: isBimi,
  unknown: 'bimi_unknown',
  several: 'bimi_several',
  consequence: 'none of them counts',
  misspelt: {
    code: 'bimi_misspelt',
    like: /bimi|(?:^|[;\s])l\s*=\s*https?:/i,
    begin: 'v=BIMI1;',
    correct: (text) => ['v=BIMI1', ...placesIn(text)].join('; '),
  },
};

/** Whether the organizational domain has a record, which receivers look at where a domain has none. */
async function hasAbove(domain: string, { walk }: Discovery, dns: Dns, options: AskOptions): Promise<boolean> {
  const above = walk.organizationalDomain ?? domain;
  return textsOf(await dns.ask(`default._bimi.${above}`, 'TXT', options)).some(isBimi);
}

/**
 * Checks BIMI for the selector `default`: the record, the ground it needs in DMARC, and the logo.
 * @param dmarc how the domain's DMARC policy was found
 */
export async function checkBimi(
  domain: string,
  dmarc: Discovery,
  dns: Dns,
  { web, marks, registrable, ...options }: BimiCheckOptions = {},
): Promise<BimiCheck> {
  const name = `default._bimi.${domain}`;
  const answer = await askSingle(domain, { name, ...SINGLE }, dns, options);
  if (answer === null) {
    const findings = (await hasAbove(domain, dmarc, dns, options))
      ? []
      : [
          finding('bimi_missing', {
            domain,
            message: `${domain} shows no logo in mailboxes (${name}). A last step, once DMARC is enforced.`,
          }),
        ];
    return { record: null, mark: null, findings };
  }
  if ('finding' in answer) return { record: null, mark: null, findings: [answer.finding] };
  const record = parseBimi(answer.text)!;
  const about = { domain, record: { name, text: record.text } };
  if (record.declined)
    return {
      record,
      mark: null,
      findings: [finding('bimi_declined', { ...about, message: `${domain} declines to show a logo (l= and a= are empty).` })],
    };
  const findings = record.problems.map(({ code, at, text }) => {
    const message =
      code === 'bimi_syntax' ? `${name}: ${syntaxOf(record.text, text)}` : `"${text}" in ${name} is not an https URL.`;
    return finding(code, { ...about, message, place: { at, text } });
  });
  const ground = groundOf(domain, dmarc);
  if (ground !== null) findings.push(finding('bimi_dmarc', { ...about, message: ground }));
  if (record.authority === null) {
    const message = `${name} names no mark certificate (a=): Gmail and Apple Mail show the logo only with one.`;
    findings.push(finding('bimi_no_certificate', { ...about, message }));
  }
  if (web === undefined) return { record, mark: null, findings };
  const logo = record.location === null ? null : await fetchLogo(domain, record.location, web, options);
  findings.push(...(logo?.findings ?? []));
  if (marks === undefined || record.authority === null) return { record, mark: null, findings };
  const where = { domain, url: record.authority, logo: logo === null ? null : logo.octets };
  const { mark, findings: more } = await checkMark(where, { ...options, web, trust: marks, registrable });
  return { record, mark, findings: [...findings, ...more] };
}

function syntaxOf(record: string, part: string): string {
  if (part === record) return 'l= is missing, which names the logo.';
  const isTag = /^[a-z][\w-]*[ \t]*=/i.test(part);
  return isTag ? `"${part}" stands there beside another of the same name.` : `"${part}" is not tag=value.`;
}

/** The logo and the certificate that a record names which is none. */
function placesIn(text: string): string[] {
  return ['l', 'a'].map(
    (tag) => `${tag}=${new RegExp(`(?:^|[;,\\s])${tag}\\s*=\\s*(https:[^;,\\s"]+)`, 'i').exec(text)?.[1] ?? ''}`,
  );
}

/** What DMARC lacks, as a sentence; null when it lacks nothing, or when a query failed. */
function groundOf(domain: string, dmarc: Discovery): string | null {
  if (dmarc.state === 'unknown') return null;
  if (dmarc.state !== 'found') return `${domain} has no DMARC policy: the logo is not shown without p=quarantine or p=reject.`;
  const { record, policy } = dmarc;
  if (policy === 'none') return `The DMARC policy of ${domain} is none: the logo is not shown before quarantine or reject.`;
  if (record.sp === 'none')
    return `sp=none in the DMARC record of ${dmarc.at}: mailbox providers want every subdomain protected before they show the logo.`;
  if (record.testing || (record.historic.pct !== undefined && record.historic.pct !== '100'))
    return `The DMARC policy of ${domain} is only partly applied (${record.testing ? 't=y' : `pct=${record.historic.pct}`}): the logo is not shown.`;
  return null;
}

/** @returns what is wrong with the logo, and its octets, undefined when it was not fetched */
async function fetchLogo(
  domain: string,
  url: string,
  web: Web,
  options: AskOptions,
): Promise<{ octets: Uint8Array | undefined; findings: Finding[] }> {
  const none = (code: 'bimi_unknown' | 'bimi_logo', message: string) => ({
    octets: undefined,
    findings: [finding(code, { domain, message })],
  });
  const answer = await web.get(url, { signal: options.signal, mostOctets: MOST_OCTETS });
  if (answer.state === 'unknown') return none('bimi_unknown', answer.message);
  if (answer.state === 'broken') return none('bimi_logo', answer.message);
  if (answer.status >= 500) return none('bimi_unknown', `${url} answered ${answer.status}.`);
  if (answer.status !== 200) return none('bimi_logo', `${url} answered ${answer.status} instead of the logo.`);
  const found: Finding[] = [];
  if (answer.type !== 'image/svg+xml')
    found.push(
      finding('bimi_logo', {
        domain,
        message: `${url} has the media type ${answer.type ?? '(none)'}; it must be image/svg+xml.`,
      }),
    );
  if (answer.body.length > LOGO_OCTETS)
    found.push(
      finding('bimi_logo_size', { domain, message: `The logo has ${answer.body.length} octets; providers want 32,768 at most.` }),
    );
  const { problems, square } = checkLogo(textOf(answer.body));
  if (problems.length > 0)
    found.push(finding('bimi_logo_profile', { domain, message: `The logo at ${url} is not SVG Tiny PS. ${problems.join(' ')}` }));
  if (square === false)
    found.push(finding('bimi_logo_shape', { domain, message: 'The logo is not a square: mailboxes cut it or leave borders.' }));
  return { octets: answer.body, findings: found };
}
