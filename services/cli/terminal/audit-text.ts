import {
  type AuditedRequest,
  CONTROLS,
  type Control,
  controlsOf,
  type Exception,
  exceptionsOf,
  type GroupChange,
} from '../../requests/audit-report.ts';
import { STATE_WORDS } from '../../requests/words.ts';
import { counted } from '../../shared/format.ts';
import { type Head, numberOf, type Verified } from '../../store/requests/audit.ts';
import { moment } from './options.ts';

/** All that `audit report` says. */
export interface AuditReport {
  from: Date;
  to: Date;
  requests: AuditedRequest[];
  groups: GroupChange[];
  chain: { rows: number; before: string | null; last: string | null; cuts: number };
  verified: Verified;
  /** A head from an earlier time that the chain was held against. */
  noted: Head | null;
  /** retention.audit_days of the settings. */
  audit_days: number | null;
}

/**
 * Whether rows at the beginning of the chain are gone that no setting deletes: then an intruder has deleted
 * them.
 */
export const isCutByOthers = ({ base }: Verified, audit_days: number | null): boolean =>
  audit_days === null && numberOf(base) > 0;

/** What an auditor must look at: of the requests, of the chain. */
export function allExceptions({ requests, verified, chain, noted, audit_days }: AuditReport): Exception[] {
  const of = (says: string): Exception => ({ control: 'logging', request_key: null, says });
  const { faults } = verified;
  return [
    ...(faults.length > 0
      ? [of(`The audit chain is not intact: ${counted(faults.length, 'row')} from number ${faults[0]!.number} on.`)]
      : []),
    ...(verified.has_head === false
      ? [of('The head that was given is not in the chain: rows were cut off, or it was computed anew.')]
      : []),
    ...(noted !== null && verified.has_head === null
      ? [
          of(
            `The head that was given is of a row before number ${numberOf(verified.base) + 1}, which is gone: it proves nothing.`,
          ),
        ]
      : []),
    ...(isCutByOthers(verified, audit_days)
      ? [of(`The chain begins after row ${numberOf(verified.base)}, and retention.audit_days is not set: somebody deleted rows.`)]
      : []),
    ...(chain.cuts > 0 ? [of(`Retention deleted old rows of the chain ${counted(chain.cuts, 'time')}.`)] : []),
    ...requests.flatMap(exceptionsOf),
  ];
}

const day = (at: Date) => at.toISOString().slice(0, 10);

/** The report as text, by control. */
export function auditText(report: AuditReport): string[] {
  const { from, to, requests, groups, chain, verified } = report;
  const exceptions = allExceptions(report);
  const applied = requests.filter(({ applied_at }) => applied_at !== null).length;
  const lines = [
    `Audit report, ${day(from)} to ${day(to)} (UTC, the last day not included)`,
    `${counted(requests.length, 'request')}, ${applied} applied; ${counted(exceptions.length, 'exception')}.`,
  ];
  for (const control of Object.keys(CONTROLS) as Control[]) {
    const { iso, soc, title, says } = CONTROLS[control];
    lines.push(
      '',
      `${title} (ISO/IEC 27001:2022 ${iso}; SOC 2 ${soc}): ${says}`,
      ...sectionOf(control, { requests, groups, chain, verified }),
    );
    const of = exceptions.filter((one) => one.control === control);
    lines.push(
      ...(of.length === 0
        ? ['  No exceptions.']
        : [
            '  Exceptions:',
            ...of.map((one) => `  ! ${one.request_key === null ? '' : `Request ${one.request_key}: `}${one.says}`),
          ]),
    );
  }
  return lines;
}

function sectionOf(
  control: Control,
  { requests, groups, chain, verified }: Pick<AuditReport, 'requests' | 'groups' | 'chain' | 'verified'>,
): string[] {
  switch (control) {
    case 'change':
      return requests.length === 0 ? ['  No request.'] : requests.flatMap(requestLines);
    case 'duties': {
      const decisions = requests.flatMap((one) => one.decisions);
      const automatic = requests.filter((one) => one.automatic).length;
      return [
        `  ${counted(decisions.length, 'decision')} of ${counted(new Set(decisions.map(({ person }) => person)).size, 'person', 'people')}; ${counted(automatic, 'request')} decided by rules within their ceilings.`,
      ];
    }
    case 'access':
      return groups.length === 0
        ? ['  Nobody was added to or removed from a group.']
        : groups.flatMap(({ number, at, added, removed, deputies_added, deputies_removed }) => [
            `  ${moment(at)}, row ${number} of the chain:`,
            ...added.map((who) => `    + ${who}`),
            ...removed.map((who) => `    - ${who}`),
            ...deputies_added.map((who) => `    + deputy: ${who}`),
            ...deputies_removed.map((who) => `    - deputy: ${who}`),
          ]);
    case 'privileged':
      return [`  ${counted(requests.filter(({ emergency }) => emergency).length, 'break-glass approval')}.`];
    case 'logging':
      return [
        `  ${counted(chain.rows, 'row')} of the audit chain; every hash of the ${counted(verified.rows, 'row')} that are kept was computed again.`,
        `  Head before: ${chain.before ?? verified.base}`,
        `  Head after:  ${chain.last ?? verified.base}`,
        `  Head now:    ${verified.head}`,
      ];
  }
}

function requestLines(request: AuditedRequest): string[] {
  const { request_key, kind, domain, summary, requester, requester_kind, why, rule, automatic, created_at, applied_at } = request;
  const by = requester_kind === 'person' ? requester : `${requester_kind} ${requester}`;
  return [
    `  Request ${request_key}: ${summary} (${kind}, ${domain})`,
    `    asked    ${moment(created_at)} by ${by}: ${why}`,
    ...(automatic ? [`    decided  ${moment(request.decided_at ?? created_at)} by the rule "${rule}"`] : []),
    ...request.decisions.map(
      ({ person, decision, why: reason, at, via, in_place_of }) =>
        `    ${decision.padEnd(8)} ${moment(at)} by ${person}${in_place_of == null ? '' : ` in the place of ${in_place_of}`} (${via}): ${reason}`,
    ),
    ...request.changes.map(
      ({ name, is_return, state, answer, settled_at }) =>
        `    ${is_return ? 'restored' : 'change  '} ${settled_at === null ? '' : `${moment(settled_at)} `}${name}: ${state}${answer === null ? '' : `, ${answer}`}`,
    ),
    `    outcome  ${applied_at === null ? '' : `${moment(applied_at)} `}${STATE_WORDS[request.state]}${request.outcome === null ? '' : `. ${request.outcome}`}`,
  ];
}

const COLUMNS = [
  'request',
  'kind',
  'domain',
  'summary',
  'asked_at',
  'asked_by',
  'why',
  'rule',
  'decided_by',
  'decided_at',
  'state',
  'applied_at',
  'done',
  'outcome',
  'exceptions',
  'iso_27001',
  'soc_2',
] as const;

/** One line for each request (RFC 4180). */
export function auditCsv({ requests }: AuditReport): string[] {
  const time = (at: Date | null) => at?.toISOString() ?? '';
  return [
    COLUMNS.join(','),
    ...requests.map((one) => {
      const controls = controlsOf(one).map((control) => CONTROLS[control]);
      const fields: Record<(typeof COLUMNS)[number], string> = {
        request: String(one.request_key),
        kind: one.kind,
        domain: one.domain,
        summary: one.summary,
        asked_at: time(one.created_at),
        asked_by: one.requester,
        why: one.why,
        rule: one.rule,
        decided_by: one.automatic
          ? `rule ${one.rule}`
          : one.decisions.map(({ person, decision, why }) => `${person} ${decision}: ${why}`).join('; '),
        decided_at: time(one.decided_at),
        state: one.state,
        applied_at: time(one.applied_at),
        done: one.changes.map(({ name, is_return, state }) => `${is_return ? 'restored ' : ''}${name}: ${state}`).join('; '),
        outcome: one.outcome ?? '',
        exceptions: exceptionsOf(one)
          .map(({ says }) => says)
          .join(' '),
        iso_27001: controls.map(({ iso }) => iso).join(', '),
        soc_2: controls.map(({ soc }) => soc).join(', '),
      };
      return COLUMNS.map((column) => csvField(fields[column])).join(',');
    }),
  ];
}

/** Quoted; what a spreadsheet would take for a formula begins with an apostrophe. */
export function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""').replace(/[\r\n]+/g, ' ')}"`;
}
