import { readTime } from './time.ts';

/** A line taken apart, before anything is known of its program. */
export interface Line {
  /** Milliseconds since the epoch; null: it has no time. */
  at: number | null;
  /** The time as it stands in the line, by which the line is known again. */
  stamp: string;
  host: string | null;
  /** The tag or APP-NAME, such as "postfix/smtp"; '' when it has none. */
  tag: string;
  pid: string;
  text: string;
}

/** CRI: "2026-11-27T14:20:01.123456789Z stdout F text". */
const CRI = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP] /;
const PRI = /^<\d{1,3}>/;
/** RFC 5424 section 6: VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID. */
const RFC5424 = /^1 (\S+) (\S+) (\S+) (\S+) \S+ /;
/**
 * Also with one blank before a day of one digit, and with a fraction, as `journalctl --output short-precise`
 * writes.
 */
const RFC3164 = /^([A-Z][a-z]{2} (?: ?\d|\d\d) \d\d:\d\d:\d\d(?:\.\d{1,9})?) (?:(\S+) )?(?=\S)/;
const ISO_HOST = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)) (\S*[^\s:]) (?=[\w/.@:[\]-]+: )/;
/**
 * Services of Postfix may be called by their address: "postfix/127.0.0.1:10025/smtpd",
 * "postfix/[::1]:10025/smtpd".
 */
const TAG = /^([\w/.@-]{1,80}(?:(?:\[[\d:a-f.]{2,40}\])?:\d{1,5}\/[\w/.-]{1,80})?)(?:\[(\d+)\])?: ?/;
/** "[ID 197553 mail.info] ", which syslogd of Solaris and illumos puts before each text. */
const SOLARIS = /^\[ID \d+ \w+\.\w+\] /;
const EXIM =
  /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?) (?=(?:\[\d+\] )?(?:\w{6}-\w{6}-\w{2}|\w{6}-\w{11}-\w{4}|exim|H=|Start queue|End queue|no host|SMTP|TLS|DKIM))/;
const RSPAMD = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (?:\[[^\]]*\] )?(#\d+\(\w+\) (?:\[\w+\] )?<\w+>; )/;
/** Its `print-time` is local, iso8601 or iso8601-utc. */
const NAMED =
  /^(\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d\.\d{3}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z?) (?=(?:[\w-]+: )*client )/;
const KNOT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d{4}) (?=\w+: )/;

/**
 * Takes a line apart: syslog (RFC 5424, RFC 3164, and what rsyslog and Postfix write into files), container
 * logs (CRI), or the own format of Exim, rspamd, BIND and Knot. Anything else is a text without time, host
 * and tag.
 * @param now milliseconds since the epoch, for times without a year
 */
export function readLine(raw: string, now: number): Line {
  const outer = CRI.exec(raw);
  if (outer !== null) {
    const inner = readLine(raw.slice(outer[0].length), now);
    if (inner.at !== null) return inner;
    const stamp = outer[0].slice(0, outer[0].indexOf(' '));
    return { ...inner, at: readTime(stamp, now), stamp };
  }
  const pri = PRI.exec(raw);
  const rest = pri === null ? raw : raw.slice(pri[0].length);
  const modern = pri === null ? null : RFC5424.exec(rest);
  if (modern !== null) return readModern(modern, rest.slice(modern[0].length), now);
  const old = RFC3164.exec(rest);
  if (old !== null) return readOld(old, rest.slice(old[0].length), now);
  const iso = ISO_HOST.exec(rest);
  if (iso !== null) return tagged(rest.slice(iso[0].length), { stamp: iso[1]!, host: iso[2] === '-' ? null : iso[2]! }, now);
  for (const [pattern, tag] of [
    [EXIM, 'exim'],
    [RSPAMD, 'rspamd'],
    [NAMED, 'named'],
    [KNOT, 'knot'],
  ] as const) {
    const own = pattern.exec(rest);
    if (own !== null)
      return {
        ...plain(rest.slice(own[1]!.length + 1)),
        at: readTime(own[1]!.replace(/ ([+-]\d{4})$/, '$1'), now),
        stamp: own[1]!,
        tag,
      };
  }
  return tagged(rest, { stamp: '', host: null }, now);
}

const plain = (text: string): Line => ({ at: null, stamp: '', host: null, tag: '', pid: '', text });

function readOld(header: RegExpExecArray, rest: string, now: number): Line {
  const [, stamp, host] = header;
  // "Nov 27 14:20:01 postfix/smtp[7]: text": some leave the host out.
  if (host !== undefined && TAG.test(`${host} `) && host.endsWith(':'))
    return tagged(`${host} ${rest}`, { stamp: stamp!, host: null }, now);
  return tagged(rest, { stamp: stamp!, host: host ?? null }, now);
}

function tagged(text: string, { stamp, host }: { stamp: string; host: string | null }, now: number): Line {
  const tag = TAG.exec(text);
  const at = readTime(stamp, now);
  if (tag === null || (stamp === '' && tag[2] === undefined && !tag[1]!.includes('/')))
    return { ...plain(text), at, stamp, host };
  const said = text.slice(tag[0].length);
  return { at, stamp, host, tag: tag[1]!, pid: tag[2] ?? '', text: said.replace(SOLARIS, '') };
}

function readModern([, stamp, host, app, pid]: RegExpExecArray, rest: string, now: number): Line {
  const nil = (value: string) => (value === '-' ? '' : value);
  return {
    at: readTime(stamp!, now),
    stamp: nil(stamp!),
    host: nil(host!) || null,
    tag: nil(app!).slice(0, 80),
    pid: nil(pid!),
    // A byte order mark says that what follows is UTF-8 (section 6.4); it is no character that a line may
    // keep (privacy.ts). rsyslog leaves the blank of RFC 3164 before the text.
    text: afterData(rest).replace(/^[\ufeff\ufffd]? */, ''),
  };
}

/** What follows the structured data (section 6.3), whose values may contain escaped brackets and quotes. */
function afterData(rest: string): string {
  if (rest.startsWith('-')) return rest.slice(2);
  let at = 0;
  while (rest[at] === '[') {
    let quoted = false;
    for (at++; at < rest.length && (quoted || rest[at] !== ']'); at++) {
      if (rest[at] === '\\') at++;
      else if (rest[at] === '"') quoted = !quoted;
    }
    at++;
  }
  return rest.slice(at).replace(/^ /, '');
}
