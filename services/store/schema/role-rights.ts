/**
 * The rights of each service on the tables of schema ruawatch; columns are named where a service changes only
 * some. No service has rights on a table that is missing here: test/store/schema/roles.test.ts requires a
 * decision on each new one. A partition needs none: its parent's rights apply.
 */
export const GRANTS = {
  /** Stores mails, and may read neither their bytes nor the reports in them. */
  ruawatch_poller: {
    migrations: ['select'],
    mailboxes: [
      'select',
      'insert',
      'update (folder, uid_validity, last_uid, lease_owner, lease_until, polled_at, backlog, last_error, addresses)',
    ],
    messages: ['select', 'insert', 'update (folder, uid_validity, uid, disposed_at)', 'delete'],
    raw: ['insert'],
  },
  ruawatch_parser: {
    migrations: ['select'],
    // Sender, subject and bytes are deleted when the retention time of a failure report is over.
    messages: [
      'select',
      'update (state, code, reason, attempts, worker_deaths, queued_at, settled_at, sender, subject, raw_gone_at)',
    ],
    parsing: ['select', 'insert', 'update', 'delete'],
    raw: ['select', 'delete'],
    raw_stock: ['select', 'insert', 'update', 'delete'],
    reports: ['select', 'insert', 'update'],
    records: ['select', 'insert', 'delete'],
    source_days: ['select', 'insert', 'update', 'delete'],
    domain_days: ['select', 'insert', 'update', 'delete'],
    domain_days_from: ['select', 'update'],
    class_days: ['select', 'insert', 'update', 'delete'],
    class_days_from: ['select', 'update'],
    policy_days: ['select', 'insert', 'update', 'delete'],
    subdomain_days: ['select', 'insert', 'update', 'delete'],
    selector_days: ['select', 'insert', 'update', 'delete'],
    sources: ['select', 'insert', 'update (first_seen, last_seen, messages, passed)'],
    trust_checks: ['select', 'insert', 'update', 'delete'],
    other_checks: ['select', 'insert', 'update', 'delete'],
    identity_locks: ['select', 'insert', 'delete'],
    partitioned: ['select'],
    // Work is noted for own domains only.
    domains: ['select (domain, state)'],
    domain_reporters: ['select (domain, reporter, decides)'],
    analysis_work: ['insert'],
    tls_reports: ['select', 'insert', 'update'],
    tls_policies: ['insert'],
    tls_failures: ['insert'],
    failure_reports: ['select', 'insert', 'update', 'delete'],
    personal_mails: ['select', 'insert', 'update', 'delete'],
    // `guard probe --import` works with this role.
    probe_runs: ['select', 'insert', 'delete'],
    probe_mails: ['select', 'insert'],
    // Bounces among the mails, and the retention of what the collector wrote.
    bounces: ['select', 'insert', 'delete'],
    log_sources: ['select (source_id, dropped_before)', 'update (dropped_before)'],
    log_lines: ['select', 'delete'],
    log_open: ['select'],
    log_unparsed: ['select', 'delete'],
    log_dns_changes: ['select', 'delete'],
    sent_messages: ['select', 'delete'],
    sending_days: ['select', 'delete'],
    sending_day_recipients: ['select', 'delete'],
  },
  /** Works from the rollups: reads no mail, and only some columns of records. */
  ruawatch_analyzer: {
    migrations: ['select'],
    mailboxes: ['select (backlog, polled_at)'],
    messages: ['select (state, code, sender, received_at)'],
    // Those that nobody is left to decide.
    requests: ['select (request_key, domain, rule, state, stage, unreachable_since)'],
    // Those that could not be ended.
    grants: ['select (grant_key, holder, server, name, answer, state, ends_at, end_since)'],
    stray_rights: ['select'],
    // SPF records that cannot follow their cluster.
    milter_unjudged: ['select (note_key, at, outcome, why, header_from_domain)'],
    egress_records: ['select'],
    reports: ['select'],
    trust_checks: ['select'],
    // For the keys a new source signs with, the failed checks of a broken one, and the names below a domain.
    records: [
      'select (report_key, begin_at, source, source_ip, count, auth, dkim_aligned, spf_aligned, header_from, forwarded, foreign_dkim, foreign_spf)',
    ],
    source_days: ['select'],
    policy_days: ['select'],
    subdomain_days: ['select'],
    selector_days: ['select'],
    // The mail of a source goes with its class.
    class_days: ['select', 'insert', 'update', 'delete'],
    class_days_from: ['select'],
    partitioned: ['select'],
    // What the console shows of a source.
    class_changes: ['insert'],
    sources: [
      'select',
      'update (class, confidence, why, failing_since, classified_at, examined_at, name, identified_by, evidence, name_confidence, grouped_as, asn, owner, country)',
    ],
    addresses: ['select'],
    // What was published when: own servers, and the causes of findings.
    dns_questions: ['select'],
    dns_watch: ['select', 'update (due_at)'],
    dns_records: ['select'],
    dns_servers: ['select'],
    dns_checks: ['select'],
    dns_drifts: ['select'],
    lookalikes: ['select'],
    // How far each domain has come.
    postures: ['select', 'insert', 'update', 'delete'],
    // How long a reporter has reported, whether it agrees with others, and whether it decides for a domain.
    reporters: ['select', 'insert', 'update (proven)'],
    reporter_arrivals: ['select', 'insert'],
    reporter_agreement: ['select', 'insert', 'update (agreed, contradicted, measured_on)'],
    domain_reporters: ['select', 'insert', 'update (standing, decides)', 'delete'],
    // The domains on which nobody reports any more.
    silences: ['select', 'insert', 'update', 'delete'],
    // It adds the domains of the settings, and notes the history of domains that became own.
    domains: ['select', 'insert', 'update'],
    // What mail logs show of sending, and the keys that DNS is asked about because of it.
    log_sources: ['select (source_id, name, cluster, environment, egress)'],
    sending_days: ['select'],
    sending_day_recipients: ['select'],
    sent_messages: [
      'select (message_key, source_id, cluster, environment, workload, message_id, started_at, direction, client_ip, header_domain, signatures, verify, recipients, leads_to)',
    ],
    // It ends the entries whose time is over, and analyzes their sources again.
    analysis_work: ['select', 'insert', 'delete'],
    sender_list: ['select', 'update (ended_at, ended_by, ended_why)'],
    findings: ['select', 'insert', 'update'],
    // Silent records are deleted when the finding is reported.
    finding_events: ['select', 'insert', 'delete'],
    finding_acts: ['select', 'insert'],
    // What somebody expects is not mailed.
    expectations: ['select'],
    // Locking a row takes the right to change it.
    locks: ['select', 'update'],
  },
  /**
   * Looks up addresses and domains in DNS, and notes the sources concerned: reads no mail and writes no
   * finding.
   */
  ruawatch_enricher: {
    migrations: ['select'],
    messages: ['select (state)'],
    reports: ['select (report_key, begin_at, records, trust, domain, trust_domain, received_at)'],
    // Which domains are own, and the addresses that their reports may be sent to.
    domains: ['select', 'insert', 'update', 'delete'],
    domain_scan: ['select', 'update'],
    mailboxes: ['select (mailbox, addresses, polled_at, lease_until)'],
    trust_checks: ['select (report_key, attempts)'],
    records: ['select (report_key, begin_at, source_ip, count)'],
    sources: ['select (domain, source, last_seen, messages, passed)'],
    addresses: ['select', 'insert', 'update', 'delete'],
    enrichment: ['select', 'update'],
    analysis_work: ['insert'],
  },
  /** Asks DNS for the records of own domains, and keeps what it saw. */
  ruawatch_watcher: {
    migrations: ['select'],
    domains: ['select (domain, state)'],
    // The keys that mail is signed with, and whose are the domain's own senders.
    selector_days: ['select'],
    sources: ['select (domain, source, class, name, grouped_as)'],
    sender_list: ['select (domain, source, is_service, verdict, since, ended_at)'],
    // Where their mail comes from, and whether it passes.
    records: ['select (report_key, begin_at, source, source_ip, count, dkim_aligned, spf_aligned)'],
    reports: ['select (report_key, domain, reporter, begin_at, superseded_by, trust)'],
    domain_reporters: ['select (domain, reporter, decides)'],
    dns_watch: ['select', 'insert', 'update', 'delete'],
    dns_questions: ['select', 'insert', 'update', 'delete'],
    dns_records: ['select', 'insert', 'update', 'delete'],
    dns_servers: ['select', 'insert', 'update', 'delete'],
    dns_checks: ['select', 'insert', 'update', 'delete'],
    dns_drifts: ['select', 'insert', 'update', 'delete'],
    lookalikes: ['select', 'insert', 'update', 'delete'],
    lookalike_lists: ['select', 'insert', 'update', 'delete'],
    lookalike_days: ['select', 'insert', 'update', 'delete'],
    // The keys that mail logs show.
    sending_days: ['select (domain, selector, signing_domain, day, last_at)'],
    // A domain whose records changed is analyzed.
    analysis_work: ['insert'],
    // The keys that open requests are about.
    requests: ['select (domain, state, plan)'],
  },
  /** Keeps requests: their rules, stages and ends. It changes nothing that a request is about. */
  ruawatch_approver: {
    migrations: ['select'],
    locks: ['select', 'update'],
    requests: ['select', 'insert', 'update'],
    decisions: ['select'],
    request_timers: ['select', 'insert', 'update', 'delete'],
    request_events: ['select', 'insert'],
    approver_groups: ['select', 'insert', 'delete'],
    // Whether two names are one person's.
    person_names: ['select'],
    deputies: ['select', 'insert', 'delete'],
    audit_head: ['select'],
    audit: ['select'],
    // Whether a change was ours.
    changes: ['select'],
    grants: ['select', 'insert'],
    // Held mails whose time is over.
    held_messages: ['select', 'update (body_gone_at)'],
    held_bodies: ['select (held_key)', 'delete'],
    grant_watch: ['select'],
    rotations: ['select', 'insert', 'update'],
    // Service principals end with their owner, and their tokens with them.
    people: ['select (person_key, name, email, ended_at, kind, owner, ends_at)', 'update (ended_at, ended_by)'],
    person_tokens: ['select (person_key, ended_at)', 'update (ended_at, ended_by)'],
    // Third parties: their mail, and the end of their contract.
    onboardings: ['select', 'update (adopted_at, end_request_key)'],
    // What playbooks make plans of.
    findings: ['select'],
    domains: ['select'],
    dns_questions: ['select'],
    dns_records: ['select'],
    sender_list: ['select'],
    // Who sends as a domain, so that a plan says whom it locks out.
    sources: ['select'],
    source_days: ['select'],
    selector_days: ['select'],
    domain_reporters: ['select (domain, reporter, decides)'],
    reports: [
      'select (report_key, domain, reporter, begin_at, superseded_by, trust, messages, policy_testing, discovery_method)',
    ],
    records: ['select (report_key, begin_at, source, source_ip, count, dkim_aligned, spf_aligned)'],
  },
  /** Carries out what is approved, and takes it back. It decides nothing. */
  ruawatch_applier: {
    migrations: ['select'],
    locks: ['select', 'update'],
    // Of the steps of a request it may take those after the decision; the plan and the rule it cannot change.
    requests: [
      'select',
      'update (state, changed_at, stage, emergency, expires_at, decided_at, applied_at, ends_at, outcome, unreachable_since)',
    ],
    request_timers: ['select', 'delete'],
    request_events: ['select', 'insert'],
    changes: ['select', 'insert', 'update (state, settled_at, answer, ttl_before)'],
    // Whether what it carries out was decided.
    decisions: ['select'],
    rotations: ['select', 'update'],
    onboardings: ['select'],
    // Whether all pods of a signer have its new key.
    signer_pods: ['select'],
    // What is lent, and to whom: it ends when they are gone.
    grants: [
      'select',
      'update (used, last_used_at, sealed, state, claimed_at, applied_at, ends_at, ran_ms, end_reason, end_since, ended_at, answer, tries, retry_at)',
    ],
    grant_watch: ['select', 'update (seen_at, print)'],
    // What targets have beside the grants.
    stray_rights: ['select', 'insert', 'update (answer)', 'delete'],
    approver_groups: ['select'],
    people: ['select (name, email, role, ended_at, kind, owner, ends_at)'],
    // Whether a right that was to be taken away is gone.
    person_tokens: ['select (token_key, ended_at, ends_at)'],
    audit_head: ['select'],
    // The list of senders is one of its targets.
    selector_days: ['select'],
    sender_list: ['select', 'insert', 'update (ended_at, ended_by, ended_why)'],
    analysis_work: ['insert'],
    // Whether a change broke mail, and whether it is published.
    domains: ['select (domain, state)'],
    domain_reporters: ['select (domain, reporter, decides)'],
    sources: ['select (domain, source, class, grouped_as)'],
    source_days: ['select'],
    dns_questions: ['select'],
    dns_records: ['select'],
    dns_watch: ['select', 'update (due_at)'],
  },
  /** Takes updates signed with lent keys, and passes them on. It lends nothing, and ends nothing. */
  ruawatch_gateway: {
    migrations: ['select'],
    grants: ['select', 'update (used, last_used_at)'],
    lent_updates: ['select', 'insert', 'update (state, rcode, answer, settled_at)'],
    changes: ['select', 'insert', 'update (state, settled_at, answer)'],
    // Whose mail an update may bear on, and what the domain's mail is, so that nobody is locked out.
    domains: ['select (domain, state)'],
    dns_questions: ['select (name, aliases, answered_at)'],
    dns_records: ['select (domain, name, value, gone_at)'],
    sources: ['select'],
    selector_days: ['select'],
    domain_reporters: ['select (domain, reporter, decides)'],
    reports: ['select (report_key, domain, begin_at, superseded_by, trust, reporter)'],
    records: ['select (report_key, begin_at, source, source_ip, count, dkim_aligned, spf_aligned)'],
  },
  /** Takes lines of mail logs, joins them per message and adds them up. It reads no report and no mail. */
  ruawatch_collector: {
    migrations: ['select'],
    locks: ['select', 'update'],
    // Sources of the settings are made by the service.
    log_sources: ['select', 'insert', 'update (cluster, environment, workload, token_sha256, syslog_from, egress, last_seen_at)'],
    log_key: ['select'],
    log_lines: ['select', 'insert'],
    log_open: ['select', 'insert', 'update', 'delete'],
    log_unparsed: ['select', 'insert', 'update'],
    log_dns_changes: ['select', 'insert'],
    sent_messages: ['select', 'insert', 'update'],
    sending_days: ['select', 'insert', 'update'],
    sending_day_recipients: ['select', 'insert', 'update'],
    // What was judged is analyzed.
    domains: ['select (domain, state)'],
    analysis_work: ['insert'],
  },
  /**
   * Takes mails as they arrive, holds some of them, and carries out what is decided about those. It decides
   * nothing.
   */
  ruawatch_milter: {
    migrations: ['select'],
    locks: ['select', 'insert', 'update'],
    held_messages: ['select', 'insert', 'update'],
    held_bodies: ['select', 'insert'],
    // It opens the request that decides, and takes the steps after the decision.
    requests: [
      'select',
      'insert',
      'update (state, changed_at, stage, emergency, expires_at, decided_at, applied_at, ends_at, outcome, unreachable_since)',
    ],
    decisions: ['select'],
    request_timers: ['select', 'insert', 'delete'],
    request_events: ['select', 'insert'],
    approver_groups: ['select'],
    // Whether two names are one person's.
    person_names: ['select'],
    deputies: ['select'],
    audit_head: ['select'],
    // How reports speak of a source.
    domains: ['select (domain, state)'],
    domain_reporters: ['select (domain, reporter, decides)'],
    sources: ['select'],
    source_days: ['select'],
    // Whom a mail comes from, who may decide about it, what was seen of that before, and what could not be
    // judged.
    people: ['select (person_key, name, email, ended_at, kind, owner, ends_at)'],
    lookalikes: ['select (domain, name, rank, registered, baseline, yours, ignored_at)'],
    milter_contacts: ['select', 'insert'],
    milter_unjudged: ['select', 'insert', 'delete'],
  },
  /**
   * Follows the addresses of a cluster, and asks for changes of SPF. It decides nothing, and changes nothing.
   */
  ruawatch_cluster: {
    migrations: ['select'],
    egress_leases: ['select', 'insert', 'update', 'delete'],
    egress_ways: ['select', 'insert', 'update (observed_at, unknown, unknown_since)'],
    egress_addresses: ['select', 'insert', 'update', 'delete'],
    egress_records: ['select', 'insert', 'update', 'delete'],
    signer_pods: ['select', 'insert', 'update'],
    // It opens requests as the approver does, and takes no other step of them but those that follow from a
    // rule.
    locks: ['select', 'update'],
    requests: [
      'select',
      'insert',
      'update (state, changed_at, stage, emergency, expires_at, decided_at, applied_at, ends_at, outcome, unreachable_since)',
    ],
    decisions: ['select'],
    request_timers: ['select', 'insert', 'delete'],
    request_events: ['select', 'insert'],
    approver_groups: ['select'],
    // Whether two names are one person's.
    person_names: ['select'],
    grants: ['select'],
    people: ['select (person_key, name, email, ended_at, kind, owner, ends_at)'],
    deputies: ['select'],
    audit_head: ['select'],
    audit: ['select'],
    // What a request is held against.
    dns_questions: ['select (name, aliases, answered_at)'],
    domains: ['select (domain, state)'],
    sources: ['select'],
    selector_days: ['select'],
    domain_reporters: ['select (domain, reporter, decides)'],
    reports: ['select (report_key, domain, reporter, begin_at, superseded_by, trust)'],
    records: ['select (report_key, begin_at, source, source_ip, count, dkim_aligned, spf_aligned)'],
  },
  ruawatch_alerter: {
    migrations: ['select'],
    // The counts of doctor, and what the digest says of mails that could not be read or verified.
    messages: ['select (state, code, sender, received_at)'],
    reports: ['select (received_at, domain, superseded_by, reporter_trust, trust)'],
    // It ends the snoozes whose time is over.
    findings: [
      'select',
      'update (snoozed_until, snoozed_by, snoozed_why, acknowledged_at, acknowledged_by, acknowledged_why, revision)',
    ],
    expectations: ['select', 'delete'],
    finding_events: ['select', 'insert', 'update (handled_at, posted_at, mailed_to, refused_for, refusals, refusal, retry_at)'],
    domains: ['select'],
    // Whether a first start is still at work.
    analysis_work: ['select'],
    // The figures of the week, and the digests that were composed.
    source_days: ['select'],
    policy_days: ['select'],
    domain_reporters: ['select'],
    // How far domains have come, and what changed in DNS.
    postures: ['select'],
    dns_records: ['select (domain, name, type, purpose, first_seen, gone_at)'],
    dns_questions: ['select (domain, name, type, first_answered_at)'],
    lookalikes: ['select (domain, registered, baseline, yours, ignored_at, mail_hosts)'],
    silences: ['select'],
    sources: ['select'],
    // New sign-ins are mailed to their people.
    new_sign_ins: ['select', 'delete', 'update (sign_in_key)'],
    // What is held is mailed to its recipients.
    held_messages: ['select'],
    held_told: ['select', 'insert'],
    // Requests are mailed to the people who decide.
    requests: ['select'],
    people: ['select (name, email, kind, owner)'],
    decisions: ['select'],
    approver_groups: ['select'],
    // Whether two names are one person's.
    person_names: ['select'],
    deputies: ['select'],
    request_events: ['select', 'update (handled_at, posted_at)'],
    request_mails: ['select', 'insert', 'update (settled_at, refusals, refusal, retry_at)'],
    audit_head: ['select'],
    digests: ['select', 'insert', 'update (domains, mailed_to, refused_for, refusals, refusal, retry_at)'],
    locks: ['select', 'update'],
    outbox: ['select', 'insert', 'update (delivered_to, refused_for, state, attempts, next_at, sent_at, last_error)'],
  },
  /** Shows the views of schema dmarc, keeps who may sign in, and writes what people decide. */
  ruawatch_console: {
    migrations: ['select'],
    people: [
      'select',
      'insert',
      'update (email, role, all_domains, password, totp_secret, totp_since, totp_step, failures, locked_until, ended_at, ended_by, oidc_refresh, oidc_checked_at)',
    ],
    person_domains: ['select', 'insert', 'delete'],
    person_links: ['select', 'insert', 'delete'],
    sessions: ['select', 'insert', 'update (used_at)', 'delete'],
    person_tokens: ['select', 'insert', 'update (used_at, ended_at, ended_by)'],
    passkeys: ['select', 'insert', 'update (counter, used_at)', 'delete'],
    challenges: ['select', 'insert', 'delete'],
    new_sign_ins: ['insert'],
    // Rows are added, and nobody changes or deletes them.
    console_acts: ['select', 'insert'],
    domains: ['select', 'insert', 'update'],
    // What a person decides about a finding.
    sources: ['select'],
    // What a request is held against that a person opens.
    source_days: ['select'],
    selector_days: ['select'],
    // Whether all days have their totals.
    class_days_from: ['select'],
    domain_reporters: ['select (domain, reporter, decides, standing)'],
    records: ['select'],
    reports: ['select'],
    // What a person decides about a source, which is analyzed again, as its domain is asked about.
    sender_list: ['select', 'insert', 'update (ended_at, ended_by, ended_why)'],
    analysis_work: ['select', 'insert'],
    dns_watch: ['select (domain, due_at)', 'update (due_at)'],
    findings: [
      'select',
      'update (state, resolved_at, changed_at, evidence, acknowledged_at, acknowledged_by, acknowledged_why, acknowledged_until, snoozed_until, snoozed_by, snoozed_why, assigned_to, revision)',
    ],
    finding_events: ['select', 'insert'],
    finding_acts: ['select', 'insert'],
    expectations: ['select', 'insert', 'update', 'delete'],
    locks: ['select', 'update'],
    // People decide about requests.
    requests: ['select', 'insert', 'update'],
    decisions: ['select', 'insert'],
    request_timers: ['select', 'insert', 'delete'],
    request_events: ['select', 'insert'],
    approver_groups: ['select'],
    // Whether two names are one person's.
    person_names: ['select'],
    deputies: ['select'],
    // People ask for rights, and end them.
    grants: ['select', 'insert', 'update (state, end_reason, end_since, tries, retry_at, sealed, used, last_used_at)'],
    grant_watch: ['select'],
    // Mails that are held: what is known of them, their text for whoever was lent it, and what recipients
    // ask.
    held_messages: ['select', 'update (denied_as, doubt, dot_at)'],
    held_bodies: ['select'],
    held_asks: ['select', 'insert'],
    // Mails that are downloaded, uploaded, and read again.
    messages: [
      'select',
      'insert',
      'update (state, code, reason, settled_at, attempts, worker_deaths, queued_at, folder, uid_validity, uid, disposed_at)',
    ],
    raw: ['select', 'insert'],
    // Health: what waits, and what doctor knows.
    mailboxes: ['select (mailbox, folder, polled_at, backlog, last_error)'],
    trust_checks: ['select (report_key)'],
    raw_stock: ['select'],
    outbox: ['select (state)'],
    digests: ['select'],
    request_mails: ['select (event_key, recipient, refusal, retry_at, settled_at)'],
    // What came of uploads.
    tls_reports: ['select (message_key)'],
    failure_reports: ['select (message_key)'],
    // The weekly mail as it would be sent now.
    audit_head: ['select'],
    policy_days: ['select'],
    postures: ['select'],
    dns_records: ['select (domain, name, type, purpose, first_seen, gone_at)'],
    dns_questions: ['select (domain, name, type, first_answered_at, aliases, answered_at)'],
    lookalikes: [
      'select (domain, name, registered, baseline, yours, due_at, ignored_at, mail_hosts)',
      'update (due_at, ignored_at, ignored_by, ignored_why)',
    ],
    silences: ['select'],
  },
} as const satisfies Record<string, Record<string, readonly string[]>>;

/**
 * Sequences from which a service takes numbers before it writes the row. Identity columns need no rights of
 * their own.
 */
export const SEQUENCES: Partial<Record<keyof typeof GRANTS, readonly { table: string; column: string }[]>> = {
  ruawatch_poller: [{ table: 'messages', column: 'message_key' }],
  ruawatch_parser: [
    { table: 'reports', column: 'report_key' },
    { table: 'tls_reports', column: 'tls_report_key' },
  ],
  ruawatch_collector: [{ table: 'sent_messages', column: 'message_key' }],
};

/** Functions that do what only the owner may do. Nobody else may call them. */
export const FUNCTIONS: Partial<Record<keyof typeof GRANTS, readonly string[]>> = {
  ruawatch_parser: ['ensure_partitions(text, date[], integer)', 'drop_partitions(text, date)'],
  ruawatch_approver: ['audit_append(text)', 'audit_cut(timestamptz)'],
  ruawatch_applier: ['audit_append(text)'],
  ruawatch_gateway: ['audit_append(text)'],
  ruawatch_milter: ['audit_append(text)'],
  ruawatch_cluster: ['audit_append(text)'],
  ruawatch_console: ['audit_append(text)'],
};

export const SERVICE_ROLES = Object.keys(GRANTS) as (keyof typeof GRANTS)[];
/** Reads the views of schema dmarc, and nothing of schema ruawatch. */
export const ANALYST_ROLE = 'ruawatch_analyst';
export const ROLES: readonly string[] = [...SERVICE_ROLES, ANALYST_ROLE];
