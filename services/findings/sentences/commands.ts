import type { SenderAction } from '../kinds/kind.ts';

/** Something that a person can do about a finding in ruawatch. */
export interface Action {
  /** When to do it: the beginning of a sentence, without a colon. */
  when: string;
  /** A command of services/cli/program/ as it can be pasted into any shell. */
  command: string;
}

/**
 * What `senders approve` takes as a domain or a source (cli/commands/senders.ts); nothing in it means
 * anything to a shell.
 */
const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)+$/;
/** The id of a mail service of the catalogue, under which all of its networks are one sender. */
const SERVICE = /^(?!localhost$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const NETWORK = /^(?:\d{1,3}(?:\.\d{1,3}){3}(?:\/24)?|[0-9a-f:]+::(?:\/48)?)$/;

/**
 * The commands for a finding that is open. Names come from reports: a command with a name that is neither a
 * domain nor a network nor the id of a service is left out.
 * @param words what the kind says of it: the senders to decide about, and why somebody may have meant it
 */
export function actionsOn(
  { finding_key: key, domain }: { finding_key: number; domain: string },
  { senders = [], expected }: { senders?: readonly SenderAction[]; expected?: string },
): Action[] {
  return [
    ...senderActions(domain, senders),
    {
      when: 'To get no more mails about it unless it gets worse',
      command: `ruawatch findings ack ${key} --why "being worked on"`,
    },
    ...(expected === undefined
      ? []
      : [{ when: 'If it was planned', command: `ruawatch findings resolve ${key} --as expected --why "${expected}"` }]),
    { when: 'If it is a false alarm', command: `ruawatch findings resolve ${key} --as false --why "false alarm"` },
    showAction(key),
  ];
}

/** The commands that decide about senders. */
export function senderActions(domain: string, senders: readonly SenderAction[] = []): Action[] {
  return senders
    .filter(({ source }) => NAME.test(domain) && [NAME, SERVICE, NETWORK].some((one) => one.test(source)))
    .map(({ verdict, source, when, why }) => ({
      when,
      command: `ruawatch senders ${verdict} ${domain} ${source} --why "${why}"`,
    }));
}

/** Where everything about a finding can be read. */
export function showAction(key: number): Action {
  return { when: 'For its evidence and history', command: `ruawatch findings show ${key}` };
}
