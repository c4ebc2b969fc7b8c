import { domainOf, type LogEvent, type Reading, SILENT } from '../events.ts';

/** "client @0x7f… 192.0.2.1#4711/key ci: updating zone 'example.com/IN': adding an RR at 'x.example.com' TXT "…"" */
const UPDATE =
  /^(?:\w+: )?(?:info: )?client (?:@\S+ )?(\S+?)(?:\/key (\S+?))?(?: \([^)]*\))?: (?:view \S+: )?(updating zone|update) '([^'/]+)(?:\/[^']*)?'(?::)? (.*)$/s;
const RR = /^(adding an RR|deleting (?:an RR|rrset|all rrsets)) at '?([^'\s]+)'?(?: (\S+))?/;

/**
 * Reads a line of BIND 9.18's categories `update` and `update-security`. Contents of records are not kept: the watcher has
 * them from DNS itself.
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

/** "[example.com.] DDNS, updated, serial 1 -> 2", "[example.com.] DDNS, processing 1 updates", "[example.com.] zone file updated" */
const KNOT = /^(?:(?:info|notice|warning|error|debug): )?\[([^\]]+)\] (.*)$/s;

/** Reads a line of Knot DNS 3.2: that a zone changed, not which names. */
export function readKnot(text: string): Reading | null {
  const line = KNOT.exec(text);
  if (line === null) return SILENT;
  const [, zone, rest] = line;
  const client = /\bremote ([\d.:a-f]+)(?:@\d+)?|, key ([\w.-]+)/i.exec(rest!);
  const of = (action: 'changed' | 'refused'): Reading => ({
    queueId: null,
    events: [change({ zone: zone!, name: null, type: null, action, client: client?.[1] ?? client?.[2] ?? null })],
  });
  if (
    /^(?:DDNS|control|loaded|zone file (?:loaded|parsed)|IXFR, incoming|AXFR, incoming).*(?:serial (?:\S+ )?-> |finished, .*serial)/i.test(
      rest!,
    )
  )
    return of('changed');
  if (/^DDNS, (?:.*, )?(?:finished|updated)\b/i.test(rest!)) return of('changed');
  if (/^(?:DDNS|ACL|control).*(?:denied|refused|failed)/i.test(rest!)) return of('refused');
  return SILENT;
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
