import type { AskOptions, Dns } from '../client/types.ts';
import { retyped, unseen } from '../copied.ts';
import { isTlsRpt, parseTlsRpt, type TlsRptProblem, type TlsRptRecord } from '../tlsrpt.ts';
import { type Finding, finding } from './finding.ts';
import { askSingle } from './single-record.ts';

export interface TlsRptCheck {
  findings: Finding[];
  record: TlsRptRecord | null;
}

/** Checks whether senders are asked to report failed encryption to the domain (RFC 8460 section 3). */
export async function checkTlsRpt(domain: string, dns: Dns, options: AskOptions = {}): Promise<TlsRptCheck> {
  const name = `_smtp._tls.${domain}`;
  const first = `v=TLSRPTv1; rua=mailto:tlsrpt@${domain}`;
  const answer = await askSingle(
    domain,
    {
      name,
      what: 'TLSRPT',
      isRecord: isTlsRpt,
      unknown: 'tlsrpt_unknown',
      several: 'tlsrpt_several',
      consequence: 'senders use none of them',
      keep: (texts) => texts.find((text) => parseTlsRpt(text)!.problems.length === 0),
      misspelt: {
        code: 'tlsrpt_misspelt',
        like: /tlsrpt/i,
        begin: 'v=TLSRPTv1;',
        correct: (text) => {
          const rua = /\brua\s*=\s*([^;"\s]+)/i.exec(text)?.[1];
          return rua === undefined ? first : `v=TLSRPTv1; rua=${rua}`;
        },
      },
    },
    dns,
    options,
  );
  if (answer === null) {
    const message = `${domain} does not request reports about failed TLS (${name}). They are useful before MTA-STS is enforced.`;
    return { record: null, findings: [finding('tlsrpt_missing', { domain, message, publish: { name, value: first } })] };
  }
  if ('finding' in answer) return { record: null, findings: [answer.finding] };
  const record = parseTlsRpt(answer.text)!;
  const typed = (retyped(answer.text) ?? answer.text).replace(/\brua[ \t]*=[ \t]*/i, 'rua=');
  const { rua } = parseTlsRpt(typed) ?? record;
  const value = rua.length > 0 ? `v=TLSRPTv1; rua=${rua.map(({ text }) => text).join(',')}` : first;
  const findings = record.problems.map((problem) =>
    finding(problem.code, {
      domain,
      message: `${messageOf(problem, name)}${unseen(problem.text)}`,
      record: { name, text: record.text },
      place: { at: problem.at, text: problem.text },
      publish: { name, value },
    }),
  );
  return { record, findings };
}

function messageOf({ code, text }: TlsRptProblem, name: string): string {
  switch (code) {
    case 'tlsrpt_syntax':
      return `${text === '' ? 'Nothing between two semicolons' : `"${text}"`} in ${name} is no field (name=value in visible ASCII, without blanks): senders discard the record.`;
    case 'tlsrpt_no_rua':
      return `${name} has no rua=, so no report is sent.`;
    case 'tlsrpt_uri':
      return `"${text}" in ${name} is no place for reports: give mailto: and an address, or https: and a URL.`;
  }
}
