import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { type Advice, kind, seenOn } from './kind.ts';

const key = z.object({
  /** `selector._domainkey.domain` */
  name: z.string(),
  messages: z.number(),
  /** Who signs with it as well and is not denied. */
  others: z.array(z.string()),
});

const facts = z.object({
  rule: z.literal('denied_source'),
  /** By what its mail passes; `none`: it fails, and no policy stops it. */
  by: z.enum(['spf', 'dkim', 'both', 'none']),
  /** The name of the mail service; null when the catalogue does not know it. */
  service: z.string().nullable(),
  /** Who denied it, on which day, and why. */
  denied: z.object({ by: z.string(), on: z.string(), why: z.string() }),
  /** The keys that sign it, those of the most messages first; absent: not known. */
  keys: z.array(key).optional(),
  /** The terms of the domain's SPF record that admit it; absent: not known. */
  terms: z.array(z.string()).optional(),
  /** The policy that lets through what fails; null: not known. */
  policy: z.string().nullish(),
});
type DeniedFacts = z.output<typeof facts>;

export const PASSED_BY = { spf: 'by SPF alone', dkim: 'by DKIM alone', both: 'by SPF and DKIM' };

export const deniedSource = kind(
  facts,
  { name: null, mail: 'forged', partOf: 'domain' },
  ({ domain: full, subject, evidence }, given) => {
    const { by, service, denied } = given;
    const domain = short(full);
    const source = short(subject);
    const name = service === null ? source : `${source} (${service})`;
    const messages = counted(evidence.messages, 'message');
    const said = `${short(denied.by, 40)} denied it on ${denied.on} (${short(denied.why)}).`;
    const approval = [
      { verdict: 'approve' as const, source: subject, when: 'If it may send after all', why: 'may send after all' },
    ];
    const topic = `mail of denied ${name} as ${domain}`;
    if (by === 'none') {
      const policy = given.policy == null ? 'no policy' : `p=${given.policy}`;
      return {
        title: `Denied ${name} is delivered as ${domain}`,
        topic,
        summary: `${name} is denied, fails DMARC as ${domain}, and is delivered under ${policy}: ${messages} since ${evidence.since}`,
        what: `${messages} from ${name} in the name of ${domain} failed DMARC since ${evidence.since}, and receivers delivered ${evidence.delivered === evidence.messages ? 'all of them' : counted(evidence.delivered, 'message')}, since ${policy === 'no policy' ? 'no policy tells' : `${policy} does not tell`} them to stop it. ${said}`,
        advice: [
          seenOn(
            'policy_status',
            `Publish p=quarantine or p=reject: nothing else keeps it out. "ruawatch policy status ${domain}" says which mail of yours that would stop as well, and what to do about that first.`,
          ),
          `Tell ${service ?? source} that it sends in your name: its abuse desk can close the account.`,
        ],
        senders: approval,
      };
    }
    const title = `${name} is denied but still sends as ${domain} and passes DMARC ${PASSED_BY[by]}`;
    return {
      title: `Denied ${name} still passes as ${domain}`,
      topic,
      summary: `${title}: ${messages} since ${evidence.since}`,
      what: `${messages} from ${name} in the name of ${domain} passed DMARC ${PASSED_BY[by]}. ${said}`,
      advice: [
        ...(by === 'spf' ? [] : keysAdvice({ domain, name, account: service ?? source }, given)),
        ...(by === 'dkim' ? [] : [spfAdvice(domain, source, given)]),
      ],
      senders: approval,
    };
  },
);

/** What to do about the keys. Who removes one that others sign with loses their mail. */
function keysAdvice(
  { domain, name, account }: { domain: string; name: string; account: string },
  { keys = [] }: DeniedFacts,
): Advice[] {
  if (keys.length === 0)
    return [
      `Withdraw what lets it sign: the key of the selector it uses, under _domainkey.${domain}, and the account at ${account}. (If it only forwards mail of your other senders, it needs no denial.)`,
    ];
  return keys.map(({ name: full, messages, others }) => {
    const at = short(full);
    const signs = list(others.map((one) => short(one)));
    return others.length === 0
      ? `Remove the key ${at} from DNS: it signed ${counted(messages, 'message')} of ${name}, and nobody else signs with it. Close the account at ${account} as well.`
      : `Do not remove the key ${at} yet: ${signs} ${others.length === 1 ? 'signs' : 'sign'} with it as well. If ${name} only forwards mail of ${others.length === 1 ? 'that sender' : 'these'}, it needs no denial. Else publish a second selector for the rightful mail, move that to it, and then remove ${at}.`;
  });
}

function spfAdvice(domain: string, source: string, { terms = [] }: DeniedFacts): Advice {
  if (terms.length === 0)
    return `Remove what admits ${source} from the SPF record of its return path, and close the account it sends through.`;
  return seenOn(
    'dns_records',
    `Take ${list(terms.map((one) => short(one)))} out of the SPF record of ${domain}: ${terms.length === 1 ? 'that admits' : 'these admit'} ${source}. If your own mail comes from there too, list its addresses instead, or have it signed first.`,
  );
}
