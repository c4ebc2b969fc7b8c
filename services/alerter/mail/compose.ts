import { createHash } from 'node:crypto';
import { renderCampaign } from '../../mails/campaign.ts';
import { countsOf, renderDigest } from '../../mails/digest.ts';
import { type Rendered, renderFinding } from '../../mails/render-finding.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Config } from '../../shared/settings/config.ts';
import * as outbox from '../../store/alerts/outbox.ts';
import type { Step } from '../../store/findings/findings.ts';
import { endSnoozes } from '../../store/findings/operator-actions.ts';
import { share } from './cap.ts';
import { sortStanding } from './first-start.ts';
import { campaignsAmong } from './group-campaigns.ts';
import { composeMail, messageIdOf } from './message.ts';
import { type Item, planOf } from './plan.ts';
import { audiencesOf } from './recipients.ts';

export interface ComposeSettings {
  from: string;
  alertTo: string[];
  /** The setting `console.url`, when it is set. */
  console?: string | null | undefined;
  alerts: Config['alerts'];
}

export interface Composed {
  mails: number;
  /** Findings that wait because the hour is full, or because a first start is still at work. */
  held: number;
}

/** Nobody reads a longer digest; the rest is counted, and its query shows it. */
const MOST_LISTED = 50;

/**
 * Turns the events that are due into mails of the outbox. The mails and the marks on their events are one
 * transaction: a crash leaves both or neither. Safe to run at any time, in any number of processes.
 *
 * A finding with several events is reported in its newest state. One that opened and resolved before any mail
 * about it (which takes a cap or a stop in between) is not mailed: there is nothing left to act on.
 */
export async function composeMails(db: Db, settings: ComposeSettings, now: Date, log: Log): Promise<Composed> {
  return transaction(db, async (tx) => {
    await outbox.lockComposing(tx);
    const awake = await endSnoozes(tx, now);
    for (const finding of awake)
      log.info({ finding }, 'a snooze or the like has ended; the finding is alerted again if it is still open');
    // Read before the events: when nothing waits, all that the last of the work found is among them.
    const first = { most: settings.alerts.first_start_mails, waits: await outbox.historyWaits(tx), now };
    const { domains, digest } = settings.alerts;
    const plan = planOf(await outbox.unhandledEvents(tx), {
      domains,
      alertTo: settings.alertTo,
      digest: digest !== 'off',
      now,
    });
    if (plan.quiet.length > 0) {
      const locked = await outbox.lockEvents(tx, plan.quiet);
      await outbox.markHandled(tx, [...locked.keys()], now);
      log.debug({ events: locked.size }, 'marked events that need no mail as handled');
    }
    const composed: Composed = { mails: 0, held: 0 };
    const composer = new Composer({ tx, settings, installation: await outbox.installation(tx), now, log });
    for (const group of plan.groups) {
      const { summary, due, held } = sortStanding(group.items, first);
      composed.mails += await composer.digest(summary, group.recipients, true);
      const budget = { perHour: settings.alerts.per_hour, perDomain: settings.alerts.per_domain_hour };
      const [together] = audiencesOf(group.recipients);
      const made = await outbox.newestMails(tx, together!, 2 * budget.perHour);
      const { digest, singles, rest } = share(due, made, budget, now);
      composed.mails += await composer.digest(digest, group.recipients);
      for (const some of await composer.campaigns(singles)) composed.mails += await composer.together(some, group.recipients);
      composed.held += rest.length + held.length;
    }
    return composed;
  });
}

interface Composing {
  tx: Tx;
  settings: ComposeSettings;
  installation: string;
  now: Date;
  log: Log;
}

class Composer {
  private readonly tx: Tx;
  private readonly settings: ComposeSettings;
  private readonly installation: string;
  private readonly now: Date;
  private readonly log: Log;

  constructor({ tx, settings, installation, now, log }: Composing) {
    this.tx = tx;
    this.settings = settings;
    this.installation = installation;
    this.now = now;
    this.log = log;
  }

  /** The items by mail: those that tell of the same networks under several domains are one. */
  async campaigns(items: readonly Item[]): Promise<Item[][]> {
    if (new Set(items.map(({ domain }) => domain)).size < 2) return items.map((item) => [item]);
    const events = await outbox.findingEvents(
      this.tx,
      items.map((item) => item.newest),
    );
    return campaignsAmong(items, new Map(events.map((event) => [event.finding_key, event])));
  }

  /** Some findings of the same networks in one mail; one in a mail of its own. */
  async together(wanted: Item[], recipients: string[]): Promise<number> {
    const items = await this.locked(wanted);
    if (items.length === 0) return 0;
    const events = await outbox.findingEvents(
      this.tx,
      items.map((item) => item.newest),
    );
    if (items.length === 1) return this.single(items[0]!, events[0]!, recipients);
    const steps = new Map(items.map((item) => [item.finding_key, item.step]));
    const listed = events.map((event) => ({ event, step: steps.get(event.finding_key)! }));
    return this.put(items, recipients, {
      kind: 'digest',
      name: this.nameOf(items, recipients),
      inReplyTo: null,
      urgent: listed.some(({ event, step }) => urgent(event.severity, step)),
      content: renderCampaign(listed, this.settings.console),
    });
  }

  /** One finding in a mail of its own. */
  private async single(item: Item, event: outbox.FindingEvent, recipients: string[]): Promise<number> {
    const first = await outbox.firstMailOf(this.tx, item.finding_key, recipients);
    const content = renderFinding(event, item.step, this.settings.console);
    return this.put([item], recipients, {
      kind: 'finding',
      name: `finding-${event.finding_key}-${event.revision}-${event.event}${again(item)}${only(recipients, item)}`,
      inReplyTo: first,
      urgent: urgent(event.severity, item.step),
      content,
    });
  }

  /**
   * Several findings in one mail, if there are any.
   * @param standing they stood at a first start; else the hourly cap held them back
   */
  async digest(wanted: Item[], recipients: string[], standing = false): Promise<number> {
    const items = await this.locked(wanted);
    if (items.length === 0) return 0;
    const listed = items.slice(0, MOST_LISTED);
    const events = await outbox.findingEvents(
      this.tx,
      listed.map((item) => item.newest),
    );
    const steps = new Map(listed.map((item) => [item.finding_key, item.step]));
    const told = events.map((event) => ({ event, step: steps.get(event.finding_key)! }));
    const content = renderDigest({
      items: told,
      beyond: items.length - events.length,
      domains: new Set(items.map(({ domain }) => domain)).size,
      perHour: this.settings.alerts.per_hour,
      perDomain: this.settings.alerts.per_domain_hour,
      console: this.settings.console,
      ...(standing && { standing: true as const, counts: countsOf(items.map(({ severity }) => severity)) }),
    });
    return this.put(items, recipients, {
      kind: 'digest',
      name: this.nameOf(items, recipients),
      inReplyTo: null,
      urgent: told.some(({ event, step }) => urgent(event.severity, step)),
      content,
    });
  }

  /** The name of a mail about several findings: another for other events, recipients, or a refusal before. */
  private nameOf(items: readonly Item[], recipients: string[]): string {
    const told = items.flatMap((item) => item.events).sort((a, b) => a - b);
    const refused = items.filter((item) => item.refusals > 0).map(again);
    const digest = createHash('sha256').update(JSON.stringify([told, recipients, ...refused]));
    return `digest-${digest.digest('hex').slice(0, 16)}`;
  }

  /**
   * The items all of whose events this transaction has locked, and as they were planned. Another transaction
   * reports the others, or a later turn does: a mail about them was refused meanwhile.
   */
  private async locked(items: Item[]): Promise<Item[]> {
    const refusals = await outbox.lockEvents(
      this.tx,
      items.flatMap((item) => item.events),
    );
    const sum = ({ events }: Item) => events.reduce((all, key) => all + refusals.get(key)!, 0);
    return items.filter((item) => item.events.every((key) => refusals.has(key)) && sum(item) === item.refusals);
  }

  private async put(
    items: Item[],
    recipients: string[],
    mail: {
      kind: 'finding' | 'digest';
      name: string;
      inReplyTo: string | null;
      urgent: boolean;
      content: Rendered;
    },
  ): Promise<number> {
    const { from } = this.settings;
    const events = items.flatMap((item) => item.events);
    let made = 0;
    for (const [i, to] of audiencesOf(recipients).entries()) {
      const message_id = messageIdOf(i === 0 ? mail.name : `${mail.name}-apart-${i}`, this.installation, from);
      const raw = await composeMail({
        from,
        to,
        message_id,
        inReplyTo: mail.inReplyTo,
        date: this.now,
        urgent: mail.urgent,
        content: mail.content,
      });
      const outbox_key = await outbox.insertMail(this.tx, {
        message_id,
        kind: mail.kind,
        finding_key: mail.kind === 'finding' ? items[0]!.finding_key : null,
        recipients: to,
        subject: mail.content.subject,
        raw,
        urgent: items.some((item) => item.urgent),
        created_at: this.now,
        events,
      });
      if (outbox_key !== null) made++;
      const findings = items.slice(0, MOST_LISTED).map((item) => item.finding_key);
      this.log.info({ outbox: outbox_key, findings, kind: mail.kind }, 'queued an alert in the outbox');
    }
    for (const item of items) await outbox.markMailed(this.tx, item.events, { to: recipients, all: item.all, at: this.now });
    return made;
  }
}

/** What distinguishes a mail from the ones that were refused before it. */
function again({ refusals }: Item): string {
  return refusals === 0 ? '' : `-again-${refusals}`;
}

/** What distinguishes a mail to some of the recipients from the mail to all. */
function only(recipients: readonly string[], { all }: Item): string {
  if (recipients.length === all.length) return '';
  return `-to-${createHash('sha256').update(recipients.join('\n')).digest('hex').slice(0, 8)}`;
}

function urgent(severity: string, step: Step): boolean {
  return step !== 'resolved' && (severity === 'critical' || severity === 'high');
}
