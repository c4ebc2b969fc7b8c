import { domainOf, type Reading, SILENT } from '../events.ts';
import { NO_ID, QUEUE_ID } from './opendkim.ts';

const DMARC = /^(?:ARC \w+, policy \w+ [^:]*: )?([\w.-]+) (pass|fail|none|permerror|temperror)\b/;
const SPF = /^SPF\((mailfrom|helo)\): (\S+) (\w+)/;
const KNOWN =
  /^(?:OpenDMARC Filter|ignoring |RFC5322 |multi-valued From|unable to parse|opendmarc_|can't |policy|terminating|exiting|\S* header add failed|smfi_|No From|SPF|ARC|rejected by|reject|quarantined by|sleeping|implicit|additional|accepted)/i;

/** Reads a line of OpenDMARC 1.4: its verdict about the domain of the From header. */
export function readOpendmarc(text: string): Reading | null {
  const id = QUEUE_ID.exec(text);
  const rest = id === null ? text : text.slice(id[0].length);
  // A verdict on a message that nobody can name.
  if (id?.[1] === NO_ID) return SILENT;
  const spf = SPF.exec(rest);
  if (id !== null && spf !== null) {
    const domain = domainOf(spf[2]!.slice(spf[2]!.lastIndexOf('@') + 1));
    return {
      queueId: id[1]!,
      events: [{ kind: 'verdict', method: 'spf', result: spf[3]!.toLowerCase(), domain, selector: null }],
    };
  }
  const dmarc = id === null ? null : DMARC.exec(rest);
  if (dmarc !== null) {
    const domain = domainOf(dmarc[1]!);
    return {
      queueId: id![1]!,
      events: [
        { kind: 'author', domain },
        { kind: 'verdict', method: 'dmarc', result: dmarc[2]!, domain, selector: null },
      ],
    };
  }
  // Some sentences have the id without a colon: "4F2A1C0 ignoring Authentication-Results at 1 from
  // mx.example.org".
  return KNOWN.test(rest) || /^\w+ ignoring /.test(rest) ? SILENT : null;
}
