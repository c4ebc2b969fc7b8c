import { isIP } from 'node:net';
import { addressOf, domainOf, idOf, type LogEvent, type Reading, SILENT, wordsOf } from '../events.ts';

/**
 * Short ids are hexadecimal; long ones (enable_long_queue_ids) use 0-9, B-Z and b-z without vowels, and are
 * 11 or more.
 */
const QUEUE_ID = /^([0-9A-F]{5,30}|[0-9A-Za-z]{11,30}): /;
const HOST = /^([^[\s,]*)\[([^\]\s]*)\](?::(\d{1,5}))?/;
const STATUS = /(?:^|, )status=([a-z-]+|SOFTBOUNCE)(?: \((.*)\))?$/s;
const DSN = /, dsn=(\d\.\d{1,3}\.\d{1,3})/;
const RELAY = /, relay=([^,]+)/;
const QUEUED_AS = /\bqueued as ([0-9A-Za-z]{5,20})\b/g;
/** Hosts that answer in their own words, such as Exim's "250 OK id=1abcDE-000001-AB". */
const EXIM_ID = /\bid=(\w{6}-\w{6,11}-\w{2,4})\b/;

/** Deliveries that go to another server; all others end on this one, or are no delivery. */
const BY_SMTP = new Set(['smtp', 'relay', 'smtps', 'submission']);

/** Daemons whose lines are known without saying anything of a message. */
const SILENT_DAEMONS = new Set([
  'anvil',
  'bounce',
  'dnsblog',
  'master',
  'postalias',
  'postdrop',
  'postfix-script',
  'postlog',
  'postlogd',
  'postmap',
  'postscreen',
  'postsuper',
  'proxymap',
  'scache',
  'sendmail',
  'tlsmgr',
  'tlsproxy',
  'trivial-rewrite',
  'verify',
]);

const DELIVERS = new Set([
  'smtp',
  'relay',
  'lmtp',
  'local',
  'virtual',
  'pipe',
  'error',
  'retry',
  'discard',
  'submission',
  'smtps',
]);

/** Lines without a queue id of daemons that also write some with one. */
const KNOWN =
  /^(?:(?:dis)?connect (?:from|to) |lost connection |timeout after |improper command |SSL_(?:accept|connect) error|setting up TLS|discarding EHLO|bare <|too many errors|warning: |fatal: |error: |panic: |NOQUEUE: |proxy-(?:accept|reject): |statistics: |certificate verification |TLS SNI|(?:Anonymous|Untrusted|Trusted|Verified) TLS |Host offered STARTTLS|host \S+ |conversation with |enabling PIX |table |daemon started|reload|terminating|refreshing|using backwards-compatible|initializing|issuing session|mapped |private\/|dict_|skipped|open |\S+\[[^\]]*\]:? )/;

/**
 * Reads a line of Postfix (3.x; lines of 2.x have the same form).
 * @param daemon what follows "postfix/" in its tag, the last part of it; empty where the tag does not have it
 */
export function readPostfix(daemon: string, text: string): Reading | null {
  const id = QUEUE_ID.exec(text);
  if (id === null) return SILENT_DAEMONS.has(daemon) || KNOWN.test(text) ? SILENT : null;
  const queueId = id[1]!;
  const rest = text.slice(id[0].length);
  const events = eventsOf(daemon === '' ? guessed(rest) : daemon, rest);
  if (events === null) return SILENT_DAEMONS.has(daemon) ? { queueId: null, events: [] } : null;
  return { queueId, events };
}

/**
 * Which daemon a line about a recipient is of, by what it says; of other lines it makes no difference. Port
 * 24 is LMTP's.
 */
function guessed(rest: string): string {
  const relay = RELAY.exec(rest)?.[1] ?? '';
  const host = HOST.exec(relay);
  if (relay === 'none') return 'error';
  if (host !== null && ipOf(host[2]!) !== null) return host[3] === '24' ? 'lmtp' : 'smtp';
  return 'local';
}

function eventsOf(daemon: string, rest: string): LogEvent[] | null {
  if (rest.startsWith('client=')) return clientOf(rest);
  if (rest.startsWith('uid=')) return [{ kind: 'local' }];
  if (rest.startsWith('message-id=')) return messageId(rest.slice('message-id='.length));
  if (rest.startsWith('resent-message-id=')) return [];
  if (rest.startsWith('from=<')) return envelopeOf(rest);
  if (rest === 'removed') return [{ kind: 'ended' }];
  if (rest.startsWith('to=')) return DELIVERS.has(daemon) ? deliveryOf(daemon, rest) : null;
  if (rest.startsWith('milter-reject: ') || rest.startsWith('reject: ')) return [{ kind: 'rejected', words: wordsOf(rest) }];
  const author = /^(?:info|warning|prepend|replace): header From: .*<[^@<>]*@([^\s@<>]+)>/i.exec(rest);
  if (author !== null) return [{ kind: 'author', domain: domainOf(author[1]!) }];
  if (daemon === 'cleanup' || daemon === 'smtpd' || daemon === 'qmgr' || DELIVERS.has(daemon)) return [];
  return null;
}

function messageId(text: string): LogEvent[] {
  const id = idOf(text.replace(/^<|>$/g, ''));
  return id === '' ? [] : [{ kind: 'message_id', id }];
}

function clientOf(rest: string): LogEvent[] {
  const host = HOST.exec(rest.slice('client='.length));
  const sasl = /, sasl_username=([^,\s]+)/.exec(rest)?.[1] ?? null;
  // Behind a content filter the client that the filter was given, when it hands that on (XFORWARD).
  const origin = /, orig_client=([^[\s,]*)\[([^\]\s]*)\]/.exec(rest);
  return [{ kind: 'client', ...nameAndIp(origin ?? host), sasl }];
}

function nameAndIp(host: RegExpExecArray | null): { name: string | null; ip: string | null } {
  const name = host?.[1] ?? '';
  const ip = ipOf(host?.[2] ?? '');
  return { name: name === '' || name === 'unknown' ? null : name.toLowerCase().slice(0, 253), ip };
}

function envelopeOf(rest: string): LogEvent[] {
  const from = /^from=<([^>]*)>/.exec(rest);
  if (from === null) return [];
  const events: LogEvent[] = [{ kind: 'envelope', from: from[1] === '' ? null : addressOf(from[1]!) }];
  if (/, status=(?:force-)?expired,/.test(rest)) events.push({ kind: 'expired' });
  return events;
}

function deliveryOf(daemon: string, rest: string): LogEvent[] | null {
  const to = /^to=(<[^>]*>|[^,]*)/.exec(rest);
  const status = STATUS.exec(rest);
  if (to === null || status === null) return null;
  const fate = fateOf(status[1]!);
  if (fate === null) return [];
  const relay = RELAY.exec(rest)?.[1] ?? '';
  const host = HOST.exec(relay);
  const words = status[2] ?? '';
  const smtp = BY_SMTP.has(daemon) && !relay.includes('[private/') && !relay.includes('[/');
  return [
    {
      kind: 'delivery',
      to: addressOf(to[1]!),
      by: smtp || ((daemon === 'error' || daemon === 'retry') && fate !== 'sent') ? 'smtp' : 'local',
      relay: relay === '' || relay === 'none' ? null : (host?.[1] ?? relay).toLowerCase().slice(0, 253),
      ip: ipOf(host?.[2] ?? ''),
      status: fate,
      dsn: DSN.exec(rest)?.[1] ?? null,
      words: fate === 'sent' ? null : wordsOf(words),
      queuedAs: fate === 'sent' ? queuedAs(words) : null,
    },
  ];
}

/** The last id that the answer names: behind amavis that is the id after the filter. */
function queuedAs(words: string): string | null {
  const last = [...words.matchAll(QUEUED_AS)].at(-1)?.[1];
  return last ?? EXIM_ID.exec(words)?.[1] ?? null;
}

function fateOf(status: string): 'sent' | 'deferred' | 'bounced' | 'expired' | null {
  // With soft_bounce=yes the mail stays in the queue.
  if (status === 'SOFTBOUNCE') return 'deferred';
  if (status === 'sent' || status === 'deferred' || status === 'bounced' || status === 'expired') return status;
  // Of address verification: deliverable, undeliverable, undeliverable-but-not-cached. Nothing was sent.
  return null;
}

const ipOf = (text: string): string | null => {
  const bare = text.replace(/^IPv6:/i, '');
  return isIP(bare) === 0 || bare.includes('%') ? null : bare;
};
