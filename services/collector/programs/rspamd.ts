import { isIP } from 'node:net';
import { addressOf, domainOf, idOf, type LogEvent, type Reading, SILENT } from '../events.ts';

/**
 * Before what rspamd says: "2026-11-27 14:20:11 #7(normal) <ab12cd>; task; rspamd_task_write_log: " or the
 * end of that.
 */
const PREFIX = /^(?:.*?; )?rspamd_task_write_log: /s;
const OWN_FORM = /^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? )?(?:#\d+)?\(\w+\) (?:\[\w+\] )?<\w+>; |^<\w+>; /;
const KEY_FAULT =
  /cannot (?:load|open|read|find|access|create)[^;]*?dkim (?:private )?key\s*(.*)|dkim[^;]*: cannot (?:load|read|find|stat) (?:private )?key\s*(.*)|invalid or unknown key[^;]*?(\S*)$/i;
/** DKIM_SIGNED(0.00){example.com:s=s1;}; rspamd 1 writes options in brackets. */
const SYMBOL = /\b([A-Z][A-Z0-9_]+)\([-\d.]*\)(?:\{([^}]*)\}|\[([^\]]*)\])?/g;
/** Options of one symbol that are read: a mail may have many signatures. */
const MOST_OPTIONS = 10;

const DKIM: Record<string, string> = {
  R_DKIM_ALLOW: 'pass',
  R_DKIM_REJECT: 'fail',
  R_DKIM_TEMPFAIL: 'temperror',
  R_DKIM_PERMFAIL: 'permerror',
  R_DKIM_NA: 'none',
};
const SPF: Record<string, string> = {
  R_SPF_ALLOW: 'pass',
  R_SPF_FAIL: 'fail',
  R_SPF_SOFTFAIL: 'softfail',
  R_SPF_NEUTRAL: 'neutral',
  R_SPF_DNSFAIL: 'temperror',
  R_SPF_PERMFAIL: 'permerror',
  R_SPF_NA: 'none',
};
const DMARC: Record<string, string> = {
  DMARC_POLICY_ALLOW: 'pass',
  DMARC_POLICY_ALLOW_WITH_FAILURES: 'pass',
  DMARC_POLICY_REJECT: 'fail',
  DMARC_POLICY_QUARANTINE: 'fail',
  DMARC_POLICY_SOFTFAIL: 'fail',
  DMARC_NA: 'none',
  DMARC_BAD_POLICY: 'permerror',
  DMARC_DNSFAIL: 'temperror',
};

/**
 * Reads a line of rspamd 3.x in its own log format (`log_format` left as it is), in a file or through syslog.
 */
export function readRspamd(text: string): Reading | null {
  const prefix = PREFIX.exec(text);
  if (prefix === null) {
    const fault = KEY_FAULT.exec(text);
    if (fault !== null) {
      const about = (fault[1] ?? fault[2] ?? fault[3] ?? '').trim().slice(0, 200);
      return { queueId: null, events: [{ kind: 'fault', code: 'key_unreadable', about: about || null }] };
    }
    return OWN_FORM.test(text) || /; \w+; \w+: /.test(text) ? SILENT : null;
  }
  const rest = text.slice(prefix[0].length);
  const head = rest.slice(0, rest.indexOf(', (') === -1 ? rest.length : rest.indexOf(', ('));
  const queueId = /, qid: <([\w-]{1,40})>/.exec(head)?.[1] ?? null;
  return { queueId: queueId === 'undef' ? null : queueId, events: [...headEvents(head), ...symbolEvents(rest)] };
}

function headEvents(head: string): LogEvent[] {
  const events: LogEvent[] = [];
  const id = /^id: <([^>]*)>/.exec(head)?.[1];
  if (id !== undefined && id !== '' && id !== 'undef') events.push({ kind: 'message_id', id: idOf(id) });
  const from = /, from: <([^>]*)>/.exec(head)?.[1];
  if (from !== undefined) events.push({ kind: 'envelope', from: from === '' ? null : addressOf(from) });
  const ip = /, ip: ([^,\s]+)/.exec(head)?.[1];
  const sasl = /, user: ([^,\s]+)/.exec(head)?.[1] ?? null;
  if (ip !== undefined && isIP(ip) !== 0) events.push({ kind: 'client', name: null, ip, sasl });
  return events;
}

function symbolEvents(rest: string): LogEvent[] {
  const events: LogEvent[] = [];
  for (const [, symbol, braces, brackets] of rest.matchAll(SYMBOL)) {
    const options = (braces ?? brackets ?? '').split(braces === undefined ? /, ?/ : ';');
    if (symbol === 'DKIM_SIGNED') {
      for (const { domain, selector } of keysOf(options))
        if (domain !== null && selector !== null) events.push({ kind: 'signed', domain, selector });
    } else if (symbol! in DKIM) {
      const keys = keysOf(options);
      for (const key of keys.length > 0 ? keys : [{ domain: null, selector: null }])
        events.push({ kind: 'verdict', method: 'dkim', result: DKIM[symbol!]!, ...key });
    } else if (symbol! in SPF)
      events.push({ kind: 'verdict', method: 'spf', result: SPF[symbol!]!, domain: null, selector: null });
    else if (symbol! in DMARC) {
      // "shop.example : SPF not aligned (relaxed)" where it fails.
      const domain = domainOf(options[0]!.split(',')[0]!.split(' : ')[0]!.trim()) || null;
      if (domain?.includes('.')) events.push({ kind: 'author', domain });
      events.push({ kind: 'verdict', method: 'dmarc', result: DMARC[symbol!]!, domain, selector: null });
    }
  }
  return events;
}

/** "example.com:s=s1", an option for each signature. */
const keysOf = (options: readonly string[]): { domain: string | null; selector: string | null }[] =>
  options
    .filter((option) => option.trim() !== '')
    .slice(0, MOST_OPTIONS)
    .map((option) => {
      const [domain = '', key = ''] = option.trim().split(':');
      return { domain: domainOf(domain) || null, selector: /^s=(.+)$/.exec(key)?.[1]?.toLowerCase() ?? null };
    });
