import { domainOf, type LogEvent, type Reading, SILENT } from '../events.ts';

/**
 * "client @0x7f… 192.0.2.1#4711/key ci: updating zone 'example.com/IN': adding an RR at 'x.example.com' TXT
 * "…""
 */
const UPDATE =
  /^(?:\w+: )?(?:info: )?client (?:@\S+ )?(\S+?)(?:\/key (\S+?))?(?: \([^)]*\))?: (?:view \S+: )?(updating zone|update) '([^'/]+)(?:\/[^']*)?'(?::)? (.*)$/s;
const RR = /^(adding an RR|deleting (?:an RR|rrset)|delete all rrsets) (?:at|from name) '?([^'\s]+)'?(?: (\S+))?/;

/**
 * Reads a line of BIND 9.18's categories `update` and `update-security`, in the forms that named writes in
 * the test (its manual names the categories, not the lines). A deletion is logged as it was requested, even
 * if no such record was there. Contents of records are not kept: the watcher has them from DNS itself.
 */
export function readNamed(text: string): Reading | null {
  const update = UPDATE.exec(text.replace(/^update(?:-security)?: (?:info|error|notice): /, ''));
  if (update === null) return SILENT;
  const [, address, key, verb, zone, rest] = update;
  const client = key ?? address!.replace(/#\d+$/, '');
  const of = (event: { action: 'added' | 'deleted' | 'changed' | 'refused'; name?: string; type?: string }): Reading => ({
    queueId: null,
    events: [change({ zone: zone!, name: event.name ?? null, type: event.type ?? null, action: event.action, client })],
  });
  if (verb === 'update') return /denied|failed|refused/.test(rest!) ? of({ action: 'refused' }) : SILENT;
  const rr = RR.exec(rest!);
  if (rr !== null) {
    const type = rr[3] === undefined ? {} : { type: rr[3].toUpperCase() };
    return of({ action: rr[1]!.startsWith('adding') ? 'added' : 'deleted', name: rr[2]!, ...type });
  }
  return /update (?:failed|unsuccessful)|rejected|denied/.test(rest!) ? of({ action: 'refused' }) : SILENT;
}

/** "[example.com.] DDNS, finished, serial 1 -> 2, 0.00 seconds" */
const KNOT = /^(?:(?:info|notice|warning|error|debug): )?\[([^\]]+)\] (.*)$/s;
/**
 * Ways in which a zone gets new contents. "serial none ->" is the first load after a start, which changes
 * nothing.
 */
const KNOT_CHANGED = /^(?:DDNS, finished|loaded|[AI]XFR, incoming)\b.*\bserial \d+ -> \d+/;
/** Knot logs who was refused at the level debug only. */
const KNOT_REFUSED = /^(?:ACL, denied, action update\b|DDNS, (?:processing failed|failed to forward|refusing))/;

/**
 * Reads a line of Knot DNS 3.2, in the forms that knotd writes in the test: that a zone changed, neither
 * which names nor by whose update.
 */
export function readKnot(text: string): Reading | null {
  const line = KNOT.exec(text);
  if (line === null) return SILENT;
  const [, zone, rest] = line;
  const action = KNOT_CHANGED.test(rest!) ? 'changed' : KNOT_REFUSED.test(rest!) ? 'refused' : null;
  if (action === null) return SILENT;
  const key = /, key '([^']+?)\.?'/.exec(rest!)?.[1];
  const client = key ?? /\bremote ([\d.:a-f]+)(?:@\d+)?/i.exec(rest!)?.[1] ?? null;
  return { queueId: null, events: [change({ zone: zone!, name: null, type: null, action, client })] };
}

function change(event: {
  zone: string;
  name: string | null;
  type: string | null;
  action: 'added' | 'deleted' | 'changed' | 'refused';
  client: string | null;
}): LogEvent {
  return {
    kind: 'dns_change',
    ...event,
    zone: domainOf(event.zone),
    name: event.name === null ? null : domainOf(event.name),
    client: event.client?.slice(0, 253) ?? null,
  };
}
