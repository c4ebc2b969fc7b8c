import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Commands about stored mails. */
export function addMessagesCommands(program: Command): void {
  const messages = program.command('messages').description('list, show and replay stored mails, including quarantined ones');
  messages
    .command('list', { isDefault: true })
    .description('list messages, the newest first')
    .option('--state <state...>', 'only messages in these states: received, stored, ignored, quarantined, failed')
    .option('--code <code>', 'only messages with this code')
    .option('--mailbox <name>', 'only this mailbox')
    .option('--limit <n>', 'maximum number of rows', '50')
    .option('--json', 'print one line of JSON for each message')
    .action(run(async (options) => (await import('../commands/messages.ts')).runMessagesList(config(), options, out)));
  messages
    .command('show <key>')
    .description('show a message, its state with the reason, and its reports')
    .action(run(async (key: string) => (await import('../commands/messages.ts')).runMessagesShow(config(), key, out)));
  messages
    .command('replay [key...]')
    .description('parse messages again, selected by key, state or code')
    .option('--state <state...>', 'only messages in these states: quarantined, failed, ignored')
    .option('--code <code>', 'only messages with this code')
    .action(
      run(async (keys: string[], options) =>
        (await import('../commands/messages.ts')).runMessagesReplay(config(), keys, options, out),
      ),
    );
}
