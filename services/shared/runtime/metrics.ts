import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The program's metrics, with one registry for each process; `/metrics` prints them. */
export type Metrics = { registry: Registry } & ReturnType<typeof ofReports> &
  ReturnType<typeof ofFindings> &
  ReturnType<typeof ofWork> &
  ReturnType<typeof ofSending> &
  ReturnType<typeof ofMilter>;

/** Creates a registry of its own, so that several pipelines in one process (tests) do not share counts. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const make = new Maker(registry);
  return { registry, ...ofFindings(make), ...ofReports(make), ...ofWork(make), ...ofSending(make), ...ofMilter(make) };
}

class Maker {
  private readonly registers: [Registry];

  constructor(registry: Registry) {
    this.registers = [registry];
  }

  counter<L extends string = never>(name: string, help: string, ...labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: this.registers });
  }

  gauge<L extends string = never>(name: string, help: string, ...labelNames: L[]): Gauge<L> {
    const made = new Gauge({ name, help, labelNames, registers: this.registers });
    // Without labels it would begin at 0, which is a value: what was not measured is left out.
    if (labelNames.length === 0) made.remove();
    return made;
  }

  histogram<L extends string = never>(name: string, help: string, buckets: number[], ...labelNames: L[]): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets, registers: this.registers });
  }
}

/** Mails, reports and the archive. */
const ofReports = (make: Maker) => ({
  mails: make.counter(
    'ruawatch_mails_total',
    'Mails seen by the poller, by outcome (stored, known, oversize)',
    'mailbox',
    'outcome',
  ),
  messages: make.counter('ruawatch_messages_total', 'Messages settled by the parser, by state and code', 'state', 'code'),
  reports: make.counter(
    'ruawatch_reports_total',
    'Aggregate reports read, by outcome (stored, duplicate, superseded, superseding)',
    'outcome',
  ),
  records: make.counter('ruawatch_records_total', 'Records written'),
  trust: make.counter(
    'ruawatch_report_trust_total',
    'Reports verified, by verdict (authenticated, unauthenticated, mismatched, unchecked) and kind (aggregate, tls, failure)',
    'verdict',
    'kind',
  ),
  waitingMails: make.gauge('ruawatch_messages_waiting', 'Mails that wait to be parsed'),
  oldestWaiting: make.gauge('ruawatch_messages_oldest_waiting_seconds', 'Age of the oldest mail that waits to be parsed'),
  lastPoll: make.gauge(
    'ruawatch_mailbox_last_poll_timestamp_seconds',
    'When the mailbox was last polled to the end; 0 while this process stands by',
    'mailbox',
  ),
  imapUp: make.gauge('ruawatch_imap_connected', 'Whether the mailbox is connected (1) or not (0)', 'mailbox'),
  lastReport: make.gauge(
    'ruawatch_last_report_timestamp_seconds',
    'When the newest report of the last two weeks about an own domain came, by reporter; verified or imported ones',
    'domain',
    'reporter',
  ),
  unverifiedShare: make.gauge(
    'ruawatch_reports_unverified_ratio',
    'Share of the reports of the last week that could not be verified',
  ),
  rawBytes: make.gauge('ruawatch_raw_bytes', 'Bytes of stored raw mail'),
  rawTotalBytes: make.gauge(
    'ruawatch_raw_total_bytes',
    'Limit of stored raw mail in bytes (retention.raw_total_gb); absent without a limit',
  ),
});

/** Findings and what is sent about them. */
const ofFindings = (make: Maker) => ({
  findings: make.counter(
    'ruawatch_findings_total',
    'Finding events, by kind and event (opened, changed, resolved, reopened)',
    'kind',
    'event',
  ),
  openFindings: make.gauge('ruawatch_findings_open', 'Open findings, by severity', 'severity'),
  alerts: make.counter('ruawatch_alerts_total', 'Alerts by mail and webhook, by outcome (sent, delayed, failed)', 'outcome'),
  outboxWaiting: make.gauge('ruawatch_outbox_waiting', 'Alerts that are not sent yet'),
  alertsRefused: make.gauge(
    'ruawatch_alerts_refused',
    'Findings, requests and weekly digests that the mail server refuses for a recipient, and that are tried again',
  ),
});

/** Jobs, and questions of DNS. */
const ofWork = (make: Maker) => ({
  queueJobs: make.gauge('ruawatch_queue_jobs', 'Jobs in a queue, by state (waiting, active, delayed, failed)', 'queue', 'state'),
  jobs: make.counter('ruawatch_jobs_total', 'Jobs worked, by queue and outcome (done, retried, failed)', 'queue', 'outcome'),
  jobSeconds: make.histogram(
    'ruawatch_job_seconds',
    'Time spent on a job',
    [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
    'queue',
  ),
  addresses: make.counter(
    'ruawatch_addresses_total',
    'Addresses looked up, by outcome (confirmed, unconfirmed, none, failed)',
    'outcome',
  ),
  dnsAnswers: make.counter(
    'ruawatch_dns_answers_total',
    'Answers of name servers to the watcher, by outcome (records, absent, unknown)',
    'outcome',
  ),
  lentUpdates: make.counter(
    'ruawatch_lent_updates_total',
    'Messages to the gateway that wanted a change, by outcome (applied, refused, failed, unknown, too_many, ended, unsigned, badkey, badsig, badtime, badtrunc, formerr)',
    'outcome',
  ),
});

/** Mail logs, and the cluster that mail leaves. */
const ofSending = (make: Maker) => ({
  logLines: make.counter(
    'ruawatch_log_lines_total',
    'Lines of mail logs, by source and outcome (stored, known, foreign, unparsed, old)',
    'source',
    'outcome',
  ),
  logRequests: make.counter(
    'ruawatch_log_requests_total',
    'Deliveries of lines to the collector, by outcome (taken, refused, unauthorized, busy, failed)',
    'outcome',
  ),
  logJudged: make.counter('ruawatch_log_judged_total', 'Queue ids whose lines were joined and judged'),
  logOpen: make.gauge('ruawatch_log_open', 'Queue ids with lines that are not judged yet'),
  egressWays: make.gauge(
    'ruawatch_egress_ways',
    'Ways by which mail leaves the cluster, by whether their addresses are known (known, unknown)',
    'state',
  ),
  clusterErrors: make.counter(
    'ruawatch_cluster_errors_total',
    'Failures of listing and watching the cluster, by resource (nodes, ciliumegressgatewaypolicies, ippools, pods)',
    'resource',
  ),
});

/** Mail that arrives, and what of it is held. */
const ofMilter = (make: Maker) => ({
  milterMails: make.counter(
    'ruawatch_milter_mails_total',
    'Mails that the milter saw, by outcome (accepted, tagged, held, rejected, submitted, unjudged, aborted)',
    'outcome',
  ),
  milterRules: make.counter(
    'ruawatch_milter_rules_total',
    'Rules of the milter that held, by rule and dry run (yes, no)',
    'rule',
    'dry_run',
  ),
  milterSeconds: make.histogram(
    'ruawatch_milter_seconds',
    'Time from the end of a mail to the answer of the milter',
    [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
  ),
  heldMails: make.gauge(
    'ruawatch_held_mails',
    'Held mails, by state (held, releasing, released, rejected, deleted, expired, lost)',
    'state',
  ),
  heldOldest: make.gauge('ruawatch_held_oldest_seconds', 'Age of the oldest held mail that waits for a decision'),
  heldDecided: make.gauge(
    'ruawatch_held_decided_seconds',
    'Time from hold to decision of mails decided in the last 30 days, by quantile (0.5, 0.95)',
    'quantile',
  ),
});

/** Adds the metrics of the process and of Node, and the version of the program. */
export function addProcessMetrics({ registry }: Metrics, version: string): void {
  collectDefaultMetrics({ register: registry });
  const labelNames = ['version', 'node'];
  new Gauge({ name: 'ruawatch_build_info', help: 'The version, as labels of a constant', labelNames, registers: [registry] }).set(
    { version, node: process.version },
    1,
  );
}
