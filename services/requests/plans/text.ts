import type { DnsChange, Plan } from '../plan.ts';
import { stringsIn } from './members.ts';

const quoted = (text: string): string =>
  `"${text.replace(/[^ !#-[\]-~]/g, (c) => (c === '"' || c === '\\' ? `\\${c}` : `\\${String(c.charCodeAt(0)).padStart(3, '0')}`))}"`;

/** A member as in a zone file (RFC 1035 section 5.1). */
function zoneText({ name, type }: DnsChange, member: DnsChange['before'][number], ttl: number | null): string {
  const data = type === 'TXT' ? stringsIn(member).map(quoted).join(' ') : member.text;
  return `${name}. ${ttl === null ? '' : `${ttl} `}${type} ${data}`;
}

/** What a plan changes, one line for each member: "-" goes, "+" comes, " " stays. */
export function changeLines({ changes }: Pick<Plan, 'changes'>): string[] {
  return changes.flatMap((change) => {
    if (change.target === 'senders') {
      const { domain, source, before, after, until } = change;
      const entry = `${source} as a sender of ${domain === '*' ? 'every domain' : domain}`;
      return [
        ...(before === null ? [] : [`- ${before}: ${entry}`]),
        ...(after === null ? [] : [`+ ${after}: ${entry}${until === null ? '' : ` until ${until}`}`]),
      ];
    }
    const wires = (members: DnsChange['before']) => new Set(members.map(({ wire }) => wire));
    const [old, fresh] = [wires(change.before), wires(change.after)];
    return [
      ...change.before.filter(({ wire }) => !fresh.has(wire)).map((one) => `- ${zoneText(change, one, change.ttl.before)}`),
      ...change.after.filter(({ wire }) => !old.has(wire)).map((one) => `+ ${zoneText(change, one, change.ttl.after)}`),
      ...change.after.filter(({ wire }) => old.has(wire)).map((one) => `  ${zoneText(change, one, change.ttl.after)}`),
    ];
  });
}
