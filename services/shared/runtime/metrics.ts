import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The program's metrics, with one registry for each process; `/metrics` prints them. */
export interface Metrics {
  registry: Registry;
  mails: Counter<'mailbox' | 'outcome'>;
  messages: Counter<'state' | 'code'>;
  reports: Counter<'outcome'>;
  records: Counter;
  trust: Counter<'verdict'>;
  findings: Counter<'kind' | 'event'>;
  alerts: Counter<'outcome'>;
  jobs: Counter<'queue' | 'outcome'>;
  jobSeconds: Histogram<'queue'>;
  imapUp: Gauge<'mailbox'>;
  addresses: Counter<'outcome'>;
  rawBytes: Gauge;
  rawTotalBytes: Gauge;
}

/** Creates a registry of its own, so that several pipelines in one process (tests) do not share counts. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    mails: new Counter({
      name: 'ruawatch_mails_total',
      help: 'Mails seen by the poller, by outcome (stored, known, oversize)',
      labelNames: ['mailbox', 'outcome'],
      registers,
    }),
    messages: new Counter({
      name: 'ruawatch_messages_total',
      help: 'Messages settled by the parser, by state and code',
      labelNames: ['state', 'code'],
      registers,
    }),
    reports: new Counter({
      name: 'ruawatch_reports_total',
      help: 'Aggregate reports read, by outcome (stored, duplicate, superseded, superseding)',
      labelNames: ['outcome'],
      registers,
    }),
    records: new Counter({ name: 'ruawatch_records_total', help: 'Records written', registers }),
    trust: new Counter({
      name: 'ruawatch_report_trust_total',
      help: 'Reports verified, by verdict (authenticated, unauthenticated, mismatched, unchecked)',
      labelNames: ['verdict'],
      registers,
    }),
    findings: new Counter({
      name: 'ruawatch_findings_total',
      help: 'Finding events, by kind and event (opened, changed, resolved)',
      labelNames: ['kind', 'event'],
      registers,
    }),
    alerts: new Counter({
      name: 'ruawatch_alerts_total',
      help: 'Alert mails, by outcome (sent, delayed, failed)',
      labelNames: ['outcome'],
      registers,
    }),
    jobs: new Counter({
      name: 'ruawatch_jobs_total',
      help: 'Jobs worked, by queue and outcome (done, retried, failed)',
      labelNames: ['queue', 'outcome'],
      registers,
    }),
    jobSeconds: new Histogram({
      name: 'ruawatch_job_seconds',
      help: 'Time spent on a job',
      labelNames: ['queue'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
      registers,
    }),
    addresses: new Counter({
      name: 'ruawatch_addresses_total',
      help: 'Addresses looked up, by outcome (confirmed, unconfirmed, none, failed)',
      labelNames: ['outcome'],
      registers,
    }),
    rawBytes: new Gauge({ name: 'ruawatch_raw_bytes', help: 'Bytes of stored raw mail', registers }),
    rawTotalBytes: new Gauge({
      name: 'ruawatch_raw_total_bytes',
      help: 'Limit of stored raw mail in bytes (retention.raw_total_gb)',
      registers,
    }),
    imapUp: new Gauge({
      name: 'ruawatch_imap_connected',
      help: 'Whether the mailbox is connected (1) or not (0)',
      labelNames: ['mailbox'],
      registers,
    }),
  };
}
