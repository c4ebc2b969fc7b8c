import { domainOf, type FaultCode, type LogEvent, type Reading, SILENT } from '../events.ts';

/** Milters log the queue id of the server that calls them (macro i). */
export const QUEUE_ID = /^([0-9A-Fa-f]{5,30}|[0-9A-Za-z]{10,30}|\w{6}-\w{6,11}-\w{2,4}|\(unknown-jobid\)): /;
/**
 * What stands there when the server gave none: before the first recipient, or by a server without such ids.
 */
export const NO_ID = '(unknown-jobid)';

/** "header added" until 2.6. */
const SIGNED = /^DKIM-Signature (?:field|header) added \(s=([^,]+), d=([^)]+)\)/;
const RETRIEVAL = /^key (?:retrieval failed|revoked) \(s=([^,]+), d=([^,)]+)/;
const RESULT = /^s=(\S+) d=(\S+) (?:a=\S+ )?SSL ?(.*)$/;
/** With `LogResults`. */
const LOGGED = /^signature=\S* domain=(\S+) selector=(\S+) result="([^"]*)"/;
/** "no signing table match for 'a@d'": the domain is all that is kept of it. */
const NO_MATCH = /^no signing (?:table|domain|subdomain) match for '(?:[^'@]*@)?([^']*)'/;

const FAULTS: readonly [RegExp, FaultCode][] = [
  [/^signing table references unknown key '([^']*)'/, 'key_missing'],
  [/^error loading key '([^']*)'/, 'key_unreadable'],
  [/^key '([^']*)' (?:not found)/, 'key_missing'],
  [/^key '([^']*)' could not be (?:applied|loaded)/, 'key_unreadable'],
  [/^can't load key from ([^:]*):/, 'key_unreadable'],
  // OpenSSL's words for a file that is no key; what it says of a signature that does not verify has "s=… d=…"
  // before it.
  [/^SSL error:\S*:?(.*(?:PEM|start line|DECODER|bad (?:decrypt|password)|asn1|RSA_sign|digest too big).*)/i, 'key_unreadable'],
  [/^([^:]*): (?:open|stat|fstat|read)\(\): /, 'key_unreadable'],
  [/^(?:[^:]*: )?key data is not secure: (.*)/, 'key_unreadable'],
  [/^(?:error reading signing table|dkimf_db_get\(\) failed)(.*)/, 'signing_failed'],
  [
    /^(?:signature generation error|failed to add default signing request|DKIM signing error|dkim_eom\(\): )(.*)/,
    'signing_failed',
  ],
];

/** Lines of start, stop and headers. */
const KNOWN =
  /^(?:OpenDKIM Filter|trying|failed|can't|missing|\S+ \[[^\]]*\] not internal$|not authenticated$|external host |skipping |ignoring |no signature data$|bad signature data$|DKIM verification |message has signatures|signature=|\S*SSL|no MTA name match|mode select|ADSP|domain '|mi_stop|syntax error|overflow|can't determine|RFC5322|insertion of|removing |\S+ version|terminating|exiting)/;

/** Reads a line of OpenDKIM 2.11, with LogWhy and LogResults or without. */
export function readOpendkim(text: string): Reading | null {
  const id = QUEUE_ID.exec(text);
  const rest = id === null ? text : text.slice(id[0].length);
  const event = eventOf(rest);
  if (event !== null) return { queueId: id === null || id[1] === NO_ID ? null : id[1]!, events: [event] };
  return KNOWN.test(rest) ? SILENT : null;
}

function eventOf(rest: string): LogEvent | null {
  const signed = SIGNED.exec(rest);
  if (signed !== null) return { kind: 'signed', selector: signed[1]!.toLowerCase(), domain: domainOf(signed[2]!) };
  const match = NO_MATCH.exec(rest);
  if (match !== null) return { kind: 'fault', code: 'no_signing_table_match', about: domainOf(match[1]!) };
  const retrieval = RETRIEVAL.exec(rest);
  if (retrieval !== null) {
    const [, selector, domain] = retrieval;
    return { kind: 'verdict', method: 'dkim', result: 'temperror', domain: domainOf(domain!), selector: selector!.toLowerCase() };
  }
  const result = RESULT.exec(rest);
  if (result !== null) {
    const [, selector, domain, error] = result;
    const passed = error === '' || error === 'error:00000000:lib(0)::reason(0)';
    return {
      kind: 'verdict',
      method: 'dkim',
      result: passed ? 'pass' : 'fail',
      domain: domainOf(domain!),
      selector: selector!.toLowerCase(),
    };
  }
  const logged = LOGGED.exec(rest);
  if (logged !== null) {
    const [, domain, selector, said] = logged;
    const result =
      said === 'no signature error' ? 'pass' : /key (?:retrieval|server|DNS)|temporar/i.test(said!) ? 'temperror' : 'fail';
    return { kind: 'verdict', method: 'dkim', result, domain: domainOf(domain!), selector: selector!.toLowerCase() };
  }
  if (rest === 'bad signature data') return { kind: 'verdict', method: 'dkim', result: 'fail', domain: null, selector: null };
  if (rest.startsWith('DKIM verification successful'))
    return { kind: 'verdict', method: 'dkim', result: 'pass', domain: null, selector: null };
  for (const [pattern, code] of FAULTS) {
    const found = pattern.exec(rest);
    if (found !== null) return { kind: 'fault', code, about: found[1]?.trim().slice(0, 200) || null };
  }
  return null;
}
