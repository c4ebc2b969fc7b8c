import { expect, test } from 'vitest';
import { requestContent } from '../../../services/alerter/requests/content.ts';
import { renderRequest, renderRequests } from '../../../services/alerter/requests/render.ts';
import { jsonFormat } from '../../../services/alerter/webhook/formats/json.ts';
import { slackFormat } from '../../../services/alerter/webhook/formats/slack.ts';
import { type Plan, seal } from '../../../services/requests/plan.ts';
import type { RequestStory } from '../../../services/store/alerts/request-mails.ts';
import { bodyOf, expectGolden } from '../../mails/cases.ts';
import { rulesOf } from '../../requests/sample.ts';
import { ADA, BEN, dnsPlan, later, STAGES, START, TWO } from './setup.ts';

const STEPS = ['open', 'stage', 'remind', 'escalate', 'approve', 'deny', 'withdraw', 'expire', 'override', 'apply'];
const ENDS = ['return', 'fail', 'outdate', 'unreachable'];
const decision = (person: string, one: 'approve' | 'deny' | 'override', why: string) =>
  ({ person, stage: 0, decision: one, why, via: 'test', at: later(1) }) as const;

interface Given {
  event?: string;
  plan?: Partial<Plan>;
  request?: Partial<RequestStory['request']>;
  decisions?: RequestStory['decisions'];
  asked?: string[];
  before?: number;
  /** What is said of the event. */
  says?: string;
  rule?: object;
  console?: string | null;
}

/** A request, and what has just happened to it. */
function postOf({ event = 'open', plan = {}, request = {}, decisions = [], asked = [ADA], before = 0, ...rest }: Given) {
  const { text, digest } = seal(dnsPlan(plan));
  const [rule] = rulesOf(rest.rule ?? TWO);
  const history = Array.from({ length: before + 1 }, (_, i) => ({
    event_key: i + 1,
    event: i === before ? event : 'open',
    at: later(i / 10),
    actor: 'x',
    says: i === before ? (rest.says ?? `It says of ${event}.`) : `Step ${i}.`,
    head: `${i + 3}:${'ab'.repeat(32)}`,
  }));
  const story = {
    request: {
      request_key: 7,
      kind: 'policy.step',
      domain: 'example.com',
      plan: text,
      digest,
      rule: { ...rule, rule: rule!.name },
      requester: 'policy-step',
      requester_kind: 'playbook',
      why: 'the finding 7',
      state: 'pending',
      stage: 0,
      emergency: false,
      created_at: START,
      expires_at: later(10),
      ...request,
    },
    decisions,
    history,
    asked: new Set(asked),
  } as unknown as RequestStory;
  return { story, event: before + 1 };
}

function contentOf(given: Given) {
  const { story, event } = postOf(given);
  return requestContent(story, { event, recipient: ADA, console: given.console ?? null });
}

const GIVEN: Record<string, Given> = {
  ...Object.fromEntries([...STEPS, ...ENDS].map((event) => [event, { event }])),
  'asked of others': { event: 'stage', asked: [BEN] },
  'a console': { console: 'https://ruawatch.example.org' },
  'one warning': { plan: { warnings: ['The record is new.'] } },
  'two warnings, no DNS': { plan: { warnings: ['One.', 'Two.'], changes: [], risk: 'high' } },
  'news with a warning': { event: 'approve', plan: { warnings: ['One.'] } },
  'news without a warning': { event: 'approve', request: { state: 'approved' } },
  'no DNS': { plan: { changes: [], risk: 'low' } },
  'a review': { plan: { kind: 'review', changes: [] } },
  'every domain': { plan: { domain: '*' } },
  'no deadline': { request: { expires_at: null } },
  'settled, with a deadline that is over': { event: 'deny', request: { state: 'denied' } },
  'by a person': { request: { requester: 'zoe@example.com', requester_kind: 'person' } },
  decided: {
    event: 'approve',
    decisions: [decision(ADA, 'approve', 'looked'), decision(BEN, 'deny', 'no'), decision(ADA, 'override', 'fire')],
  },
  'by a rule': { event: 'approve', request: { rule: { rule: 'auto', decide: 'automatic', stages: [] } as never } },
  'in stages': { rule: STAGES },
  'in stages, the second now': { rule: STAGES, request: { stage: 1 } },
  'in stages, settled': { event: 'approve', rule: STAGES, request: { state: 'approved', stage: 1 } },
  'long ago': { event: 'approve', before: 14 },
};

test('each event of each request as text and HTML', async () => {
  const parts = Object.entries(GIVEN).map(([name, given]) => {
    const content = contentOf(given);
    const { subject, text, html } = renderRequest(content);
    return [name, `Subject: ${subject}\nBad: ${content.bad}\n\n${text}\n${bodyOf(html)}`];
  });
  await expectGolden('../../alerter/requests/golden/requests.txt', Object.fromEntries(parts));
});

test('each event of each request as a post, alone and among others', async () => {
  const parts = Object.entries(GIVEN).map(([name, given]) => {
    const [post, console] = [postOf(given), given.console ?? null];
    const read = (bytes: Buffer): unknown => JSON.parse(bytes.toString());
    const [alone, together] = [slackFormat.request(post, console), slackFormat.requests!([post, post], console)];
    const { data, ...head } = read(jsonFormat.request(post, console)) as { data: { plan: object } };
    return [
      name,
      [read(alone), read(together), { ...head, data: { ...data, plan: '…' } }]
        .map((one) => JSON.stringify(one, null, 1))
        .join('\n'),
    ];
  });
  await expectGolden('../../alerter/requests/golden/posts.txt', Object.fromEntries(parts));
});

test('what is said of an event is not said twice where it is the plan itself', () => {
  const text = (says: string) =>
    (JSON.parse(slackFormat.request(postOf({ says }), null).toString()) as { text: string }).text.split('\n');
  const { headline } = contentOf({ event: 'approve' });
  expect(text(headline).slice(1, 3)).toEqual([headline, expect.not.stringContaining(headline)]);
  expect(text('Other words.').slice(1, 3)).toEqual(['Other words.', headline]);
});

test('eleven events of requests are ten in a text, and the last is counted', () => {
  const posts = Array.from({ length: 11 }, () => postOf({}));
  const lines = (n: number) =>
    (JSON.parse(slackFormat.requests!(posts.slice(0, n), null).toString()) as { text: string }).text.split('\n');
  expect(lines(10)).toHaveLength(21);
  expect(lines(11)).toHaveLength(22);
  expect(lines(11).at(-1)).toBe('and 1 more: "ruawatch requests"');
});

test('changes of 30,000 characters are shown whole; with one more the last line is counted', () => {
  const seen = { by: 'token', id: 'x', value: '' } as const;
  const manual = (length: number) =>
    ({ target: 'manual', what: 'A', before: 'b', after: 'a', run: 'r'.repeat(length), seen }) as const;
  const changes = (last: number) => contentOf({ plan: { changes: [...Array(19).fill(manual(1500)), manual(last)] } }).changes;
  // Three lines each: "- A: b", "+ A: a" and "  by hand: …".
  const all = changes(500);
  const room = 30_000 - all.join('').length;
  const fits = changes(500 + room);
  expect([fits.length, fits.join('').length]).toEqual([60, 30_000]);
  const over = changes(501 + room);
  expect(over).toHaveLength(60);
  expect(over.at(-1)).toBe('… and 1 more line that no mail has room for: read them where you decide.');
  expect(over.slice(0, 59)).toEqual(fits.slice(0, 59));
});

test('sentences of 500 characters are whole, and fill their lines: one alone, and more behind dashes', () => {
  const first = (length: number) => contentOf({ event: 'approve', says: 'x'.repeat(length) }).first;
  expect([first(500), first(501)]).toEqual(['x'.repeat(500), `${'x'.repeat(499)}…`]);
  const lines = (...sentences: string[]) => {
    const { text } = renderRequest({ ...contentOf({}), rows: [{ label: 'Why', sentences }] });
    return text.slice(text.indexOf('Why'), text.indexOf('\n\n', text.indexOf('Why'))).split('\n');
  };
  expect(lines('x'.repeat(67))).toEqual([`Why         ${'x'.repeat(66)}`, `${' '.repeat(12)}x`]);
  expect(lines('x'.repeat(65), 'y'.repeat(64))).toEqual([
    `Why         - ${'x'.repeat(64)}`,
    `${' '.repeat(12)}  x`,
    `${' '.repeat(12)}- ${'y'.repeat(64)}`,
  ]);
});

test('bad news are of another colour, with styles as without', () => {
  const html = (event: string) => renderRequest(contentOf({ event })).html;
  expect(html('fail')).toContain(
    '<p class="gone" style="margin:0 0 12px;font-size:15px;line-height:22px;font-weight:600;color:#a12a12;">',
  );
  expect(html('approve')).toContain(
    '<p class="ink" style="margin:0 0 12px;font-size:15px;line-height:22px;font-weight:600;color:#16202a;">',
  );
});

test('requests that come together are counted, and those to decide on', () => {
  const [ask, news] = [contentOf({}), contentOf({ event: 'deny' })];
  const subjects = [
    [ask, news],
    [news, news],
    [ask, ask],
  ].map((contents) => renderRequests(contents).subject);
  expect(subjects).toEqual(['[ruawatch] 2 requests, 1 to decide', '[ruawatch] 2 requests', '[ruawatch] 2 requests, 2 to decide']);
  const { text, html } = renderRequests([ask, news]);
  expect(text).toBe(`${renderRequest(ask).text}\n${'_'.repeat(78)}\n\n${renderRequest(news).text}`);
  expect(html.match(/margin:24px 0/g)).toHaveLength(1);
});
