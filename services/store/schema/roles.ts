import { codeOf, messageOf, PermanentError } from '../../shared/errors.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';

/**
 * What each service may do with each table of schema ruawatch, and nothing beyond; columns are named where a service changes only
 * some. A table that is missing here is closed to all services: test/store/schema/roles.test.ts asks for a decision on each new one.
 * A partition needs none: the rights of its parent count.
 */
export const GRANTS = {
  /** Puts mails in, and may not read them (or what became of them) out again. */
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
    // Sender, subject and bytes go when the retention time of a failure report is over.
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
    policy_days: ['select', 'insert', 'update', 'delete'],
    subdomain_days: ['select', 'insert', 'update', 'delete'],
    sources: ['select', 'insert', 'update (first_seen, last_seen, messages, passed)'],
    trust_checks: ['select', 'insert', 'update', 'delete'],
    identity_locks: ['select', 'insert', 'delete'],
    partitioned: ['select'],
    // Only what is own is noted for the analyzer.
    domains: ['select (domain, state)'],
    domain_reporters: ['select (domain, reporter, decides)'],
    analysis_work: ['insert'],
    tls_reports: ['select', 'insert', 'update'],
    tls_policies: ['insert'],
    tls_failures: ['insert'],
    failure_reports: ['select', 'insert', 'update', 'delete'],
    personal_mails: ['select', 'insert', 'update', 'delete'],
  },
  /** Judges from the rollups: no mail, and of records only what names a key. */
  ruawatch_analyzer: {
    migrations: ['select'],
    mailboxes: ['select (backlog)'],
    messages: ['select (state)'],
    reports: ['select'],
    trust_checks: ['select'],
    // Whose key a new source signs with, what did not pass where one broke, and nothing else of a record.
    // And under which names below the domain mail came.
    records: [
      'select (report_key, begin_at, source, count, auth, dkim_aligned, spf_aligned, header_from, forwarded, foreign_dkim, foreign_spf)',
    ],
    source_days: ['select'],
    policy_days: ['select'],
    subdomain_days: ['select'],
    sources: [
      'select',
      'update (class, confidence, why, classified_at, name, identified_by, evidence, name_confidence, grouped_as)',
    ],
    addresses: ['select'],
    // Since when a reporter has reported, whether it agrees with others, and what follows for a domain.
    reporters: ['select', 'insert', 'update (proven)'],
    reporter_arrivals: ['select', 'insert'],
    reporter_agreement: ['select', 'insert', 'update (agreed, contradicted, measured_on)'],
    domain_reporters: ['select', 'insert', 'update (standing, decides)', 'delete'],
    // It notes those that the settings name, and puts the history of what became own on its list.
    domains: ['select', 'insert', 'update'],
    // It ends the entries whose time is over, and judges their sources again.
    analysis_work: ['select', 'insert', 'delete'],
    sender_list: ['select', 'update (ended_at, ended_by, ended_why)'],
    findings: ['select', 'insert', 'update'],
    // What was recorded in silence goes when it is told.
    finding_events: ['select', 'insert', 'delete'],
    finding_acts: ['select', 'insert'],
    // A row is locked by who may change it.
    locks: ['select', 'update'],
  },
  /** Asks DNS about addresses, and says which sources may have got a name: no mail, no verdict. */
  ruawatch_enricher: {
    migrations: ['select'],
    messages: ['select (state)'],
    reports: ['select (report_key, begin_at, records, trust, domain, trust_domain, received_at)'],
    // Which domains are own, and which mailboxes their reports may go to.
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
  ruawatch_alerter: {
    migrations: ['select'],
    // The counts that doctor shows.
    messages: ['select (state)'],
    // It ends the snoozes whose time is over.
    findings: ['select', 'update (snoozed_until, snoozed_by, snoozed_why, revision)'],
    finding_events: ['select', 'insert', 'update (handled_at, posted_at)'],
    domains: ['select'],
    // The week's figures, and which digests were made.
    source_days: ['select'],
    policy_days: ['select'],
    domain_reporters: ['select'],
    sources: ['select'],
    digests: ['select', 'insert'],
    locks: ['select', 'update'],
    outbox: ['select', 'insert', 'update (recipients, state, attempts, next_at, sent_at, last_error)'],
  },
} as const satisfies Record<string, Record<string, readonly string[]>>;

/** Sequences whose numbers a service takes before it writes the row. Identity columns need no right of their own. */
const SEQUENCES: Partial<Record<keyof typeof GRANTS, readonly { table: string; column: string }[]>> = {
  ruawatch_poller: [{ table: 'messages', column: 'message_key' }],
  ruawatch_parser: [
    { table: 'reports', column: 'report_key' },
    { table: 'tls_reports', column: 'tls_report_key' },
  ],
};

/** Functions that do what the owner alone may do, each in its narrow way. Nobody else may call them. */
const FUNCTIONS: Partial<Record<keyof typeof GRANTS, readonly string[]>> = {
  ruawatch_parser: ['ensure_partitions(text, date[], integer)', 'drop_partitions(text, date)'],
};

export const SERVICE_ROLES = Object.keys(GRANTS) as (keyof typeof GRANTS)[];
/** Reads the views of schema dmarc, and sees nothing of schema ruawatch. */
export const ANALYST_ROLE = 'ruawatch_analyst';
export const ROLES: readonly string[] = [...SERVICE_ROLES, ANALYST_ROLE];

/**
 * Makes the roles that are missing and gives each exactly the rights above: what it had beyond them in these schemas is taken away.
 * One transaction, so that a running service notices nothing; any number of processes may do it at once.
 * The roles cannot log in: they are granted to the users that do.
 * @returns the roles that this call made
 * @throws PermanentError `roles_missing` when roles are missing and the user may not make any
 */
export async function grantRoles(db: Db): Promise<string[]> {
  return transaction(db, async (tx) => {
    await lockRights(tx, 'ruawatch.migrations', 'exclusive');
    const made = await makeRoles(tx);
    const all = ROLES.join(', ');
    for (const schema of ['ruawatch', 'dmarc']) {
      await tx.query(`revoke all on all tables in schema ${schema} from ${all};
                      revoke all on all sequences in schema ${schema} from ${all};
                      revoke all on all functions in schema ${schema} from ${all};
                      revoke all on schema ${schema} from ${all}`);
    }
    await tx.query(`grant usage on schema ruawatch to ${SERVICE_ROLES.join(', ')}`);
    for (const role of SERVICE_ROLES) {
      const tables = GRANTS[role] as Record<string, readonly string[]>;
      for (const [table, rights] of Object.entries(tables)) {
        await tx.query(`grant ${rights.join(', ')} on ruawatch.${table} to ${role}`);
      }
      for (const { table, column } of SEQUENCES[role] ?? []) {
        const { rows } = await tx.query<{ name: string }>('select pg_get_serial_sequence($1, $2) as name', [
          `ruawatch.${table}`,
          column,
        ]);
        await tx.query(`grant usage on sequence ${rows[0]!.name} to ${role}`);
      }
      for (const name of FUNCTIONS[role] ?? []) await tx.query(`grant execute on function ruawatch.${name} to ${role}`);
    }
    await tx.query(
      `grant usage on schema dmarc to ${ANALYST_ROLE}; grant select on all tables in schema dmarc to ${ANALYST_ROLE}`,
    );
    await grantConnect(tx, ROLES);
    return made;
  });
}

/**
 * The same for the queue's schema, which may lie in another database: every service adds jobs and works them. What a later BullMQ
 * adds to it is covered too, whichever command migrates it.
 */
export async function grantQueueRoles(db: Db, schema: string): Promise<void> {
  await transaction(db, async (tx) => {
    await lockRights(tx, 'ruawatch.migrations', 'exclusive');
    await lockRights(tx, `${schema}.meta`, 'share update exclusive');
    await makeRoles(tx);
    const services = SERVICE_ROLES.join(', ');
    await tx.query(`revoke all on all tables in schema ${schema} from ${services};
                    grant usage on schema ${schema} to ${services};
                    grant select, insert, update, delete on all tables in schema ${schema} to ${services};
                    grant usage on all sequences in schema ${schema} to ${services};
                    grant execute on all functions in schema ${schema} to ${services};
                    alter default privileges in schema ${schema} grant select, insert, update, delete on tables to ${services};
                    alter default privileges in schema ${schema} grant usage on sequences to ${services}`);
    await grantConnect(tx, SERVICE_ROLES);
  });
}

/** Whether the services' roles have been given rights in this database: then a migration must give them those on its tables. */
export async function rolesInUse(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ used: boolean }>(
    `select exists (select from pg_roles r, pg_namespace n
                     where r.rolname = any($1) and n.nspname = 'ruawatch' and has_schema_privilege(r.oid, n.oid, 'usage')) as used`,
    [SERVICE_ROLES],
  );
  return rows[0]!.used;
}

/**
 * One at a time changes rights, which Postgres refuses to two at once. What is locked is a table that no reader has a right on; who may
 * not lock it may not give rights either, and is told so by what comes next.
 * @param table without quotes
 */
async function lockRights(tx: Tx, table: string, mode: string): Promise<void> {
  const { rows } = await tx.query<{ mine: boolean }>(
    `select pg_has_role(c.relowner, 'usage') as mine from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname || '.' || c.relname = $1`,
    [table],
  );
  if (rows[0]?.mine) await tx.query(`lock table ${table} in ${mode} mode`);
}

/** Roles belong to the whole server: another database's migration may make one at the same moment. */
async function makeRoles(tx: Tx): Promise<string[]> {
  const { rows } = await tx.query<{ role: string }>(
    'select role from unnest($1::text[]) with ordinality as r(role, n) where not exists (select from pg_roles where rolname = role) order by n',
    [ROLES],
  );
  const missing = rows.map((row) => row.role);
  try {
    for (const role of missing) {
      await tx.query(
        `do $$ begin create role ${role} nologin; exception when duplicate_object or unique_violation then null; end $$`,
      );
    }
  } catch (error) {
    if (codeOf(error) !== '42501') throw error;
    throw new PermanentError(
      'roles_missing',
      `This database user may not create roles (${messageOf(error)}): let an administrator run "${missing
        .map((role) => `create role ${role} nologin;`)
        .join(' ')}", then run "ruawatch migrate --roles" again.`,
      error,
    );
  }
  return missing;
}

/** Everybody may connect unless an administrator has taken that right from PUBLIC. Only the database's owner can give it. */
async function grantConnect(tx: Tx, roles: readonly string[]): Promise<void> {
  const { rows } = await tx.query<{ statement: string | null }>(
    `select case when pg_has_role(d.datdba, 'usage') then format('grant connect on database %I to %s', d.datname, $1::text) end as statement
       from pg_database d where d.datname = current_database()`,
    [roles.join(', ')],
  );
  if (rows[0]?.statement) await tx.query(rows[0].statement);
}
