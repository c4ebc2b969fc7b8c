import { Command } from 'commander';
import { addAccessCommands } from './access.ts';
import { addGuardCommands, addMilterCommands, addPolicyCommands } from './checks.ts';
import { addClusterCommands, addDnsCommands } from './dns.ts';
import { addAlertsCommands, addFindingsCommands } from './findings.ts';
import { addLogsCommands, addMessagesCommands } from './messages.ts';
import { addPeopleCommands } from './people.ts';
import { addAuditCommands, addRequestsCommands } from './requests.ts';
import { complain, version } from './run.ts';
import { addRunningCommands } from './running.ts';
import { addDomainsCommands, addSendersCommands } from './senders.ts';

/** All commands with their options. The code of a command is loaded when it runs. */
export function commandLine(): Command {
  const program = new Command('ruawatch')
    .description('Reads DMARC reports from a mailbox into Postgres and sends alerts about what needs action')
    .version(version)
    .configureOutput({ writeErr: complain });

  // Help lists them in this order.
  for (const add of [
    addRunningCommands,
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
