import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Server } from '../../services/dns/client/servers.ts';
import { sendUpdate } from '../../services/dns/wire/send.ts';
import { startGateway } from '../../services/gateway/index.ts';
import { newTsigCredential } from '../../services/requests/grants/tsig-credential.ts';
import { planGrant } from '../../services/requests/plans/grant.ts';
import { scramVerifier } from '../../services/shared/runtime/embedded-secrets.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { readKeyFile } from '../../services/shared/settings/gateway.ts';
import { enterShop, makeShop, SHOP_READERS } from '../../services/store/demo-lending.ts';
import { type Grant, grantOf, loadGrant } from '../../services/store/grants/grants.ts';
import { newestAudit } from '../../services/store/requests/audit.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { PRESS } from '../incidents.ts';
import { PAY } from '../senders.ts';
import { ADA, NotToday, SHOP } from './setting.ts';

/** Seconds for which both rights are lent: enough to use them on a busy machine. */
const SECONDS = 10;
const PATIENCE_MS = 60_000;
const MOST_AUDIT = 100;

export interface LendStory {
  context: Context;
  names: Server;
  /** The URL of the superuser of the embedded Postgres, for a database. */
  admin: (database?: string) => string;
  out: (line: string) => void;
  show: (text: string) => void;
  stop: { requested: boolean };
  /** Has the other person approve a request at the console. */
  approve(request: number, why: string): Promise<void>;
}

/**
 * Two rights that are lent for seconds: a role of the shop's database, and a key that changes one name in
 * DNS. Both are used, refused outside of what they are for, and end by themselves.
 * @returns what did not come about as described
 */
export async function lendForATime(story: LendStory): Promise<string[]> {
  const { context, names, admin, show } = story;
  show('making the database of the shop');
  const url = await makeShop(admin);
  const common = { for: [], services: [], longestSeconds: 3_600, risk: 'low' as const };
  const shop = { ...common, name: SHOP, groups: [SHOP_READERS], connections: 5, logFolder: null, url: () => url };
  context.config.access = { ...context.config.access, databases: [shop] };
  const gateway = await startGateway({
    ...context,
    config: { ...context.config, dnsServers: [`${names.address}:${names.port}`] },
  });
  try {
    return await lend(story, url, { address: '127.0.0.1', port: gateway.port });
  } finally {
    await gateway.stop();
  }
}

async function lend(story: LendStory, url: string, gateway: Server): Promise<string[]> {
  const { context, out, approve } = story;
  const name = `_acme-challenge.${PAY}`;
  out('  Nobody has the password of the shop for good, or a key for all of the DNS. Ada asks for both:');
  const role = await ask(story, {
    kind: 'access.database',
    domain: '*',
    server: SHOP,
    scope: { group: SHOP_READERS },
    why: 'what happened to order 4711',
    ...newPassword(),
  });
  const key = await ask(story, {
    kind: 'access.dns',
    domain: PAY,
    server: 'demo',
    scope: { use: 'key', zone: PAY, names: [name], types: ['TXT'], operations: ['add', 'delete'], task: null },
    why: 'a certificate',
    ...newTsigCredential(readKeyFile(context.config.gateway.keyFile)),
  });
  for (const { request } of [role, key]) await approve(request, 'For ten seconds');
  const [lentRole, lentKey] = [await isActive(story, role.grant), await isActive(story, key.grant)];
  const session = await enterShop(url, lentRole.name, role.secret);
  if (typeof session === 'string') return [`the lent role could not log in: ${session}`];
  const looked = await session.look();
  out(`    ${lentRole.name} logs in and sees ${looked} orders; to delete them: ${await session.clear()}`);
  const update = updating(gateway, { name: lentKey.name, secret: key.secret });
  const [added, refused] = [await update(name, 'token'), await update(`_dmarc.${PRESS}`, 'v=DMARC1; p=none')];
  out(
    `    An update with the lent key, as of nsupdate, through the gateway: ${name} TXT "token": ${added}; of another domain: ${refused}`,
  );
  out(`  Nobody ends them. ${SECONDS} seconds after they were lent:`);
  const [endedRole, endedKey] = [await isEnded(story, role.grant), await isEnded(story, key.grant)];
  const after = await session.look();
  const again = await enterShop(url, lentRole.name, role.secret);
  const late = await update(name, 'later');
  out(`    Grant ${role.grant}: ${endedRole.end_reason} Its session: ${after}; a log-in: ${refusal(again)}`);
  out(`    Grant ${key.grant}: ${endedKey.end_reason} An update with its key: ${late}`);
  await printAudit(story, [role, key]);
  if (typeof again !== 'string') await again.close();
  const wrong: string[] = [];
  if (looked !== 3) wrong.push(`the lent role saw ${looked}`);
  if (typeof after === 'number' || typeof again !== 'string') wrong.push('the lent role works after its end');
  if (added !== 'NOERROR' || refused === 'NOERROR') wrong.push(`the lent key: ${added}, ${refused}`);
  if (late === 'NOERROR') wrong.push('the lent key works after its end');
  return wrong;
}

const refusal = (entered: unknown): string => (typeof entered === 'string' ? entered : 'it is let in');

function newPassword(): { secret: string; credential: string } {
  const secret = randomBytes(24).toString('base64url');
  return { secret, credential: scramVerifier(secret) };
}

interface Asked {
  request: number;
  grant: number;
  secret: string;
}

type Wish = Pick<Parameters<typeof planGrant>[0], 'kind' | 'domain' | 'server' | 'scope'> & {
  why: string;
  secret: string;
  credential: string;
};

/** What `ruawatch access request` does. */
async function ask({ context, out }: LendStory, { why, secret, ...wish }: Wish): Promise<Asked> {
  const { db, config } = context;
  const plan = planGrant({ ...wish, holder: ADA, holder_kind: 'person', groups: [], seconds: SECONDS, uses: null, risk: 'low' });
  const given = { plan, requester: ADA, requester_kind: 'person' as const, why, credential: wish.credential };
  const request = (await openRequest(db, config.approvals.rules, given))!;
  out(`    Request ${request}: ${plan.summary} "${why}."`);
  return { request, grant: (await grantOf(db, request)).grant_key, secret };
}

const isActive = (story: LendStory, key: number) => inState(story, key, 'active');
const isEnded = (story: LendStory, key: number) => inState(story, key, 'ended');

async function inState({ context, stop }: LendStory, key: number, wanted: Grant['state']): Promise<Grant> {
  for (const end = Date.now() + PATIENCE_MS; ; await wait(100)) {
    const grant = await loadGrant(context.db, key);
    if (grant.state === wanted) return grant;
    if (stop.requested || Date.now() > end)
      throw new NotToday(`grant ${key} is ${grant.state}, not ${wanted}: ${grant.answer ?? ''}`);
  }
}

/** Sends an update with a lent key. @returns the answer, as its code is called */
const updating = (gateway: Server, key: { name: string; secret: string }) => async (name: string, text: string) => {
  const outcome = await sendUpdate(
    gateway,
    { name: key.name, algorithm: 'hmac-sha256', secret: Buffer.from(key.secret, 'base64') },
    { zone: PAY, prerequisites: [], changes: [{ kind: 'add', name, type: 'TXT', ttl: 60, data: [text] }] },
  );
  if (outcome.state === 'accepted') return 'NOERROR';
  if (outcome.state !== 'refused') return outcome.message;
  return outcome.rcode;
};

async function printAudit({ context, out }: LendStory, asked: readonly Asked[]): Promise<void> {
  const about = new Set(asked.flatMap(({ request, grant }) => [`request ${request}`, `grant ${grant}`]));
  const rows = (await newestAudit(context.db, MOST_AUDIT))
    .map(({ number, body }) => ({ number, ...(JSON.parse(body) as { actor: string; verb: string; object: string }) }))
    .filter(({ object }) => about.has(object))
    .sort((a, b) => a.number - b.number);
  out(`  The audit has ${rows.length} rows of it: ${rows.map(({ verb, object }) => `${verb} (${object})`).join(', ')}.`);
}
