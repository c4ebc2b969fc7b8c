import { isIP } from 'node:net';
import { addressOf, domainOf, idOf, type LogEvent, type Reading, SILENT, wordsOf } from '../events.ts';

/** "1abCDe-000001-AB" until 4.96, "1abCDe-00000000001-ABCD" after that. */
const QUEUE_ID = /^(?:\[\d+\] )?(\w{6}-\w{6}-\w{2}|\w{6}-\w{11}-\w{4}) /;
const HOST = / H=(?:(\([^)]*\)|[^\s[(]+) )?(?:\([^)]*\) )?\[([^\]]+)\]/;
const KNOWN =
  /^(?:\[\d+\] )?(?:exim .*daemon started|Start queue run|End queue run|SIGHUP|Warning: |H=|no (?:host|IP)|SMTP |TLS |unexpected |rejected |Connection |DKIM: |cwd=|pid |Failed|daemon|listening|Exim|socket|unqualified|refused|lost|\S+ authenticator |\S+ \[[\d.:a-f]+\])/i;

/** Through syslog a line keeps the time of Exim's own, unless `no_syslog_timestamp` is set. */
const OWN_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})? /;

/** Reads a line of Exim's main log (4.9x). */
export function readExim(line: string): Reading | null {
  const text = line.replace(OWN_TIME, '');
  const id = QUEUE_ID.exec(text);
  if (id === null) {
    const fault = keyFault(text);
    if (fault !== null) return { queueId: null, events: [fault] };
    return KNOWN.test(text) ? SILENT : null;
  }
  return { queueId: id[1]!, events: eventsOf(text.slice(id[0].length)) };
}

function eventsOf(rest: string): LogEvent[] {
  const mark = rest.slice(0, 3);
  if (mark === '<= ') return arrival(rest.slice(3));
  if (mark === '=> ' || mark === '-> ' || mark === '>> ') return delivery(rest.slice(3), 'sent');
  if (mark === '== ') return delivery(rest.slice(3), 'deferred');
  if (mark === '** ') return delivery(rest.slice(3), 'bounced');
  if (rest.startsWith('Completed')) return [{ kind: 'ended' }];
  const dkim = /^DKIM: d=(\S+) s=(\S+) .*\[(verification succeeded|verification failed|invalid)/.exec(rest);
  if (dkim !== null) {
    const result =
      dkim[3] === 'verification succeeded'
        ? 'pass'
        : dkim[3] !== 'invalid'
          ? 'fail'
          : rest.includes('unavailable')
            ? 'temperror'
            : 'permerror';
    return [{ kind: 'verdict', method: 'dkim', result, domain: domainOf(dkim[1]!), selector: dkim[2]!.toLowerCase() }];
  }
  const refused = /\srejected (?:after|during|by|on)? ?(?:DATA|MIME|DKIM|PRDR|local_scan|non-SMTP)[^:]*: (.*)$/s.exec(rest);
  if (refused !== null) return [...refusedFrom(rest), { kind: 'rejected', words: wordsOf(refused[1]!) }];
  const fault = keyFault(rest);
  return fault === null ? [] : [fault];
}

/** Who sent what was refused after DATA: an ACL looks at DKIM and DMARC there. */
function refusedFrom(rest: string): LogEvent[] {
  const host = HOST.exec(` ${rest}`);
  const from = / F=<([^>]*)>/.exec(rest)?.[1];
  const events: LogEvent[] = [];
  if (host !== null && isIP(host[2]!) !== 0) events.push({ kind: 'client', name: nameOf(host[1]), ip: host[2]!, sasl: null });
  if (from !== undefined) events.push({ kind: 'envelope', from: from === '' ? null : addressOf(from) });
  return events;
}

function keyFault(text: string): LogEvent | null {
  if (!/dkim/i.test(text) || !/\b(?:failed|unable|error|cannot|can't|could not)\b/i.test(text)) return null;
  if (/^(?:\[\d+\] )?DKIM: d=/.test(text)) return null;
  return { kind: 'fault', code: /private|key|file/i.test(text) ? 'key_unreadable' : 'signing_failed', about: null };
}

function arrival(rest: string): LogEvent[] {
  const sender = /^(\S+)/.exec(rest)?.[1] ?? '<>';
  const host = HOST.exec(rest);
  const sasl = / A=[\w-]+:(\S+)/.exec(rest)?.[1] ?? null;
  const id = / id=(\S+)/.exec(rest)?.[1];
  const events: LogEvent[] =
    host === null
      ? [{ kind: 'local' }]
      : [{ kind: 'client', name: nameOf(host[1]), ip: isIP(host[2]!) === 0 ? null : host[2]!, sasl }];
  if (id !== undefined) events.push({ kind: 'message_id', id: idOf(id) });
  events.push({ kind: 'envelope', from: sender === '<>' ? null : addressOf(sender) });
  return events;
}

function delivery(rest: string, status: 'sent' | 'deferred' | 'bounced'): LogEvent[] {
  // "bob <bob@example.com>" of a local delivery, ":blackhole:", "|command", "/file"; where an alias led to an
  // address that is not here, that address comes first.
  const [, first = '', within] = /^(\S+)(?: <([^>]*)>)?/.exec(rest) ?? [];
  const to = addressOf((within === undefined || first.includes('@') ? first : within).replace(/:$/, ''));
  const host = HOST.exec(rest);
  const answer = / C="((?:[^"\\]|\\.)*)"/.exec(rest)?.[1] ?? '';
  const words = status === 'sent' ? null : wordsOf(wordsAfter(rest));
  const remote = / T=\S*smtp/i.test(rest) || host !== null || (status !== 'sent' && !/ T=\S*local/.test(rest));
  return [
    {
      kind: 'delivery',
      to,
      by: remote ? 'smtp' : 'local',
      relay: nameOf(host?.[1]),
      ip: host === null || isIP(host[2]!) === 0 ? null : host[2]!,
      status,
      dsn: /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(words ?? answer)?.[1] ?? null,
      words,
      queuedAs:
        /\bid=(\w{6}-\w{6,11}-\w{2,4})\b/.exec(answer)?.[1] ?? /queued as ([0-9A-Za-z]{5,20})\b/.exec(answer)?.[1] ?? null,
    },
  ];
}

/** What follows the address, router and transport. */
function wordsAfter(rest: string): string {
  const said = /(?:: |defer \()(.*)$/s.exec(rest);
  return said === null ? rest : said[0].replace(/^: /, '');
}

const nameOf = (text: string | undefined): string | null =>
  text === undefined || text.startsWith('(') ? null : text.toLowerCase().slice(0, 253);
