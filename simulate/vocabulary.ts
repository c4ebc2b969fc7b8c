import type { What } from './families/expectation.ts';
import { KINDS } from './kinds.ts';

interface Reading {
  /** Kinds of alarms that report it. */
  detect: readonly string[];
  /** Kinds that are not wrong beside it, but are not what a person should have been alerted to. */
  excuse: readonly string[];
  /** An alarm must name one of its senders (or the reporter), or nobody. */
  bySource: boolean;
  /** There are no messages by which its strength could be measured. */
  noMessages?: boolean;
}

const own = (kinds: readonly string[], ...more: string[]) => [...new Set([...kinds, ...more])];
const { spoofing, subdomain_abuse, dkim_broken, misaligned_service, new_service, volume_surge } = KINDS;

/**
 * Which kinds of alarms, of ruawatch and of the baselines, mean what a family expects. A new kind of finding
 * is added here where it fits. Baselines are read in their favour.
 */
export const MEANING: Record<What, Reading> = {
  forged: spoofing!,
  botnet: spoofing!,
  forged_subdomain: {
    detect: own(subdomain_abuse!.detect, 'unauthorized_source'),
    excuse: subdomain_abuse!.excuse,
    bySource: true,
  },
  abused_service: {
    detect: own(spoofing!.detect, 'alignment_failure', 'new_source'),
    excuse: own(spoofing!.excuse, 'volume_surge', 'authentication_regression'),
    bySource: true,
  },
  // DNS, which no world has, shows the cause.
  broken: {
    ...dkim_broken!,
    detect: own(dkim_broken!.detect, 'dns_broken', 'dkim_key_missing', 'dkim_key_weak', 'record_invalid', 'dns_drift'),
  },
  spf_error: {
    ...dkim_broken!,
    detect: own(dkim_broken!.detect, 'dns_broken', 'spf_limit', 'include_dangling', 'record_invalid', 'dns_drift'),
  },
  // Whether the sender broke or was never set up there is a matter of words: both say to complete the record.
  outgrown_record: {
    detect: own(dkim_broken!.detect, 'alignment_failure'),
    excuse: ['unauthorized_source'],
    bySource: true,
  },
  unaligned: misaligned_service!,
  new_sender: new_service!,
  stolen_key: {
    detect: own(new_service!.detect, 'unauthorized_source'),
    excuse: new_service!.excuse,
    bySource: true,
  },
  takeover: { ...volume_surge!, excuse: ['new_source'] },
  no_reports: {
    detect: ['reports_stopped', 'reporter_silent', 'dmarq no_report', 'trollByte volume_down'],
    excuse: ['reporter_silent', 'unreadable_reports'],
    bySource: false,
    noMessages: true,
  },
  reporter_silent: { ...KINDS.reporter_silent!, noMessages: true },
  forged_reports: { ...KINDS.forged_report!, detect: ['forged_report', 'unconfirmed_report'], noMessages: true },
  contradiction: KINDS.verdict_mismatch!,
  policy_weakened: { ...KINDS.policy_weakened!, noMessages: true },
};
