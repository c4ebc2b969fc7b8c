import type {
  Changes,
  LiveRecord,
  Observed,
  QuestionRow,
  ServerAnswer,
  ServerRow,
  ServerState,
  Stored,
} from '../store/dns/records.ts';
import { RESOLVER } from './round.ts';

/** A value counts as gone when so many answers in a row lack it. */
const GONE_AFTER = 2;

/**
 * What a round changes in what is stored of a domain. Authoritative servers decide what is published; the
 * resolver, which may have an older answer in its cache, decides where none of them answers. A question that
 * nobody answers changes no record.
 */
export function changesOf(
  stored: Stored,
  { observed, servers, now }: { observed: readonly Observed[]; servers: readonly ServerState[]; now: Date },
): Changes {
  const changes: Changes = {
    questions: [],
    added: [],
    seen: [],
    missed: [],
    gone: [],
    servers: servers.map((one) => serverRow(stored, one, now)),
  };
  for (const one of observed) {
    const live = stored.live.filter(({ name, type }) => name === one.name && type === one.type);
    const before = stored.questions.find(({ name, type }) => name === one.name && type === one.type);
    const deciding = decidingAnswers(one.answers);
    changes.questions.push(questionRow(one, deciding, before, now));
    if (deciding.length === 0) continue;
    compare(one, deciding, live, { changes, now });
    // A name with records of its own is no alias any more.
    if (one.type !== 'CNAME' && one.aliases.length === 0)
      for (const alias of stored.live.filter(({ name, type }) => name === one.name && type === 'CNAME'))
        changes.gone.push({ record_key: alias.record_key, at: alias.missed_at ?? now });
  }
  return changes;
}

/** The answers that decide; none when nobody answered. */
function decidingAnswers(answers: readonly ServerAnswer[]): readonly ServerAnswer[] {
  const given = answers.filter(({ state }) => state !== 'unknown');
  const authoritative = given.filter(({ server }) => server !== RESOLVER);
  return authoritative.length > 0 ? authoritative : given;
}

function compare(
  { name, type, purpose, answers }: Observed,
  deciding: readonly ServerAnswer[],
  live: readonly LiveRecord[],
  { changes, now }: { changes: Changes; now: Date },
): void {
  const by = new Map<string, string[]>();
  for (const { server, values } of answers) for (const value of values) by.set(value, [...(by.get(value) ?? []), server]);
  const published = new Set(deciding.flatMap(({ values }) => values));
  for (const value of published) {
    const record = live.find((one) => one.value === value);
    const servers = by.get(value) ?? [];
    if (record === undefined) changes.added.push({ name, type, purpose, value, servers, at: now });
    else changes.seen.push({ record_key: record.record_key, servers, at: now });
  }
  // A server that is silent may still have the old value, and an empty answer may be that of a broken server.
  const certain = published.size > 0 && answers.every(({ server, state }) => server === RESOLVER || state !== 'unknown');
  for (const record of live) {
    if (published.has(record.value)) continue;
    const since = record.missed_at ?? now;
    if (certain || record.misses + 1 >= GONE_AFTER) changes.gone.push({ record_key: record.record_key, at: since });
    else changes.missed.push({ record_key: record.record_key, at: since });
  }
}

function questionRow(one: Observed, deciding: readonly ServerAnswer[], before: QuestionRow | undefined, now: Date): QuestionRow {
  const { name, type, purpose, aliases, answers } = one;
  const failed = answers.find(({ state }) => state === 'unknown');
  const answered = deciding.length > 0;
  const differ = new Set(deciding.map(({ values }) => JSON.stringify([...values].sort()))).size > 1;
  return {
    name,
    type,
    purpose,
    state: !answered ? (before?.state ?? 'unknown') : deciding.some(({ state }) => state === 'records') ? 'records' : 'absent',
    asked_at: now,
    first_answered_at: before?.first_answered_at ?? (answered ? now : null),
    answered_at: answered ? now : (before?.answered_at ?? null),
    unanswered_since: answered ? null : (before?.unanswered_since ?? now),
    reason: answered ? null : (failed?.reason ?? null),
    differ_since: !answered ? (before?.differ_since ?? null) : differ ? (before?.differ_since ?? now) : null,
    aliases: answered ? aliases : (before?.aliases ?? []),
    answers,
  };
}

function serverRow(stored: Stored, { zone, server, address, state, reason, serial }: ServerState, now: Date): ServerRow {
  const before = stored.servers.find((one) => one.zone === zone && one.server === server);
  const answers = state === 'answers';
  const known = {
    failing_since: before?.failing_since ?? null,
    failure: before?.failure ?? null,
    reason: before?.reason ?? null,
  };
  const failing =
    state === 'unknown'
      ? known
      : answers
        ? { failing_since: null, failure: null, reason: null }
        : { failing_since: before?.failing_since ?? now, failure: state, reason };
  return {
    zone,
    server,
    address: address ?? before?.address ?? null,
    serial: serial ?? before?.serial ?? null,
    asked_at: now,
    answered_at: answers ? now : (before?.answered_at ?? null),
    ...failing,
  };
}

/** Whether a value was missed that is not gone yet: it is soon asked about again. */
export function mustAskAgain({ missed }: Changes): boolean {
  return missed.length > 0;
}
