import { z } from 'zod';

/**
 * What the API shows of each view, as JSON: docs/schema.md says what the columns mean. The queries select
 * these columns, and the description of the API (OpenAPI) is made of them.
 */
const at = z.iso.datetime();
const day = z.iso.date();
const whole = z.int();
const text = z.string();
const yes = z.boolean();

export const domainRow = z.object({
  domain: text,
  state: z.enum(['own', 'observed', 'ignored']),
  how: text,
  since: at,
  reason: text.nullable(),
  policy: text.nullable(),
  last_report_at: at.nullable(),
  messages_30_days: whole.describe('Of the last 30 days, of the reports that count: as on the overview.'),
  pass_share_30_days: z.number().nullable(),
  open_findings: whole.describe('Open, or resolved by hand and going on; without those for information.'),
});

export const postureRow = z.object({
  spf: text,
  dkim: text,
  dmarc: text,
  bimi: text,
  mta_sts: text,
  tls_rpt: text,
  stage: text,
  next_step: text,
  advice: text,
  publish_name: text.nullable(),
  publish_value: text.nullable(),
  blocked_by: z.array(text),
  since: at,
  checked_at: at.nullable(),
});

export const sourceRow = z.object({
  domain: text,
  source: text,
  name: text,
  class: text,
  why: text.nullable(),
  evidence: text.nullable(),
  grouped_as: text,
  asn: whole.nullable(),
  owner: text.nullable(),
  country: text.nullable(),
  first_seen: day,
  last_seen: day,
  messages: whole,
  passed: whole,
});

export const classChangeRow = z.object({ domain: text, source: text, at, was: text, class: text, why: text });

export const senderRow = z.object({
  entry_key: whole,
  domain: text,
  source: text,
  is_service: yes,
  verdict: z.enum(['approved', 'denied']),
  by_name: text,
  why: text,
  since: at,
  until: at.nullable(),
  ended_at: at.nullable(),
  ended_by: text.nullable(),
  ended_why: text.nullable(),
});

export const recordRow = z.object({
  domain: text,
  purpose: text,
  name: text,
  type: text,
  value: text,
  published: yes,
  first_seen: at,
  last_seen: at,
  gone_at: at.nullable(),
  servers: z.array(text),
});

export const timelineRow = z.object({
  at,
  id: z.string().describe('The same for the same event.'),
  what: z.enum(['finding', 'dns', 'request', 'decision', 'change', 'sender', 'sending', 'zone', 'reports', 'bounce']),
  event: text,
  subject: text,
  actor: text.nullable(),
  summary: text.nullable(),
  finding_key: whole.nullable(),
  request_key: whole.nullable(),
});

export const findingRow = z.object({
  finding_key: whole,
  domain: text,
  kind: text,
  severity: z.enum(['info', 'low', 'medium', 'high', 'critical']),
  subject: text,
  state: z.enum(['open', 'resolved']),
  phase: text,
  summary: text,
  confidence: z.number(),
  revision: whole,
  first_day: day,
  since: day,
  last_day: day,
  opened_at: at,
  changed_at: at,
  resolved_at: at.nullable(),
  acknowledged_at: at.nullable(),
  acknowledged_by: text.nullable(),
  snoozed_until: at.nullable(),
  snoozed_by: text.nullable(),
  reopened: whole,
  assigned_to: text.nullable(),
  goes_on: yes,
});

export const findingEventRow = z.object({
  at,
  event: text,
  by_name: text.nullable(),
  why: text.nullable(),
  until: at.nullable(),
  revision: whole.nullable(),
  severity: text,
  summary: text,
  assigned_to: text.nullable(),
});

export const reportRow = z.object({
  report_key: whole,
  reporter: text,
  domain: text,
  begin_at: at,
  end_at: at,
  records: whole,
  messages: whole,
  trust: z.enum(['ok', 'pending', 'bad']),
  salvaged: yes,
  duplicates: whole,
  received_at: at,
  report_id: text,
  org_name: text.nullable(),
  org_email: text.nullable(),
});

export const wholeReport = reportRow.extend({
  policy_p: text.nullable(),
  policy_sp: text.nullable(),
  policy_np: text.nullable(),
  adkim: text.nullable(),
  aspf: text.nullable(),
  trust_reason: text.nullable(),
  problems: z.array(z.object({ code: text, message: text })),
});

export const reportRecordRow = z.object({
  n: whole,
  source_ip: text.nullable(),
  source: text,
  count: whole,
  disposition: text.nullable(),
  header_from: text.nullable(),
  envelope_from: text.nullable(),
  envelope_to: text.nullable(),
  dkim_aligned: yes,
  spf_aligned: yes,
  dmarc_pass: yes,
  auth: z.record(text, z.unknown()),
});

export const messageRow = z.object({
  message_key: whole,
  mailbox: text,
  received_at: at,
  sender: text.nullable(),
  subject: text.nullable(),
  size: whole,
  state: text,
  code: text.nullable(),
  reason: text.nullable(),
});

export const requestRow = z.object({
  request_key: whole,
  kind: text,
  domain: text,
  summary: text,
  state: text,
  stage: whole,
  rule: text,
  requester: text,
  requester_kind: z.enum(['person', 'playbook', 'service']),
  why: text,
  finding_key: whole.nullable(),
  emergency: yes,
  digest: text,
  created_at: at,
  changed_at: at,
  expires_at: at.nullable(),
  decided_at: at.nullable(),
  applied_at: at.nullable(),
  ends_at: at.nullable(),
  outcome: text.nullable(),
});

export const decisionRow = z.object({
  person: text,
  stage: whole,
  decision: text,
  why: text,
  via: text,
  at,
  in_place_of: text.nullable(),
});

export const grantRow = z.object({
  grant_key: whole,
  request_key: whole,
  kind: text,
  domain: text,
  holder: text,
  holder_kind: z.enum(['person', 'service']),
  server: text,
  name: text,
  seconds: whole,
  uses: whole.nullable(),
  used: whole,
  state: z.enum(['asked', 'applying', 'active', 'ending', 'ended', 'void']),
  asked_at: at,
  why: text,
  applied_at: at.nullable(),
  ends_at: at.nullable(),
  end_reason: text.nullable(),
  ended_at: at.nullable(),
  answer: text.nullable(),
  last_used_at: at.nullable(),
});

export const onboardingRow = z.object({
  request_key: whole,
  domain: text,
  source: text,
  owner: text,
  expected_daily: whole.nullable(),
  contract_ends: text.nullable(),
  state: z.enum(['asked', 'publishing', 'watched', 'adopted', 'leaving', 'left', 'taken_back', 'refused']),
  asked_at: at,
  applied_at: at.nullable(),
  adopted_at: at.nullable(),
  watched_until: at.nullable(),
  end_request_key: whole.nullable(),
  outcome: text.nullable(),
});

export const actRow = z.object({
  act_key: whole,
  at,
  by_name: text.describe('The person, a service, or the system user on the command line.'),
  act: text,
  domain: text.nullable(),
  object: text.nullable(),
  detail: z.record(text, z.unknown()),
});

export const auditRow = z.object({ number: whole, at, actor: text, verb: text, object: text, body: text, hash: text });
