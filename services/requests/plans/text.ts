import { quotedString } from '../../dns/zonefile.ts';
import { escaped } from '../../shared/escape.ts';
import { counted, durationText } from '../../shared/format.ts';
import { grantWords } from '../grants/index.ts';
import { changedMembers, type DnsChange, type Plan } from '../plan.ts';
import { stringsIn, targetIn } from './members.ts';

/** A member as in a zone file (RFC 1035 section 5.1). */
function zoneText({ name, type }: DnsChange, member: DnsChange['before'][number], ttl: number | null): string {
  const data =
    type === 'TXT' ? stringsIn(member).map(quotedString).join(' ') : type === 'CNAME' ? `${targetIn(member)}.` : member.text;
  return `${name}. ${ttl === null ? '' : `${ttl} `}${type} ${data}`;
}

interface ChangeLine {
  sign: '-' | '+' | ' ';
  text: string;
}

const goes = (text: string): ChangeLine => ({ sign: '-', text });
const comes = (text: string): ChangeLine => ({ sign: '+', text });
const stays = (text: string): ChangeLine => ({ sign: ' ', text });

/** What a plan changes, one line for each member: "-" goes, "+" comes, " " stays. */
export function changeLines(plan: Pick<Plan, 'changes'>): string[] {
  // A line feed in a name would be a line of its own, which says what nobody asked for.
  return linesOf(plan).map(({ sign, text }) => escaped(`${sign} ${text}`));
}

/** Only what comes, without signs. */
export function comingLines(plan: Pick<Plan, 'changes'>): string[] {
  return linesOf(plan).flatMap(({ sign, text }) => (sign === '+' ? [escaped(text)] : []));
}

function linesOf({ changes }: Pick<Plan, 'changes'>): ChangeLine[] {
  return changes.flatMap((change) => {
    if (change.target === 'senders') {
      const { domain, source, before, after, until } = change;
      const entry = `${source} as a sender of ${domain === '*' ? 'every domain' : domain}`;
      return [
        ...(before === null ? [] : [goes(`${before}: ${entry}`)]),
        ...(after === null ? [] : [comes(`${after}: ${entry}${until === null ? '' : ` until ${until}`}`)]),
      ];
    }
    if (change.target === 'grant') {
      const { holder, seconds, uses } = change;
      const most = uses === null ? '' : `, or ${counted(uses, 'use')}`;
      return [comes(`${holder}: ${grantWords(change)}, for ${durationText(seconds)}${most}`)];
    }
    if (change.target === 'message') {
      const { from_domain, recipients, size, sha256 } = change;
      const from = from_domain === null ? 'that names no author' : `that says it is from ${from_domain}`;
      return [
        comes(`delivered to ${counted(recipients, 'recipient')}: a mail of ${counted(size, 'byte')} ${from} (SHA-256 ${sha256})`),
      ];
    }
    if (change.target === 'manual') {
      const { what, before, after, run } = change;
      return [goes(`${what}: ${before}`), comes(`${what}: ${after}`), stays(`by hand: ${run}`)];
    }
    const { gone, come, stay } = changedMembers(change);
    return [
      ...gone.map((one) => goes(zoneText(change, one, change.ttl.before))),
      ...come.map((one) => comes(zoneText(change, one, change.ttl.after))),
      ...stay.map((one) => stays(zoneText(change, one, change.ttl.after))),
    ];
  });
}
