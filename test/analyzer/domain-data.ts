import type { DomainData } from '../../services/analyzer/domain-data.ts';
import type { Catalogue } from '../../services/analyzer/senders/catalogue.ts';
import type { SourceDay } from '../../services/store/analysis/window-reads.ts';
import type { ListEntry } from '../../services/store/sources/sender-list.ts';
import { inventedService } from './invented.ts';
import { ago, DOMAIN, networks, reporterDays, TODAY } from './rows.ts';

const SERVICE = inventedService('bulk');
/** One service: what it signs and sends is of service.example. */
export const CATALOGUE: Catalogue = {
  senders: new Map([[SERVICE.id, SERVICE]]),
  dkim: new Map([['service.example', SERVICE]]),
  spf: new Map([['service.example', SERVICE]]),
  reverse: new Map([['service.example', SERVICE]]),
};

const NONE = { networks: 0, failed: 0, days: [] };

/**
 * All that is loaded of a domain whose work names the sources of these rows, and whose other mail is
 * ordinary.
 */
export function domainData(rows: readonly SourceDay[], extra: Partial<DomainData> = {}): DomainData {
  return {
    domain: DOMAIN,
    from: ago(41),
    today: TODAY,
    now: new Date(`${ago(-1)}T08:00:00Z`),
    quietAfterDays: 7,
    sources: [...new Set(rows.map(({ source }) => source))],
    rows,
    reporterDays: reporterDays(rows),
    byKnown: true,
    testedSources: 3,
    newcomers: 2,
    borrowed: new Map(),
    keys: new Map(),
    relayed: new Map(),
    firstSeen: new Map(),
    falseAlarmsPerMonth: 1,
    policyDays: [],
    known: [],
    networks: { largest: networks(rows), others: NONE, others_below: NONE },
    names: { largest: [], names: 0 },
    facts: [],
    others: null,
    forged: [],
    genuine: [],
    catalogue: CATALOGUE,
    senderList: [],
    ...extra,
  };
}

/** What a person says of a source, for this domain alone. */
export function listEntry(source: string, verdict: ListEntry['verdict'], extra: Partial<ListEntry> = {}): ListEntry {
  return {
    entry_key: 1,
    domain: DOMAIN,
    source,
    is_service: false,
    verdict,
    by_name: 'Ada',
    why: 'ours',
    since: new Date(`${ago(5)}T10:00:00Z`),
    until: null,
    ...extra,
  };
}
