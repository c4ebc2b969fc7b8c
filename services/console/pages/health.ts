import { z } from 'zod';
import { DAY_MS } from '../../shared/days.ts';
import { unverifiedSentence } from '../../shared/unverified.ts';
import { refusedAlerts } from '../../store/alerts/refusals.ts';
import * as store from '../../store/console/health.ts';
import { countOwn } from '../../store/domains/domains.ts';
import { archiveSize } from '../../store/messages/archive.ts';
import { VERIFIED_DAYS, verifiedShare } from '../../store/reports/verified-share.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, type Asked, may, page, route } from '../routes.ts';
import { fileOf, type Table, tableOf, tableQuery } from '../tables.ts';
import { dated, minute, share } from './format.ts';

const DAYS = 30;
const MOST_DOMAINS = 30;
const HOUR_SECONDS = 3600;
const MINUTE_MS = 60_000;
const GB = 1e9;
const MB = 1e6;
/** The share of the archive's total above which a note appears. */
const FULL = 0.8;

const w = words.health;

/** A line of the checks: fine, worth knowing, or wrong. */
interface Line {
  is: 'ok' | 'note' | 'bad';
  what: string;
  text: string;
}

/** What doctor knows without asking another server. */
async function checksOf({ db, config, clock }: Pick<Asked, 'db' | 'config' | 'clock'>, boxes: readonly store.MailboxHealth[]) {
  const now = clock.now();
  const lines: Line[] = [];
  const say = (is: Line['is'], what: string, text: string) => lines.push({ is, what, text });
  if (config.mailboxes.length === 0) say('note', w.mailboxes, w.no_mailbox);
  for (const { mailbox, last_error, polled_at } of boxes) {
    if (last_error !== null) say('bad', mailbox, last_error);
    else if (polled_at === null) say('note', mailbox, w.never_polled);
    else if (now.getTime() - polled_at.getTime() > HOUR_SECONDS * 1000) say('bad', mailbox, w.not_polled(minute(polled_at)));
    else say('ok', mailbox, w.polled(minute(polled_at)));
  }
  const own = await countOwn(db);
  say(own === 0 ? 'note' : 'ok', w.domains, w.own(own));
  const share = await verifiedShare(db, new Date(now.getTime() - VERIFIED_DAYS * DAY_MS));
  const unverified = unverifiedSentence(share);
  if (config.trust.check === 'off') say('note', w.trust, w.trust_off);
  else if (unverified !== null) say('bad', w.trust, unverified);
  else say('ok', w.trust, share.reports === 0 ? w.no_reports : w.verified(share.verified, share.reports, VERIFIED_DAYS));
  const refused = await refusedAlerts(db);
  if (config.smtpUrl === null && config.webhooks.length === 0) say('note', w.alerts, w.alerts_off);
  else if (refused.findings + refused.digests > 0) say('bad', w.alerts, w.refused(refused.findings + refused.digests));
  else say('ok', w.alerts, w.alerts_on);
  const [bytes, total] = [await archiveSize(db), config.retention.raw_total_gb];
  if (bytes === null) say('ok', w.archive, w.archive_unmeasured);
  else say(total !== null && bytes > FULL * total * GB ? 'note' : 'ok', w.archive, w.archive_size(sizeOf(bytes), total));
  return lines;
}

const sizeOf = (bytes: number): string => (bytes < GB / 10 ? `${(bytes / MB).toFixed(1)} MB` : `${(bytes / GB).toFixed(2)} GB`);

const health = route({
  method: 'GET',
  path: '/health',
  kind: 'page',
  least: 'viewer',
  scope: 'installation',
  query: z.object(tableQuery),
  async handle(given) {
    const { db, reader, query: asked, clock, visitor } = given;
    // By the minute, so that people who look at about the same time ask the same.
    const since = (days: number) => new Date(Math.floor(clock.now().getTime() / MINUTE_MS) * MINUTE_MS - days * DAY_MS);
    const boxes = await store.mailboxHealth(db);
    const tables = {
      boxes: boxTable(boxes),
      waiting: waitingTable(await store.waitingWork(db)),
      states: stateTable(await store.mailStates(reader, since(DAYS))),
      trust: trustTable(await store.trustShares(reader, since(VERIFIED_DAYS), MOST_DOMAINS)),
    };
    const file = fileOf(asked, Object.values(tables), 'ruawatch-health');
    if (file !== null) return file;
    const lines = await checksOf(given, boxes);
    const wrong = lines.filter(({ is }) => is === 'bad').length;
    const show = (title: string, lead: string, table: Table): Html | false =>
      table.rows > 0 && html`<section><h2>${title}</h2><p class="quiet">${lead}</p>${table.html(path`/health`)}</section>`;
    const body = html`<div class="heading"><h1>${w.title}</h1><p>${wrong === 0 ? w.well : w.unwell(wrong)}</p></div>
<ul class="checks">${lines.map(({ is, what, text }) => html`<li class="${is}"><strong>${w.marks[is]}</strong><span>${what}: ${dated(text)}</span></li>`)}</ul>
<p class="quiet">${w.doctor}${may(visitor, 'admin') && html` <a href="${path`/setup`}">${words.setup.title}</a>`}</p>
${show(w.waiting, w.waiting_what, tables.waiting)}
${show(w.mailboxes, w.mailboxes_what, tables.boxes)}
${show(w.states, w.states_what(DAYS), tables.states)}
${show(w.shares, w.shares_what(VERIFIED_DAYS), tables.trust)}`;
    return page(w.title, body, { section: 'health' });
  },
});

function boxTable(rows: readonly store.MailboxHealth[]): Table {
  return tableOf<store.MailboxHealth>(
    'mailboxes',
    [
      { key: 'mailbox', label: w.mailbox, as: 'head', of: (one) => one.mailbox },
      { key: 'folder', label: w.folder, as: 'name', of: (one) => one.folder },
      { key: 'polled_at', label: w.polled_at, as: 'date', of: (one) => one.polled_at },
      { key: 'backlog', label: w.backlog, as: 'number', of: (one) => one.backlog },
      { key: 'last_error', label: w.error, sparse: true, of: (one) => one.last_error },
    ],
    rows,
  );
}

function waitingTable(rows: readonly store.Waiting[]): Table {
  return tableOf<store.Waiting>(
    'waiting',
    [
      { key: 'what', label: w.what, as: 'head', of: (one) => one.what, show: (one) => w.queues[one.what] },
      { key: 'waiting', label: w.count, as: 'number', of: (one) => one.waiting },
      {
        key: 'oldest_seconds',
        label: w.oldest,
        as: 'number',
        sparse: true,
        of: (one) => (one.oldest === null ? null : Math.round(one.oldest)),
        show: (one) => (one.oldest === null ? '' : w.minutes(Math.round(one.oldest / 60))),
      },
    ],
    rows,
  );
}

function stateTable(rows: readonly store.MailState[]): Table {
  return tableOf<store.MailState>(
    'mails',
    [
      { key: 'state', label: w.state, as: 'head', of: (one) => one.state, show: (one) => w.states_of[one.state] ?? one.state },
      { key: 'code', label: w.code, as: 'name', sparse: true, of: (one) => one.code },
      { key: 'mails', label: w.mails, as: 'number', of: (one) => one.mails },
      { key: 'last_at', label: w.newest, as: 'date', of: (one) => one.last_at },
    ],
    rows,
  );
}

function trustTable(rows: readonly store.TrustShare[]): Table {
  return tableOf<store.TrustShare>(
    'trust',
    [
      { key: 'domain', label: words.overview.domain, as: 'head', of: (one) => one.domain },
      { key: 'reports', label: w.reports, as: 'number', of: (one) => one.reports },
      {
        key: 'verified',
        label: w.proven,
        as: 'number',
        of: (one) => one.verified,
        show: (one) => share(one.verified, one.reports),
      },
      { key: 'pending', label: w.pending, as: 'number', of: (one) => one.pending },
      { key: 'unproven', label: w.unproven, as: 'number', of: (one) => one.unproven },
    ],
    rows,
  );
}

export const HEALTH_ROUTES: AnyRoute[] = [health];
