import { textsOf } from '../client/texts.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { isTlsRpt, parseTlsRpt, type TlsRptProblem, type TlsRptRecord } from '../tlsrpt.ts';
import { type Finding, finding } from './finding.ts';

export interface TlsRptCheck {
  findings: Finding[];
  record: TlsRptRecord | null;
}

/** Checks whether senders are asked to report failed encryption to the domain (RFC 8460 section 3). */
export async function checkTlsRpt(domain: string, dns: Dns, options: AskOptions = {}): Promise<TlsRptCheck> {
  const name = `_smtp._tls.${domain}`;
  const answer = await dns.ask(name, 'TXT', options);
  if (answer.state === 'unknown')
    return { record: null, findings: [finding('tlsrpt_unknown', { domain, message: answer.message })] };
  const texts = textsOf(answer);
  const valid = texts.filter(isTlsRpt);
  const first = `v=TLSRPTv1; rua=mailto:tlsrpt@${domain}`;
  if (valid.length > 1) {
    const message = `${name} holds ${valid.length} TLSRPT records, so senders use none of them. Keep one.`;
    const publish = { name, value: valid.find((text) => parseTlsRpt(text)!.problems.length === 0) ?? valid[0]! };
    return {
      record: null,
      findings: [finding('tlsrpt_several', { domain, message, record: { name, text: valid.join('\n') }, publish })],
    };
  }
  if (valid.length === 0) {
    const meant = texts.find((text) => /tlsrpt/i.test(text));
    if (meant === undefined) {
      const message = `${domain} does not request reports about failed TLS (${name}). They are useful before MTA-STS is enforced.`;
      return { record: null, findings: [finding('tlsrpt_missing', { domain, message, publish: { name, value: first } })] };
    }
    const rua = /\brua\s*=\s*([^;"\s]+)/i.exec(meant)?.[1];
    const value = rua === undefined ? first : `v=TLSRPTv1; rua=${rua}`;
    const message = `${name} holds a record that looks like TLSRPT and is not: it must begin with "v=TLSRPTv1;", in exactly these letters.`;
    return {
      record: null,
      findings: [finding('tlsrpt_misspelt', { domain, message, record: { name, text: meant }, publish: { name, value } })],
    };
  }
  const record = parseTlsRpt(valid[0]!)!;
  const value = record.rua.length > 0 ? `v=TLSRPTv1; rua=${record.rua.map(({ text }) => text).join(',')}` : first;
  const findings = record.problems.map((problem) =>
    finding(problem.code, {
      domain,
      message: messageOf(problem, name),
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
      return `"${text}" in ${name} is not tag=value.`;
    case 'tlsrpt_no_rua':
      return `${name} has no rua=, so no report is sent.`;
    case 'tlsrpt_uri':
      return `"${text}" in ${name} is no place for reports: give mailto: and an address, or https: and a URL.`;
  }
}
