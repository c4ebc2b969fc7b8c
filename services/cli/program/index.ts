import { Command } from 'commander';
import { addAccessCommands } from './access.ts';
import { addAlertsCommands } from './alerts.ts';
import { addAuditCommands } from './audit.ts';
import { addClusterCommands } from './cluster.ts';
import { addDemoCommand } from './demo.ts';
import { addDnsCommands } from './dns.ts';
import { addDoctorCommand } from './doctor.ts';
import { addDomainsCommands } from './domains.ts';
import { addFindingsCommands } from './findings.ts';
import { addGuardCommands } from './guard.ts';
import { addImportCommand } from './import.ts';
import { addLogsCommands } from './logs.ts';
import { addMessagesCommands } from './messages.ts';
import { addMigrateCommand } from './migrate.ts';
import { addMilterCommands } from './milter.ts';
import { addParseCommand } from './parse.ts';
import { addPeopleCommands } from './people.ts';
import { addPolicyCommands } from './policy.ts';
import { addRequestsCommands } from './requests.ts';
import { complain, version } from './run.ts';
import { addSendersCommands } from './senders.ts';
import { addStartCommand } from './start.ts';
import { addVerifyCommand } from './verify.ts';

/**
 * All commands with their options, a file here for each as in commands/. The code of a command is loaded when
 * it runs.
 */
export function commandLine(): Command {
  const program = new Command('ruawatch')
    .description('Reads DMARC reports from a mailbox into Postgres and sends alerts about what needs action')
    .version(version)
    .configureOutput({ writeErr: complain });

  // Help lists them in this order.
  for (const add of [
    addStartCommand,
    addDemoCommand,
    addImportCommand,
    addParseCommand,
    addVerifyCommand,
    addMigrateCommand,
    addDoctorCommand,
    addGuardCommands,
    addMilterCommands,
    addPolicyCommands,
    addDnsCommands,
    addClusterCommands,
    addMessagesCommands,
    addFindingsCommands,
    addAlertsCommands,
    addLogsCommands,
    addSendersCommands,
    addPeopleCommands,
    addDomainsCommands,
    addRequestsCommands,
    addAccessCommands,
    addAuditCommands,
  ])
    add(program);
  return program;
}
