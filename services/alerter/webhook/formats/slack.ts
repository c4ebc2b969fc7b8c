import { endingTitle } from '../../../findings/sentences/end-reasons.ts';
import { actionLines } from '../../../mails/actions.ts';
import { overLines } from '../../../mails/finding-text.ts';
import { awaited, type Content, contentOf } from '../../../mails/finding-words.ts';
import { counted, number, sentenceCase } from '../../../shared/format.ts';
import type { FindingEvent } from '../../../store/alerts/outbox.ts';
import type { Step } from '../../../store/findings/findings.ts';
import { requestContent } from '../../requests/content.ts';
import type { RequestPost } from '../../requests/post.ts';
import type { WebhookFormat } from './webhook-format.ts';

/** More than this in one text is not read. */
const MOST_LISTED = 10;

const STATES: Record<Exclude<Step, 'resolved'>, string> = {
  opened: '',
  changed: 'Changed: ',
  reopened: 'Again: ',
  reminded: 'Still open: ',
};

/** One event as a text for Slack and its like. */
function one(event: FindingEvent, console: string | null = null): Buffer {
  const content = contentOf(event, event.event, console);
  const missing = awaited(content, Number.POSITIVE_INFINITY);
  if (content.over !== null)
    return json({ text: [`*${slack(headline(event, 'resolved', content))}*`, ...overLines(content).map(slack)].join('\n') });
  const rows = [
    ...[content.lead ?? '', content.what].filter(Boolean),
    ...(content.many === null ? [] : [`How many: ${content.many}`]),
    ...(content.since === null ? [] : [`Since: ${content.since}`]),
    `How sure: ${content.sure}`,
    ...(missing === null ? [] : [`Not heard: ${missing}`]),
    ...content.advice.map((sentence) => `• ${sentence}`),
    ...actionLines(content.actions, content.page).map((line) => line.trim()),
  ];
  return json({ text: [`*${slack(headline(event, event.event, content))}*`, ...rows.map(slack)].join('\n') });
}

/** Many events in one text, the gravest first. */
function many(events: readonly FindingEvent[]): Buffer {
  return gathered(events, 'combined');
}

/** The same of what stood at a first start. */
function standing(events: readonly FindingEvent[]): Buffer {
  return gathered(events, 'at the first analysis');
}

function gathered(events: readonly FindingEvent[], how: string): Buffer {
  const listed = events.slice(0, MOST_LISTED);
  const more = events.length - listed.length;
  const domains = new Set(events.map((event) => event.domain)).size;
  return json({
    text: [
      `*${slack(`${counted(events.length, 'finding')} in ${counted(domains, 'domain')}, ${how}`)}*`,
      ...listed.map((event) => `• ${slack(headline(event, event.event, contentOf(event, event.event)))}`),
      ...(more > 0 ? [`and ${number(more)} more: "ruawatch findings"`] : []),
    ].join('\n'),
  });
}

function headline({ evidence }: FindingEvent, step: Step, content: Content): string {
  const state = step === 'resolved' ? `${endingTitle(evidence.ended ?? null)}: ` : STATES[step];
  return `${state}${sentenceCase(content.severity)}: ${content.headline}`;
}

/** Something that happened to a request, with the exact change. */
function request(post: RequestPost, console: string | null): Buffer {
  return json({ text: requestLines(post, console, true).map(slack).join('\n') });
}

function requests(posts: readonly RequestPost[], console: string | null): Buffer {
  const listed = posts.slice(0, MOST_LISTED);
  const more = posts.length - listed.length;
  return json({
    text: [
      `*${slack(`${counted(posts.length, 'event')} of requests, combined`)}*`,
      ...listed.flatMap((post) => requestLines(post, console, false).map(slack)),
      ...(more > 0 ? [`and ${number(more)} more: "ruawatch requests"`] : []),
    ].join('\n'),
  });
}

/** @param whole with the change, why, and who decides; else two lines */
function requestLines(post: RequestPost, console: string | null, whole: boolean): string[] {
  const content = requestContent(post.story, { event: post.event, recipient: '', console });
  const { title } = content;
  const where = content.page ?? content.command;
  const says = content.first === content.headline ? [] : [content.first];
  if (!whole) return [`• ${title}: ${content.first}`, where];
  return [
    `*${title}*`,
    ...says,
    content.headline,
    ...content.changes,
    ...content.rows.flatMap(({ label, sentences }) => sentences.map((one) => `${label}: ${one}`)),
    where,
  ];
}

/** These three begin Slack's links and mentions, and are escaped as it asks for. */
function slack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** Texts for Slack and compatible services; beyond the hour's budget many events share one. */
export const slackFormat: WebhookFormat = { one, many, standing, request, requests };
