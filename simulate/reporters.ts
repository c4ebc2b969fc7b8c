import type { Random } from '../demo/random.ts';
import type { Dialect } from '../demo/report.ts';
import * as dialects from '../demo/reporters/index.ts';
import type { Reporter, Trap } from './model.ts';

const LIST = { type: 'mailing_list', comment: null };
const FORWARDED = { type: 'forwarded', comment: null };
const ARC = { type: 'local_policy', comment: 'arc=pass' };

/** A reporter that runs the same software as another under its own name. */
function sibling(dialect: Dialect, from: string, to: string, name: string): Dialect {
  const own = (text: string) => text.replaceAll(dialect.org_name, name).replaceAll(from, to);
  return {
    ...dialect,
    submitter: own(dialect.submitter),
    org_name: own(dialect.org_name),
    org_email: own(dialect.org_email),
    reportId: (...given) => own(dialect.reportId(...given)),
    xml: (report) => own(dialect.xml(report)),
    fileStem: (report) => own(dialect.fileStem(report)),
    mail: (parts) => own(dialect.mail(parts)),
  };
}

const gateway = (org: string) => sibling(dialects.gateway, 'ashgrove-clinics.example', org, org);
/** A reporter of any name that writes from a domain of its own. */
export const university = (org: string, name: string) => sibling(dialects.university, 'linden-university.example', org, name);

/** The same reporter, from the same address, with another `org_name`. */
export function named(dialect: Dialect, org_name: string): Dialect {
  const own = `<org_name>${dialect.org_name}</org_name>`;
  return { ...dialect, xml: (report) => dialect.xml(report).replace(own, `<org_name>${org_name}</org_name>`) };
}

type Fixed = Pick<Reporter, 'dialect' | 'share' | 'hour' | 'lateness' | 'onForwarder' | 'onList'>;
const REPORTERS: readonly Fixed[] = [
  { dialect: dialects.google, share: 0.37, hour: 7, lateness: 0.02, onForwarder: null, onList: ARC },
  { dialect: dialects.microsoft, share: 0.22, hour: 5, lateness: 0.04, onForwarder: null, onList: null },
  { dialect: dialects.yahoo, share: 0.13, hour: 4, lateness: 0.02, onForwarder: null, onList: LIST },
  { dialect: dialects.gmx, share: 0.07, hour: 2, lateness: 0.03, onForwarder: null, onList: null },
  { dialect: dialects.mailru, share: 0.04, hour: 1, lateness: 0.1, onForwarder: null, onList: LIST },
  { dialect: dialects.fastmail, share: 0.04, hour: 3, lateness: 0.02, onForwarder: FORWARDED, onList: FORWARDED },
  { dialect: dialects.gateway, share: 0.03, hour: 1, lateness: 0.06, onForwarder: null, onList: null },
  { dialect: gateway('brightwater-foods.example'), share: 0.02, hour: 2, lateness: 0.1, onForwarder: null, onList: null },
  { dialect: gateway('oxbow-freight.example'), share: 0.015, hour: 9, lateness: 0.15, onForwarder: null, onList: null },
  { dialect: dialects.university, share: 0.03, hour: 6, lateness: 0.05, onForwarder: FORWARDED, onList: LIST },
  {
    dialect: university('ridge-college.example', 'Ridge College IT'),
    share: 0.02,
    hour: 8,
    lateness: 0.12,
    onForwarder: null,
    onList: LIST,
  },
  {
    dialect: university('city-of-elmstead.example', 'City of Elmstead'),
    share: 0.015,
    hour: 3,
    lateness: 0.05,
    onForwarder: null,
    onList: null,
  },
];

/** The largest, whose silence is worth reporting. */
export const LARGE = ['google.com', 'Enterprise Outlook', 'Yahoo'];

/**
 * The reporters of a world, with their outages and late days. An outage is short; what lasts is an incident
 * of a domain.
 */
export function makeReporters(random: Random, days: number): { reporters: Reporter[]; traps: Trap[] } {
  const traps: Trap[] = [];
  const reporters = REPORTERS.map((fixed): Reporter => {
    const own = random.fork(fixed.dialect.org_name);
    const outages = Array.from({ length: own.int(0, Math.ceil(days / 45)) }, () => {
      const from = own.int(10, Math.max(10, days - 4));
      return { from, to: from + own.int(0, 2) };
    });
    const late = own.chance(0.5) ? own.int(14, Math.max(14, days - 8)) : null;
    const lateBurst = late === null ? null : { from: late, to: late + 1 };
    for (const outage of outages) traps.push({ what: 'reporter outage', domain: '*', begin: outage.from, end: outage.to });
    if (lateBurst) traps.push({ what: 'late reports', domain: '*', begin: lateBurst.from, end: lateBurst.to });
    const { org_email } = fixed.dialect;
    return { ...fixed, recipients: [org_email.slice(org_email.indexOf('@') + 1)], outages, lateBurst };
  });
  return { reporters, traps };
}
