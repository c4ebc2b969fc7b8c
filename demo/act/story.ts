import { setTimeout as wait } from 'node:timers/promises';
import { startApplier } from '../../services/applier/index.ts';
import { startApprover } from '../../services/approver/index.ts';
import { createDnsClient } from '../../services/dns/client/client.ts';
import type { Server } from '../../services/dns/client/servers.ts';
import { readPlan } from '../../services/requests/plan.ts';
import { changeLines } from '../../services/requests/plans/text.ts';
import { STATE_WORDS } from '../../services/requests/words.ts';
import { DAY_MS } from '../../services/shared/days.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import { addPerson } from '../../services/store/console/people.ts';
import { makeLink } from '../../services/store/console/sessions.ts';
import { countPipeline, summariseFindings } from '../../services/store/demo.ts';
import { verifyAudit } from '../../services/store/requests/audit.ts';
import { decisionsOn, listRequests, type Request } from '../../services/store/requests/requests.ts';
import { PRESS } from '../incidents.ts';
import type { DemoMailbox } from '../mailbox.ts';
import { type Flow, PAY, signed } from '../senders.ts';
import { laterMails } from '../world.ts';
import { DemoBrowser } from './browser.ts';
import { lendForATime } from './lend.ts';
import { ADA, BEN, NotToday, type StoryClock, VENDOR, VENDOR_KEY } from './setting.ts';

export interface Story {
  context: Context;
  clock: StoryClock;
  mailbox: DemoMailbox;
  names: Server;
  /** The URL of the superuser of the embedded Postgres, for a database. */
  admin: (database?: string) => string;
  /** The address of the console. */
  address: string;
  seed: number;
  today: Date;
  out: (line: string) => void;
  show: (text: string) => void;
  stop: { requested: boolean };
}

/** How long anything may take before the story is given up. */
const PATIENCE_MS = 60_000;
const DAYS = 3;
const HOUR_MS = 3_600_000;

/**
 * What people and time do about the demo's findings: the records of a vendor that is not set up are asked for
 * by a playbook, approved by two people at the console, and published; its mail passes, and the finding
 * resolves. A stricter policy of another domain is approved too. Two rights are lent, and end by themselves.
 * Then a service's signatures break, its mail is lost, and the policy returns by itself.
 * @returns what did not come about as described
 */
export async function tellStory(story: Story): Promise<string[]> {
  const { context, out } = story;
  const services: Service[] = [startApprover(context, { dns: asked(story.names) }), startApplier(context)];
  try {
    return await acts(story);
  } catch (error) {
    if (!(error instanceof NotToday)) throw error;
    out(`  ${error.message}`);
    return story.stop.requested ? [] : [error.message];
  } finally {
    await Promise.all(services.map((service) => service.stop()));
  }
}

const asked = (server: Server) => createDnsClient({ servers: [server], recursive: true, cacheEntries: 0 });

async function acts(story: Story): Promise<string[]> {
  const { context, out, show } = story;
  out('');
  out('What people do about it');
  show('playbooks look at the findings');
  const vendor = await until(story, 'no playbook asked for the records of the vendor', () => request(story, 'align-sender'));
  const policy = await until(story, 'no playbook asked for a stricter policy', () => request(story, 'policy-step'));
  const others = (await listRequests(context.db, { limit: 100 })).length - 2;
  out(`  Playbooks have asked for ${others + 2} changes. Two of them, which need one of "mail" and one of "security":`);
  for (const one of [vendor, policy]) describe(one, out);
  const ben = await approveByTwo(story, [vendor, policy]);
  for (const one of [vendor, policy])
    await until(story, `request ${one.request_key} was not applied`, async () => (await state(story, one)) === 'active');
  out('  Both are applied by signed updates. The name server says:');
  out(`    ${VENDOR_KEY.name}.${PAY} CNAME ${await alias(story)}`);
  out(`    _dmarc.${PRESS} TXT ${await policyText(story)}`);

  const approve = async (key: number, why: string) => {
    await ben.submit(`/requests/${key}`, `/requests/${key}/approve`, { why });
    out(`    ${BEN} approves request ${key} at the console: "${why}."`);
  };
  const wrong = await lendForATime({ context, names: story.names, admin: story.admin, out, show, stop: story.stop, approve });

  await letDaysPass(story);
  const returned = await until(story, 'the policy was not rolled back', async () =>
    (await state(story, policy)) === 'returned' ? load(story, policy) : null,
  );
  out(`  Request ${policy.request_key} was rolled back automatically: ${returned.outcome}`);
  out(`    _dmarc.${PRESS} TXT ${await policyText(story)}`);
  const finding = await until(story, 'the finding about the vendor did not resolve', async () => {
    const all = await summariseFindings(context.db);
    return all.find(({ finding_key, state: now }) => finding_key === vendor.finding_key && now === 'resolved') ?? null;
  });
  out(`  Finding ${finding.finding_key} (${finding.kind} of ${finding.domain}) is resolved: its mail passes.`);
  return [...wrong, ...(await audit(story, [vendor, policy]))];
}

/** Two people approve the requests at the console. @returns the browser of the second */
async function approveByTwo(story: Story, requests: readonly Request[]): Promise<DemoBrowser> {
  const approve = async (name: string, why: string) => {
    const browser = await signIn(story, name);
    for (const { request_key: key } of requests) {
      await browser.submit(`/requests/${key}`, `/requests/${key}/approve`, { why });
      story.out(`  ${name} approves request ${key} at the console: "${why}."`);
    }
    return browser;
  };
  await approve(ADA, 'It is ours, and the reports show it');
  return approve(BEN, 'Looked at with Ada');
}

/** What the records that were published change of the mail, and a key that breaks on the same day. */
function afterwards(flow: Flow): Flow {
  if (flow.domain === PAY && flow.envelope_from.endsWith(VENDOR)) return { ...flow, dkim: () => signed(PAY, 'pb1') };
  if (flow.domain === PRESS && flow.name.startsWith('presswire')) return { ...flow, dkim: () => signed(PRESS, 'pw1', 'fail') };
  return flow;
}

/** Moves the clock day by day, with the reports of each. */
async function letDaysPass(story: Story): Promise<void> {
  const { context, clock, out, show, today, seed } = story;
  const policies = { [PRESS]: { p: 'quarantine', sp: null, adkim: 'r', aspf: 'r' } } as const;
  const midnight = today.getTime() - (today.getTime() % DAY_MS);
  for (let ahead = 1; ahead <= DAYS; ahead++) {
    clock.moveTo(new Date(midnight + ahead * DAY_MS + 11.5 * HOUR_MS));
    const mails = await laterMails({ seed, today, ahead, change: afterwards, policies });
    const before = (await countPipeline(context.db)).messages;
    for (const { raw, received } of mails) story.mailbox.append(raw, received);
    show(`day ${ahead}: ${mails.length} more mails`);
    await until(story, `the mails of day ${ahead} were not processed`, async () => {
      const now = await countPipeline(context.db);
      const waiting = now.received + now.unverified + now.analysis + now.events;
      return waiting === 0 && now.messages >= before + mails.length;
    });
    if (ahead === 1)
      out('  The days go by. From the next reports on, the vendor signs as the domain; elsewhere, a service breaks its own key.');
  }
}

function describe({ request_key, summary, plan, digest }: Request, out: Story['out']): void {
  out(`    Request ${request_key}: ${summary}`);
  for (const line of changeLines(readPlan({ text: plan, digest }))) out(`      ${line}`);
}

/** Signs a person in by a link that works once, as `people add` prints it. */
async function signIn({ context, address, clock }: Story, email: string): Promise<DemoBrowser> {
  const key = await addPerson(
    context.db,
    { name: email.split('@')[0]!, email, role: 'operator', domains: null },
    'demo',
    clock.now(),
  );
  const link = `/link/${await makeLink(context.db, key, 'sign_in', clock.now())}`;
  const browser = new DemoBrowser(address);
  await browser.submit(link, link);
  return browser;
}

/** Waits until something is there. @throws NotToday */
async function until<T>({ stop }: Story, otherwise: string, look: () => Promise<T | null | false | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (stop.requested || Date.now() > end) throw new NotToday(otherwise);
    await wait(200);
  }
}

const request = async ({ context }: Story, playbook: string): Promise<Request | undefined> =>
  (await listRequests(context.db, { states: ['pending'], limit: 100 })).find((one) => one.playbook === playbook);

const load = async ({ context }: Story, { request_key }: Request): Promise<Request> =>
  (await listRequests(context.db, { limit: 100 })).find((one) => one.request_key === request_key)!;

const state = async (story: Story, one: Request) => (await load(story, one)).state;

async function alias({ names }: Story): Promise<string> {
  const answer = await asked(names).ask(`${VENDOR_KEY.name}.${PAY}`, 'CNAME');
  return answer.state === 'records' ? answer.records.join(' ') : answer.state;
}

async function policyText({ names }: Story): Promise<string> {
  const answer = await asked(names).ask(`_dmarc.${PRESS}`, 'TXT');
  return answer.state === 'records' ? answer.records.map((strings) => `"${strings.join('')}"`).join(' ') : answer.state;
}

/** Who decided what, and whether the chain of evidence holds. */
async function audit(story: Story, requests: readonly Request[]): Promise<string[]> {
  const { context, out } = story;
  out('  Who decided what:');
  for (const one of requests) {
    const now = await load(story, one);
    const people = (await decisionsOn(context.db, one.request_key)).map(({ person, decision }) => `${person} (${decision})`);
    out(`    Request ${one.request_key}, ${STATE_WORDS[now.state]}: ${people.join(', ')}`);
  }
  const { rows, head, faults } = await verifyAudit(context.db);
  out(
    `  The audit chain has ${rows} rows, ${faults.length === 0 ? 'unbroken' : `BROKEN at ${faults[0]!.number}`}; head ${head.slice(0, 20)}…`,
  );
  return faults.length === 0 ? [] : ['the audit chain is broken'];
}
