import { randomBytes } from 'node:crypto';
import { type Rendered, renderFinding } from '../mails/render-finding.ts';
import { TEST_TAG } from '../mails/subject.ts';
import { renderWeekly } from '../mails/weekly.ts';
import { DAY_MS } from '../shared/days.ts';
import { sentenceOf } from '../shared/errors.ts';
import type { Config } from '../shared/settings/config.ts';
import type { FindingEvent } from '../store/alerts/outbox.ts';
import { composeMail, messageIdOf } from './mail/message.ts';
import { audiencesOf, recipientsOf } from './mail/recipients.ts';
import { openMailer, type Sent } from './mail/smtp.ts';
import { FORMATS } from './webhook/formats/index.ts';
import { post } from './webhook/post.ts';

/** What became of one test alert. */
export interface Tried {
  /** "mail to a@example.org, b@example.org", "webhook chat" */
  what: string;
  ok: boolean;
  /** What the server said of it, as a sentence. */
  said: string;
}

/**
 * Sends a test alert and a sample digest by every channel of the settings, to every set of recipients.
 * Nothing is stored.
 * @param event the sample finding, of a domain that nobody owns
 */
export async function sendTestAlerts(config: Config, event: FindingEvent, now: Date): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const hook of config.webhooks) {
    const what = `webhook ${hook.name}`;
    try {
      const name = `test-${randomBytes(6).toString('hex')}`;
      await post(hook, name, FORMATS[hook.format].one({ ...event, summary: `TEST: ${event.summary}` }, config.consoleUrl), now);
      tried.push({ what, ok: true, said: 'The receiver accepted it.' });
    } catch (error) {
      tried.push({ what, ok: false, said: sentenceOf(error) });
    }
  }
  if (config.smtpUrl !== null && config.alertFrom !== null) tried.push(...(await sendMails(config, event, now)));
  return tried;
}

async function sendMails(
  { smtpUrl, alertFrom, alertTo, alerts, consoleUrl }: Config,
  event: FindingEvent,
  now: Date,
): Promise<Tried[]> {
  const from = alertFrom!;
  const sets = new Map<string, string[]>();
  for (const to of [
    recipientsOf('', {}, alertTo),
    ...Object.keys(alerts.domains).map((name) => recipientsOf(name, alerts.domains, alertTo)),
  ])
    if (to.length > 0) sets.set(to.join('\n'), to);
  const tried: Tried[] = [];
  const mailer = openMailer(smtpUrl!);
  try {
    for (const to of [...sets.values()].flatMap(audiencesOf)) {
      for (const [kind, content] of [
        ['test alert', renderFinding(event, event.event, consoleUrl, TEST_TAG)],
        ['sample digest', sampleDigest(event, now, consoleUrl)],
      ] as const) {
        const what = `${kind} to ${to.join(', ')}`;
        try {
          const raw = await composeMail({ ...partsOf({ from, to, content }, now) });
          tried.push({ what, ...answerOf(await mailer.send({ from, recipients: to, raw })) });
        } catch (error) {
          tried.push({ what, ok: false, said: sentenceOf(error) });
        }
      }
    }
  } finally {
    mailer.close();
  }
  return tried;
}

/** The server's answer for each recipient. */
function answerOf({ accepted, deferred, refused }: Sent): Pick<Tried, 'ok' | 'said'> {
  const left = [
    ...refused.map(({ recipient, reply }) => `${recipient}: ${reply}`),
    ...deferred.map((recipient) => `${recipient} is put off`),
  ];
  if (left.length === 0) return { ok: true, said: 'The mail server accepted it.' };
  const others = accepted.length > 0 ? [`accepted for ${accepted.join(', ')}`] : [];
  return { ok: false, said: [...left, ...others].join('; ') };
}

function partsOf({ from, to, content }: { from: string; to: string[]; content: Rendered }, date: Date) {
  return {
    from,
    to,
    message_id: messageIdOf('test', randomBytes(6).toString('hex'), from),
    inReplyTo: null,
    date,
    urgent: false,
    content: {
      subject: content.subject,
      text: `This is a test of "ruawatch alerts test"; its figures are made up.\n\n${content.text}`,
      html: content.html,
    },
  };
}

const NOTHING = { findings: [], count: 0, to_do: 0 };

/** A week of a domain with one finding, and a line of each kind about it. */
function sampleDigest(event: FindingEvent, now: Date, console: string | null): Rendered {
  const day = (n: number) => new Date(now.getTime() - n * DAY_MS).toISOString().slice(0, 10);
  const days = { before: day(15), from: day(8), to: day(2) };
  const finding = { ...event, acknowledged_by: null, snoozed_until: null };
  return renderWeekly({
    days,
    console,
    tag: TEST_TAG,
    until: now,
    since: new Date(now.getTime() - 7 * DAY_MS),
    next: new Date(now.getTime() + 7 * DAY_MS),
    domains: [
      {
        domain: event.domain,
        days: Array.from({ length: 14 }, (_, i) => ({
          day: day(15 - i),
          messages: 1_000 + 37 * i,
          passed: 990 + 37 * i - (i > 10 ? 60 : 0),
        })),
        fresh: [{ source: 'shop.example', class: 'misaligned', messages: 210 }],
        fresh_count: 3,
        strangers: { sources: 8, messages: 410 },
        unheard: { reporters: 2, messages: 37 },
        policy: 'p=none',
        ready: null,
        stray: { sources: 4, messages: 9 },
        silent_since: null,
        to_do: 1,
        gravest: event.severity,
      },
    ],
    opened: { findings: [finding], count: 1, to_do: 1 },
    resolved: NOTHING,
    open: NOTHING,
  });
}
