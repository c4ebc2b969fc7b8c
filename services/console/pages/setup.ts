import { z } from 'zod';
import { checkDestination } from '../../dns/dmarc/destination.ts';
import { discoverPolicy } from '../../dns/dmarc/walk.ts';
import { ownDomains } from '../../report/hostname.ts';
import { DAY_MS } from '../../shared/days.ts';
import { sentenceOf } from '../../shared/errors.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import { noteAct } from '../../store/console/audit.ts';
import { mailboxHealth } from '../../store/console/health.ts';
import { type Arrival, newestArrivals } from '../../store/console/reports.ts';
import { listDomains, putOwn } from '../../store/domains/domains.ts';
import { newestRaws } from '../../store/messages/messages.ts';
import { VERIFIED_DAYS, verifiedShare } from '../../store/reports/verified-share.ts';
import { askForm, choice, each, line, postForm } from '../form.ts';
import { wrongField } from '../given.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, type Asked, page, route, see } from '../routes.ts';
import { minute } from './format.ts';
import { destinationRecord, proposedServer, wantedRecord } from './setup-record.ts';

const w = words.setup;
const DNS_MS = 8_000;
const QUESTIONS = 40;
const MOST_DOMAINS = 500;
/** Mails that are looked at for the name of the own server. */
const NEWEST_MAILS = 20;

const query = z.object({
  domain: z.string().trim().toLowerCase().max(253).default(''),
  check: z.enum(['', 'dns', 'mail']).default(''),
});

interface Step {
  title: string;
  state: 'done' | 'todo' | 'wrong';
  body: Html;
}

const setup = route({
  method: 'GET',
  path: '/setup',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  waitsFor: 'servers',
  query,
  perMinute: 60,
  async handle(asked) {
    const own = await listDomains(asked.db, { state: 'own', limit: MOST_DOMAINS });
    const waiting = own.filter(({ last_reported }) => last_reported === null);
    const domain = own.find((one) => one.domain === asked.query.domain)?.domain ?? (waiting[0] ?? own[0])?.domain ?? null;
    const arrivals = await newestArrivals(
      asked.reader,
      own.map((one) => one.domain),
    );
    const steps = [
      domainStep(
        own.map((one) => one.domain),
        domain,
      ),
      ...(domain === null ? [] : [await recordStep(asked, domain, arrivals)]),
      await mailStep(asked),
      await trustStep(asked),
      ...(domain === null ? [] : [reportStep(domain, arrivals)]),
    ];
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
<ol class="steps">${steps.map(
      ({ title, state, body: shown }) =>
        html`<li class="card"><h2>${title} <span class="state ${state}">${w.states[state]}</span></h2>${shown}</li>`,
    )}</ol>
<p><a href="${path`/upload`}">${words.upload.title}</a> <span class="quiet">${words.upload.instead}</span></p>`;
    return page(w.title, body, { section: 'overview' });
  },
});

function domainStep(own: readonly string[], chosen: string | null): Step {
  const name = line({ label: w.domain, name: 'domain', required: true, maxlength: 253, placeholder: 'example.com' });
  const as = { class: 'inline' };
  const add = postForm(path`/setup/domains`, html`${name}<button class="primary">${w.add}</button>`, { as });
  const all = each(own, String);
  const choose =
    own.length > 1 &&
    askForm(html`${choice({ label: w.look_at, name: 'domain' }, all, chosen)}<button>${words.findings.apply}</button>`, { as });
  return {
    title: w.step_domain,
    state: own.length === 0 ? 'todo' : 'done',
    body: html`<p>${own.length === 0 ? w.no_domain : w.domains(own.length)}</p>${add}${choose}`,
  };
}

/** The address that reports go to: the first of a mailbox that is read here. */
const addressOf = ({ config }: Pick<Asked, 'config'>): string | null =>
  config.mailboxes.flatMap(({ addresses }) => addresses)[0] ?? null;

interface Published {
  /** The record that applies; null without one. */
  record: string | null;
  at: string | null;
  /** Whether the other side accepts reports; null where none is needed. */
  accepts: boolean | null;
  /** What could not be asked. */
  trouble: string | null;
}

async function publishedFor({ config }: Pick<Asked, 'config'>, domain: string, address: string): Promise<Published> {
  const dns = openDns(config.dnsServers);
  const options = { signal: AbortSignal.timeout(DNS_MS), budget: { left: QUESTIONS } };
  try {
    const found = await discoverPolicy(domain, dns, options);
    if (found.state === 'unknown') return { record: null, at: null, accepts: null, trouble: found.message };
    const record = found.state === 'found' && found.at === domain ? found.record.text : null;
    const external = destinationRecord(domain, address);
    if (external === null) return { record, at: found.state === 'found' ? found.at : null, accepts: null, trouble: null };
    const other = await checkDestination(domain, address.slice(address.lastIndexOf('@') + 1), dns, options);
    return {
      record,
      at: found.state === 'found' ? found.at : null,
      accepts: other.state === 'authorized',
      trouble: other.state === 'unknown' ? other.message : null,
    };
  } finally {
    dns.cancel();
  }
}

async function recordStep(
  asked: Pick<Asked, 'config'> & { query: z.output<typeof query> },
  domain: string,
  arrivals: readonly Arrival[],
): Promise<Step> {
  const address = addressOf(asked);
  // Reports that come were asked for, whatever the settings say of the address.
  if (arrivals.some((one) => one.domain === domain) && (address === null || asked.query.check !== 'dns'))
    return {
      title: w.step_record,
      state: 'done',
      body: html`<p>${w.reports_come(domain)}</p>${address !== null && checkDns(domain)}`,
    };
  if (address === null) return { title: w.step_record, state: 'todo', body: html`<p>${w.no_address}</p>` };
  const checked = asked.query.check === 'dns' ? await publishedFor(asked, domain, address) : null;
  const wanted = wantedRecord(domain, checked?.record ?? null, address);
  const external = destinationRecord(domain, address);
  const record = (name: string, value: string) =>
    html`<dl class="record"><div><dt>${w.name}</dt><dd><code>${name}</code></dd></div><div><dt>${w.type}</dt><dd><code>TXT</code></dd></div><div><dt>${w.value}</dt><dd><code>${value}</code></dd></div></dl>`;
  const done = checked !== null && wanted.there && checked.accepts !== false;
  const said =
    checked === null
      ? null
      : checked.trouble !== null
        ? w.dns_trouble(checked.trouble)
        : wanted.there
          ? checked.accepts === false
            ? w.record_there_not_accepted
            : w.record_there
          : checked.record !== null
            ? w.record_other
            : w.record_missing;
  return {
    title: w.step_record,
    state: done ? 'done' : checked === null ? 'todo' : 'wrong',
    body: html`${said !== null && html`<p role="status"><strong>${said}</strong></p>`}
${!wanted.there && html`<p>${checked?.record ? w.change_record : w.publish_record(domain)}</p>${record(wanted.name, wanted.value)}`}
${external !== null && checked?.accepts !== true && html`<p>${w.external(domain, address.slice(address.lastIndexOf('@') + 1))}</p>${record(external.name, external.value)}`}
${checkDns(domain)}`,
  };
}

const checkDns = (domain: string): Html =>
  html`<p><a class="button" href="${withQuery(path`/setup`, { domain, check: 'dns' })}">${w.check_dns}</a></p>`;

async function mailStep(asked: Pick<Asked, 'config' | 'db' | 'probes'> & { query: z.output<typeof query> }): Promise<Step> {
  const { config, db, probes } = asked;
  const boxes = await mailboxHealth(db);
  const lines: { good: boolean; text: string }[] = boxes.map((one) => ({
    good: one.last_error === null,
    text: `${one.mailbox}: ${one.last_error ?? (one.polled_at === null ? words.health.never_polled : words.health.polled(minute(one.polled_at)))}`,
  }));
  if (config.mailboxes.length === 0) lines.push({ good: false, text: w.no_mailbox });
  if (config.smtpUrl === null) lines.push({ good: false, text: w.no_smtp });
  if (asked.query.check === 'mail' && probes !== undefined) {
    const tried = async (name: string, probe: () => Promise<string>) => {
      try {
        lines.push({ good: true, text: `${name}: ${await probe()}` });
      } catch (error) {
        lines.push({ good: false, text: `${name}: ${sentenceOf(error)}` });
      }
    };
    for (const { name } of config.mailboxes) await tried(w.mailbox(name), () => probes.mailbox(name));
    if (config.smtpUrl !== null) await tried(w.smtp, () => probes.smtp());
  }
  const wrong = lines.some(({ good }) => !good);
  return {
    title: w.step_mail,
    state: wrong ? 'wrong' : boxes.length > 0 ? 'done' : 'todo',
    body: html`<ul>${lines.map(({ good, text }) => html`<li>${good ? '' : html`<strong>${words.health.marks.bad}</strong> `}${text}</li>`)}</ul>
${probes !== undefined && html`<p><a class="button" href="${withQuery(path`/setup`, { domain: asked.query.domain, check: 'mail' })}">${w.check_mail}</a></p>`}`,
  };
}

async function trustStep({ config, db, clock }: Pick<Asked, 'config' | 'db' | 'clock'>): Promise<Step> {
  const share = await verifiedShare(db, new Date(clock.now().getTime() - VERIFIED_DAYS * DAY_MS));
  const proposed = config.trust.authserv_ids.length > 0 ? null : proposedServer(await newestRaws(db, NEWEST_MAILS));
  const said =
    config.trust.check === 'off'
      ? words.health.trust_off
      : share.reports === 0
        ? w.trust_later
        : words.health.verified(share.verified, share.reports, VERIFIED_DAYS);
  return {
    title: w.step_trust,
    state: share.reports === 0 ? 'todo' : share.unverified * 4 > share.reports ? 'wrong' : 'done',
    body: html`<p>${said}</p>${
      proposed !== null &&
      html`<p>${w.trust_proposed(proposed)}</p><pre>trust:
  authserv_ids: [${proposed}]</pre><p class="quiet">${w.trust_warning}</p>`
    }`,
  };
}

function reportStep(domain: string, arrivals: readonly Arrival[]): Step {
  const [newest] = arrivals;
  const of = arrivals.find((one) => one.domain === domain);
  const came = ({ domain: about, received_at }: Arrival, said: (at: string) => string) =>
    html`<p>${said(`${minute(received_at)} UTC`)} <a href="${path`/domains/${about}`}">${about}</a></p>`;
  return {
    title: w.step_report,
    state: of === undefined ? 'todo' : 'done',
    body: html`${of === undefined && html`<p>${w.report_waits(domain)}</p>`}${newest !== undefined && came(newest, w.report_came)}${of !== undefined && of !== newest && came(of, w.report_of)}`,
  };
}

const addDomain = route({
  method: 'POST',
  path: '/setup/domains',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  body: z.object({ domain: z.string().trim().min(1).max(1000) }),
  async handle({ db, body, visitor, clock }) {
    const { names, wrong } = ownDomains([body.domain]);
    const [domain] = names;
    if (wrong !== null || domain === undefined) throw wrongField('domain', wrong ?? w.no_domain);
    const now = clock.now();
    await putOwn(db, [domain], 'added', { word: { by: visitor!.name, why: w.added_here }, now, ignored: true });
    await noteAct(db, { by: visitor!.name, person: visitor!.person_key, act: 'domain_added', domain }, now);
    return see(withQuery(path`/setup`, { domain }), { told: { done: 'domain_added' } });
  },
});

export const SETUP_ROUTES: AnyRoute[] = [setup, addDomain];
