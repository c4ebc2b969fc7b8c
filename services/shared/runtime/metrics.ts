import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The program's metrics, with one registry for each process; `/metrics` prints them. */
export interface Metrics {
  registry: Registry;
  mails: Counter<'mailbox' | 'outcome'>;
  messages: Counter<'state' | 'code'>;
  reports: Counter<'outcome'>;
  records: Counter;
  trust: Counter<'verdict' | 'kind'>;
  findings: Counter<'kind' | 'event'>;
  alerts: Counter<'outcome'>;
  alertsRefused: Gauge;
  heldMails: Gauge<'state'>;
  heldOldest: Gauge;
  heldDecided: Gauge<'quantile'>;
  waitingMails: Gauge;
  oldestWaiting: Gauge;
  outboxWaiting: Gauge;
  queueJobs: Gauge<'queue' | 'state'>;
  lastPoll: Gauge<'mailbox'>;
  lastReport: Gauge<'domain' | 'reporter'>;
  unverifiedShare: Gauge;
  openFindings: Gauge<'severity'>;
  jobs: Counter<'queue' | 'outcome'>;
  jobSeconds: Histogram<'queue'>;
  imapUp: Gauge<'mailbox'>;
  addresses: Counter<'outcome'>;
  dnsAnswers: Counter<'outcome'>;
  lentUpdates: Counter<'outcome'>;
  logLines: Counter<'source' | 'outcome'>;
  logRequests: Counter<'outcome'>;
  logJudged: Counter;
  logOpen: Gauge;
  egressWays: Gauge<'state'>;
  clusterErrors: Counter<'resource'>;
  milterMails: Counter<'outcome'>;
  milterRules: Counter<'rule' | 'dry_run'>;
  milterSeconds: Histogram;
  rawBytes: Gauge;
  rawTotalBytes: Gauge;
}

/** Creates a registry of its own, so that several pipelines in one process (tests) do not share counts. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) => {
    const made = new Gauge({ name, help, labelNames, registers: [registry] });
    // Without labels it would begin at 0, which is a value: what was not measured is left out.
    if (labelNames.length === 0) made.remove();
    return made;
  };
  return {
    registry,
    mails: counter(
      'ruawatch_mails_total',
      'Mails seen by the poller, by outcome (stored, known, oversize)',
      'mailbox',
      'outcome',
    ),
    messages: counter('ruawatch_messages_total', 'Messages settled by the parser, by state and code', 'state', 'code'),
    reports: counter(
      'ruawatch_reports_total',
      'Aggregate reports read, by outcome (stored, duplicate, superseded, superseding)',
      'outcome',
    ),
    records: counter('ruawatch_records_total', 'Records written'),
    trust: counter(
      'ruawatch_report_trust_total',
      'Reports verified, by verdict (authenticated, unauthenticated, mismatched, unchecked) and kind (aggregate, tls, failure)',
      'verdict',
      'kind',
    ),
    findings: counter(
      'ruawatch_findings_total',
      'Finding events, by kind and event (opened, changed, resolved, reopened)',
      'kind',
      'event',
    ),
    alerts: counter('ruawatch_alerts_total', 'Alerts by mail and webhook, by outcome (sent, delayed, failed)', 'outcome'),
    waitingMails: gauge('ruawatch_messages_waiting', 'Mails that wait to be parsed'),
    oldestWaiting: gauge('ruawatch_messages_oldest_waiting_seconds', 'Age of the oldest mail that waits to be parsed'),
    outboxWaiting: gauge('ruawatch_outbox_waiting', 'Alerts that are not sent yet'),
    queueJobs: gauge('ruawatch_queue_jobs', 'Jobs in a queue, by state (waiting, active, delayed, failed)', 'queue', 'state'),
    lastPoll: gauge(
      'ruawatch_mailbox_last_poll_timestamp_seconds',
      'When the mailbox was last polled to the end; 0 while this process stands by',
      'mailbox',
    ),
    lastReport: gauge(
      'ruawatch_last_report_timestamp_seconds',
      'When the newest report of the last two weeks about an own domain came, by reporter; verified or imported ones',
      'domain',
      'reporter',
    ),
    unverifiedShare: gauge(
      'ruawatch_reports_unverified_ratio',
      'Share of the reports of the last week that could not be verified',
    ),
    openFindings: gauge('ruawatch_findings_open', 'Open findings, by severity', 'severity'),
    alertsRefused: gauge(
      'ruawatch_alerts_refused',
      'Findings, requests and weekly digests that the mail server refuses for a recipient, and that are tried again',
    ),
    heldMails: gauge(
      'ruawatch_held_mails',
      'Held mails, by state (held, releasing, released, rejected, deleted, expired, lost)',
      'state',
    ),
    heldOldest: gauge('ruawatch_held_oldest_seconds', 'Age of the oldest held mail that waits for a decision'),
    heldDecided: gauge(
      'ruawatch_held_decided_seconds',
      'Time from hold to decision of mails decided in the last 30 days, by quantile (0.5, 0.95)',
      'quantile',
    ),
    jobs: counter('ruawatch_jobs_total', 'Jobs worked, by queue and outcome (done, retried, failed)', 'queue', 'outcome'),
    jobSeconds: new Histogram({
      name: 'ruawatch_job_seconds',
      help: 'Time spent on a job',
      labelNames: ['queue'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
      registers: [registry],
    }),
    dnsAnswers: counter(
      'ruawatch_dns_answers_total',
      'Answers of name servers to the watcher, by outcome (records, absent, unknown)',
      'outcome',
    ),
    lentUpdates: counter(
      'ruawatch_lent_updates_total',
      'Messages to the gateway that wanted a change, by outcome (applied, refused, failed, unknown, too_many, ended, unsigned, badkey, badsig, badtime, badtrunc, formerr)',
      'outcome',
    ),
    logLines: counter(
      'ruawatch_log_lines_total',
      'Lines of mail logs, by source and outcome (stored, known, foreign, unparsed, old)',
      'source',
      'outcome',
    ),
    logRequests: counter(
      'ruawatch_log_requests_total',
      'Deliveries of lines to the collector, by outcome (taken, refused, unauthorized, busy, failed)',
      'outcome',
    ),
    logJudged: counter('ruawatch_log_judged_total', 'Queue ids whose lines were joined and judged'),
    logOpen: gauge('ruawatch_log_open', 'Queue ids with lines that are not judged yet'),
    egressWays: gauge(
      'ruawatch_egress_ways',
      'Ways by which mail leaves the cluster, by whether their addresses are known (known, unknown)',
      'state',
    ),
    clusterErrors: counter(
      'ruawatch_cluster_errors_total',
      'Failures of listing and watching the cluster, by resource (nodes, ciliumegressgatewaypolicies, ippools, pods)',
      'resource',
    ),
    milterMails: counter(
      'ruawatch_milter_mails_total',
      'Mails that the milter saw, by outcome (accepted, tagged, held, rejected, submitted, unjudged, aborted)',
      'outcome',
    ),
    milterRules: counter(
      'ruawatch_milter_rules_total',
      'Rules of the milter that held, by rule and dry run (yes, no)',
      'rule',
      'dry_run',
    ),
    milterSeconds: new Histogram({
      name: 'ruawatch_milter_seconds',
      help: 'Time from the end of a mail to the answer of the milter',
      buckets: [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
      registers: [registry],
    }),
    addresses: counter(
      'ruawatch_addresses_total',
      'Addresses looked up, by outcome (confirmed, unconfirmed, none, failed)',
      'outcome',
    ),
    rawBytes: gauge('ruawatch_raw_bytes', 'Bytes of stored raw mail'),
    rawTotalBytes: gauge(
      'ruawatch_raw_total_bytes',
      'Limit of stored raw mail in bytes (retention.raw_total_gb); absent without a limit',
    ),
    imapUp: gauge('ruawatch_imap_connected', 'Whether the mailbox is connected (1) or not (0)', 'mailbox'),
  };
}

/** Adds the metrics of the process and of Node, and the version of the program. */
export function addProcessMetrics({ registry }: Metrics, version: string): void {
  collectDefaultMetrics({ register: registry });
  const labelNames = ['version', 'node'];
  new Gauge({ name: 'ruawatch_build_info', help: 'The version, as labels of a constant', labelNames, registers: [registry] }).set(
    { version, node: process.version },
    1,
  );
}
